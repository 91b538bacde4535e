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
 * Tells all times below `root` as chosen; those that are told so already are not touched.
 * @param {Document | Element} root
 */
export function retell(root) {
  const choice = chosen();
  for (const time of root.querySelectorAll("time")) tell(time, choice);
}

/** @param {HTMLTimeElement} time @param {Choice} choice */
function tell(time, { form, zone }) {
  const moment = new Date(time.dateTime);
  if (Number.isNaN(moment.getTime())) return;
  if (form === "relative" || (form === "" && "relative" in time.dataset)) {
    put(time, [age((Date.now() - moment.getTime()) / 1000)]);
  } else if (form !== "" || zone !== "" || !time.querySelector("small")) {
    const [day, second, thousandths] = parts(moment, zoneName(zone));
    put(time, [small(`${day} `), second, small(`.${thousandths}`)]);
  }
}

/** @param {string} zone */
export function zoneName(zone) {
  if (zone === "here") return undefined;
  const name = zone || document.documentElement.dataset.zone || "UTC";
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return "UTC"; // a zone that this browser does not know
  }
}

/** @param {string} text */
function small(text) {
  const element = document.createElement("small");
  element.textContent = text;
  return element;
}

/** @param {HTMLElement} element @param {(string | Node)[]} content */
function put(element, content) {
  const text = content.map((part) => (typeof part === "string" ? part : part.textContent)).join("");
  if (element.textContent !== text) element.replaceChildren(...content);
}
