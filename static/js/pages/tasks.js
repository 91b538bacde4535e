/** What the list of tasks has beyond other pages. */
import "../parts/cells.js";
import "../parts/complete.js";
import "../parts/histogram.js";
import "../parts/picks.js";
import "../parts/views.js";
import { keep, kept } from "../kept.js";

const facets = document.querySelector("#facets");
if (facets instanceof HTMLDetailsElement) {
  facets.open = kept("tasks-facets") === "open";
  facets.addEventListener("toggle", () => keep("tasks-facets", facets.open ? "open" : ""));
}
