/** What every page runs; each import defines one custom element. */
import "./parts/copy.js";
import "./parts/jump.js";
import "./parts/keys.js";
import "./parts/live.js";
import "./parts/menu.js";
import "./parts/prefs.js";
import "./parts/rows.js";
import "./parts/time.js";
import "./parts/toasts.js";

// Only some pages have forms that are reviewed; without the drawer the review is a page.
if (document.querySelector("[data-reviewed]")) import("./parts/review.js");
