/**
 * How this browser wants times told: `form` is "" (as the page has them), "absolute" or "relative";
 * `zone` is "" (that of the page), "here" or "UTC".
 */
import { keep, kept } from "./kept.js";
import { age, parts } from "./moment.js";

/** @typedef {{ form: string, zone: string }} Choice */

/** @returns {Choice} */
export const chosen = () => ({ form: kept("time-form"), zone: kept("time-zone") });

/** @param {Choice} choice */
export function choose({ form, zone }) {
  keep("time-form", form);
  keep("time-zone", zone);
  retell(document);
}

/**
 * Tells all times below `root` as chosen; those that are told so already are not touched. Fields for
 * a time follow, and what names the zone.
 * @param {Document | Element} root
 */
export function retell(root) {
  const choice = chosen();
  const name = zoneName(choice.zone);
  const isPages = name === pageZone();
  for (const time of root.querySelectorAll("time")) tell(time, choice.form, name, isPages);
  for (const field of root.querySelectorAll("input[data-zone]")) field.setAttribute("value", name);
  for (const field of root.querySelectorAll("input[data-at]")) put(field, name);
  const named = root.querySelector("#zone");
  if (named && !isPages) named.textContent = name;
  else if (named) named.textContent = named.getAttribute("data-name");
}

/** @param {HTMLTimeElement} time @param {string} form @param {string} zone @param {boolean} isPages */
function tell(time, form, zone, isPages) {
  const moment = new Date(time.dateTime);
  if (Number.isNaN(moment.getTime())) return;
  time.removeAttribute("title"); // <f-time> tells more, in the zone that was chosen
  if (form === "relative" || (form === "" && "relative" in time.dataset)) {
    fill(time, [age((Date.now() - moment.getTime()) / 1000)]);
  } else if (form !== "" || !isPages || time.dataset.zone || !time.querySelector("small")) {
    const [day, second, thousandths, ahead] = parts(moment, zone);
    const offset = document.createElement("span");
    offset.textContent = ahead;
    time.dataset.zone = zone; // and no longer as the page has it
    fill(time, [small(`${day} `), second, small(`.${thousandths}`), ...(ahead ? [offset] : [])]);
  }
}

/** @param {Element} field @param {string} zone */
function put(field, zone) {
  const [day, second] = parts(new Date(field.getAttribute("data-at") ?? ""), zone);
  field.setAttribute("value", `${day}T${second}`);
}

/** The zone of the page's own times; a browser that does not know it has them all in UTC. */
const pageZone = () => document.documentElement.dataset.zone || "UTC";

/** @param {string} zone */
export function zoneName(zone) {
  if (zone === "here") return new Intl.DateTimeFormat("en").resolvedOptions().timeZone;
  const name = zone || pageZone();
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return name;
  } catch {
    return "UTC";
  }
}

/** @param {string} text */
function small(text) {
  const element = document.createElement("small");
  element.textContent = text;
  return element;
}

/** @param {HTMLElement} element @param {(string | Node)[]} content */
function fill(element, content) {
  const text = content.map((part) => (typeof part === "string" ? part : part.textContent)).join("");
  if (element.textContent !== text) element.replaceChildren(...content);
}

/** A moment in the chosen zone, with how far that is ahead. @param {number} seconds UTC seconds */
export function clock(seconds) {
  const [day, time, , ahead] = parts(new Date(seconds * 1000), zoneName(chosen().zone));
  return `${day} ${time}${ahead}`;
}
