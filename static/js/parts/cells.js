/**
 * <f-cells data-url="…{term}…">: what can be done with one cell of the list in it: show only tasks
 * with its value (`data-term`), or none of them, or copy it. For who points at a cell, taps beside a
 * link in it, or goes there with the arrow keys.
 */
import { copy } from "../clipboard.js";

const CELLS = "td[data-term], td[data-copies]";

class Cells extends HTMLElement {
  #tools = document.createElement("span");
  #isTouch = false;

  connectedCallback() {
    this.#tools.className = "cell-tools";
    this.addEventListener("pointerover", this.#onPointer);
    this.addEventListener("pointerleave", this.#onLeave);
    this.addEventListener(
      "pointerup",
      ({ pointerType }) => (this.#isTouch = pointerType !== "mouse"),
    );
    this.addEventListener("click", this.#onTap);
    this.addEventListener("keydown", this.#onKey);
    this.addEventListener("focusin", this.#onFocus);
    document.addEventListener("pointerdown", this.#onOutside);
  }

  disconnectedCallback() {
    document.removeEventListener("pointerdown", this.#onOutside);
  }

  /** @param {PointerEvent} event */
  #onPointer = (event) => {
    if (event.pointerType !== "mouse" || !(event.target instanceof Element)) return;
    this.#offer(event.target.closest("td"));
  };

  /** @param {PointerEvent} event */
  #onLeave = (event) => {
    if (event.pointerType === "mouse") this.#tools.remove();
  };

  /** @param {MouseEvent} event */
  #onTap = (event) => {
    if (!this.#isTouch || !(event.target instanceof Element)) return;
    const cell = event.target.closest("td");
    if (cell && !event.target.closest("a, button")) go(cell);
  };

  /** @param {FocusEvent} event */
  #onFocus = (event) => {
    if (event.target instanceof HTMLTableCellElement) this.#offer(event.target);
  };

  /** @param {KeyboardEvent} event */
  #onKey = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const here = event.target instanceof Element ? event.target.closest("td") : null;
    if (!by || !here) return;
    const next = by < 0 ? here.previousElementSibling : here.nextElementSibling;
    if (!(next instanceof HTMLElement)) return;
    event.preventDefault();
    go(next);
  };

  /** @param {Event} event */
  #onOutside = (event) => {
    if (event.target instanceof Node && !this.contains(event.target)) this.#tools.remove();
  };

  /** @param {HTMLTableCellElement | null} cell */
  #offer(cell) {
    if (!cell?.matches(CELLS)) this.#tools.remove();
    else if (this.#tools.parentElement !== cell) {
      this.#tools.replaceChildren(...this.#links(cell.dataset.term ?? ""), copier(cell));
      cell.append(this.#tools);
    }
  }

  /** @param {string} term */
  #links(term) {
    if (!term) return [];
    return [
      this.#link("Only", `Only tasks with ${term}`, term),
      this.#link("Not", `No tasks with ${term}`, `-${term}`),
    ];
  }

  /** @param {string} words @param {string} title @param {string} term */
  #link(words, title, term) {
    const link = document.createElement("a");
    link.href = (this.dataset.url ?? "").replace("%7Bterm%7D", encodeURIComponent(term));
    link.textContent = words;
    link.title = title;
    return link;
  }
}

/** @param {HTMLElement} cell */
function go(cell) {
  cell.tabIndex = -1;
  cell.focus();
}

/** @param {HTMLTableCellElement} cell */
function copier(cell) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    const shown = cell.firstElementChild;
    button.textContent = await copy(textOf(cell), shown);
  });
  return button;
}

/** What a cell stands for, also where less of it is seen. @param {HTMLTableCellElement} cell */
function textOf(cell) {
  const time = cell.querySelector("time");
  if (time) return time.dateTime;
  const whole = cell.querySelector(":scope > a[title], .middle[title]");
  if (whole) return whole.getAttribute("title") ?? "";
  const copied = /** @type {Element} */ (cell.cloneNode(true));
  copied.querySelector(".cell-tools")?.remove();
  return copied.textContent?.trim() ?? "";
}

customElements.define("f-cells", Cells);
