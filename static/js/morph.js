/** Turns the page that is shown into a newer one, and leaves alone what people are doing in it. */
import { Idiomorph } from "../vendor/idiomorph.js";
import { retell } from "./times.js";

/**
 * Replaces each part marked `data-live` by its newer self, and marks the values that changed for a
 * moment. Focus, typed text, chosen options and open details stay; an element marked `data-own`
 * draws itself and is not touched.
 * @param {Document} newer
 */
export function show(newer) {
  retell(newer);
  document.title = newer.title;
  /** @type {Element[]} */
  const changed = [];
  const focused = document.activeElement?.getAttribute("href") ?? null;
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = newer.getElementById(part.id);
    if (next) Idiomorph.morph(part, next, { morphStyle: "outerHTML", callbacks: watch(changed) });
  }
  if (focused !== null) keepFocus(focused);
  changed.forEach(mark);
  document.querySelector("f-toasts")?.append(...newer.querySelectorAll(".toast"));
}

/** @param {Element[]} changed collects the elements whose value is another now */
function watch(changed) {
  return {
    /** @param {Node} old @param {Node} next */
    beforeNodeMorphed(old, next) {
      if (!(old instanceof HTMLElement)) return true;
      if (old.matches(VALUES) && old.textContent?.trim() !== next.textContent?.trim()) {
        changed.push(old);
      }
      return !("own" in old.dataset);
    },
    /** @param {string} name @param {Element} element */
    beforeAttributeUpdated: (name, element) => !isPeoples(name, element),
  };
}

/**
 * Where rows have no ids, a link may have become that of another row: the focus goes along with its
 * own, and stays with no other. @param {string} href
 */
function keepFocus(href) {
  const here = document.activeElement;
  if (here?.getAttribute("href") === href) return;
  const moved = document.querySelector(`a[href="${CSS.escape(href)}"]`);
  if (moved instanceof HTMLElement) moved.focus({ preventScroll: true });
  else if (here instanceof HTMLElement) here.blur();
}

/** What holds one value that counts; ages and loads change all the time and are left alone. */
const VALUES = ".card strong, .count, .counted, tr[id] .state";

/** @param {Element} element */
function mark(element) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  element.animate(
    { color: ["var(--accent)", "var(--accent)", getComputedStyle(element).color] },
    900,
  );
}

/**
 * Whether an attribute is what somebody made it, not what the server said.
 * @param {string} name
 * @param {Element} element
 */
function isPeoples(name, element) {
  if (element instanceof HTMLDetailsElement) return name === "open";
  if (element instanceof HTMLOptionElement) return name === "selected";
  if (element instanceof HTMLTextAreaElement) {
    return name === "value" && element.value !== element.defaultValue;
  }
  if (!(element instanceof HTMLInputElement)) return false;
  if (name === "checked") return element.checked !== element.defaultChecked;
  return name === "value" && element.value !== element.defaultValue;
}
