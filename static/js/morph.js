/** Turns the page that is shown into a newer one, and leaves alone what people are doing in it. */
import { Idiomorph } from "../vendor/idiomorph.esm.js";

/**
 * Replaces each part marked `data-live` by its newer self. Focus, typed text, chosen options and
 * open details stay; an element marked `data-own` draws itself and is not touched.
 * @param {Document} newer
 */
export function show(newer) {
  document.title = newer.title;
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = newer.getElementById(part.id);
    if (next) Idiomorph.morph(part, next, { morphStyle: "outerHTML", callbacks });
  }
  document.querySelector("f-toasts")?.append(...newer.querySelectorAll(".toast"));
}

const callbacks = {
  /** @param {Node} old */
  beforeNodeMorphed: (old) => !(old instanceof HTMLElement && "own" in old.dataset),
  /** @param {string} name @param {Element} element */
  beforeAttributeUpdated: (name, element) => !isPeoples(name, element),
};

/**
 * Whether an attribute is what somebody made it, not what the server said.
 * @param {string} name
 * @param {Element} element
 */
function isPeoples(name, element) {
  if (element instanceof HTMLDetailsElement) return name === "open";
  if (element instanceof HTMLOptionElement) return name === "selected";
  if (!(element instanceof HTMLInputElement)) return false;
  if (name === "checked") return element.checked !== element.defaultChecked;
  return name === "value" && element.value !== element.defaultValue;
}
