/** What the list of tasks has beyond other pages. */
import "../parts/cells.js";
import "../parts/complete.js";
import "../parts/histogram.js";
import "../parts/views.js";
