/**
 * <f-picks>: says how many rows of the list are ticked, ticks all rows between two with the Shift
 * key, and puts a box for the whole page into the list's head. Without script each row's box works.
 */
const BOXES = 'input[type="checkbox"][name="ids"]';

class Picks extends HTMLElement {
  #page = document.createElement("input");
  /** @type {HTMLInputElement | null} */ #last = null;

  connectedCallback() {
    this.setAttribute("role", "status");
    this.#page.type = "checkbox";
    this.#page.setAttribute("aria-label", "Select this page");
    this.#page.addEventListener("change", this.#all);
    document.querySelector("th[data-picks]")?.replaceChildren(this.#page);
    document.addEventListener("click", this.#onClick);
    this.#tell();
  }

  disconnectedCallback() {
    document.removeEventListener("click", this.#onClick);
  }

  #all = () => {
    for (const box of boxes()) box.checked = this.#page.checked;
    this.#tell();
  };

  /** @param {MouseEvent} event */
  #onClick = (event) => {
    const box = event.target;
    if (!(box instanceof HTMLInputElement) || !box.matches(BOXES)) return;
    if (event.shiftKey && this.#last) between(this.#last, box);
    this.#last = box;
    this.#tell();
  };

  #tell() {
    const all = boxes();
    const number = all.filter((box) => box.checked).length;
    this.#page.checked = number > 0 && number === all.length;
    this.#page.indeterminate = number > 0 && number < all.length;
    this.textContent = number ? `${number} selected` : "";
    document.querySelector("button[data-two]")?.toggleAttribute("disabled", number !== 2);
  }
}

/** @type {() => HTMLInputElement[]} */
const boxes = () =>
  [...document.querySelectorAll(BOXES)].filter((one) => one instanceof HTMLInputElement);

/** Ticks as the last one all from the first to it. @param {HTMLInputElement} first @param {HTMLInputElement} last */
function between(first, last) {
  const all = boxes();
  const [from, to] = [all.indexOf(first), all.indexOf(last)].sort((a, b) => a - b);
  if (from < 0) return;
  for (const box of all.slice(from, to + 1)) box.checked = last.checked;
}

customElements.define("f-picks", Picks);

export {};
