/** What every page runs; each import defines one custom element. */
import "./parts/copy.js";
import "./parts/jump.js";
import "./parts/keys.js";
import "./parts/live.js";
import "./parts/menu.js";
import "./parts/prefs.js";
import "./parts/review.js";
import "./parts/time.js";
import "./parts/toasts.js";
