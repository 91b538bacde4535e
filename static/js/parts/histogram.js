/**
 * <f-histogram data-url="…{period}…">: tells what a bar stands for, and makes the time range of the
 * list of what is dragged over. With the keyboard: arrows, Shift and arrows, Enter.
 */
import { barAt, inBar, period } from "../range.js";
import { clock } from "../times.js";

class BarChart extends HTMLElement {
  /** @type {HTMLElement | null} */ #hand = null;
  #tip = document.createElement("p");
  #picked = document.createElement("span");
  /** @type {number | null} */ #from = null;
  #at = 0;

  connectedCallback() {
    this.#hand = this.querySelector(".hand");
    if (!this.#hand) return;
    this.#tip.className = "tip";
    this.#picked.className = "picked";
    this.#tip.hidden = this.#picked.hidden = true;
    this.#hand.replaceChildren(this.#picked, this.#tip);
    this.#hand.tabIndex = 0;
    this.#hand.role = "slider";
    this.#hand.ariaLabel = "Time range: arrow keys move, Shift with arrows selects, Enter applies";
    this.#hand.ariaValueMin = "0";
    this.#describe();
    this.#hand.addEventListener("pointerdown", this.#onDown);
    this.#hand.addEventListener("pointermove", this.#onMove);
    this.#hand.addEventListener("pointerup", this.#onUp);
    this.#hand.addEventListener("pointercancel", this.#drop);
    this.#hand.addEventListener("pointerleave", () => this.#from === null && this.#drop());
    this.#hand.addEventListener("focus", () => this.#describe());
    this.#hand.addEventListener("blur", this.#drop);
    this.#hand.addEventListener("keydown", this.#onKey);
  }

  get #steps() {
    const { start, step, count } = this.dataset;
    return { start: Number(start), step: Number(step), count: Number(count) || 0 };
  }

  /** @param {PointerEvent} event */
  #onDown = (event) => {
    if (event.button !== 0 || !this.#steps.count) return;
    event.preventDefault();
    this.#hand?.setPointerCapture(event.pointerId);
    this.#from = this.#barOf(event);
    this.#show(this.#from);
  };

  /** @param {PointerEvent} event */
  #onMove = (event) => {
    if (this.#steps.count) this.#show(this.#barOf(event));
  };

  #onUp = () => {
    if (this.#from !== null) this.#go();
  };

  /** @param {PointerEvent} event */
  #barOf(event) {
    const box = this.getBoundingClientRect();
    return barAt((event.clientX - box.left) / box.width, this.#steps.count);
  }

  /** @param {KeyboardEvent} event */
  #onKey = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const { count } = this.#steps;
    if (by && count) {
      event.preventDefault();
      if (!event.shiftKey) this.#from = null;
      else this.#from ??= this.#at;
      this.#show(Math.min(count - 1, Math.max(0, this.#at + by)));
    } else if (event.key === "Enter" && count) {
      event.preventDefault();
      this.#from ??= this.#at;
      this.#go();
    } else if (event.key === "Escape") this.#drop();
  };

  #drop = () => {
    this.#from = null;
    this.#tip.hidden = this.#picked.hidden = true;
  };

  #go() {
    const range = period(this.#steps, this.#from ?? this.#at, this.#at);
    const url = (this.dataset.url ?? "").replace("%7Bperiod%7D", encodeURIComponent(range));
    this.#drop();
    location.assign(url);
  }

  /** @param {number} bar */
  #show(bar) {
    const { count } = this.#steps;
    this.#at = bar;
    const [first, last] = this.#bars;
    this.#picked.style.insetInlineStart = `${(100 * first) / count}%`;
    this.#picked.style.inlineSize = `${(100 * (last - first + 1)) / count}%`;
    this.#tip.style.setProperty("--at", `${(100 * (first + last + 1)) / 2 / count}%`);
    this.#describe();
    this.#tip.hidden = this.#picked.hidden = false;
  }

  /** The first and the last bar that are picked. */
  get #bars() {
    const from = this.#from ?? this.#at;
    return [Math.min(this.#at, from), Math.max(this.#at, from)];
  }

  /** Says what the bars stand for, to who sees them and to who hears them. */
  #describe() {
    const { start, step, count } = this.#steps;
    if (!count) {
      this.#hand?.setAttribute("aria-valuenow", "0");
      this.#hand?.setAttribute("aria-valuetext", "Not counted yet");
      return;
    }
    this.#at = Math.min(this.#at, count - 1);
    const [first, last] = this.#bars;
    const counts = JSON.parse(this.dataset.counts ?? "{}");
    /** @type {Record<string, number>} */
    const sums = {};
    for (let bar = first; bar <= last; bar += 1) {
      for (const [state, number] of inBar(counts, bar)) sums[state] = (sums[state] ?? 0) + number;
    }
    const time = document.createElement("span");
    time.textContent = `${clock(start + first * step)} – ${clock(start + (last + 1) * step)}`;
    const about = this.dataset.estimated === undefined ? "" : "~";
    const counted = Object.entries(sums).map(([state, number]) => badge(state, number, about));
    this.#tip.replaceChildren(time, ...counted);
    this.#hand?.setAttribute("aria-valuemax", String(count - 1));
    this.#hand?.setAttribute("aria-valuenow", String(this.#at));
    const told = Object.entries(sums).map(([state, number]) => `${about}${number} ${state}`);
    this.#hand?.setAttribute("aria-valuetext", `${time.textContent}: ${told.join(", ") || "none"}`);
  }
}

/** @param {string} state @param {number} number @param {string} about empty for an exact number */
function badge(state, number, about) {
  const element = document.createElement("span");
  element.className = "state";
  element.dataset.state = state;
  element.textContent = `${about}${number.toLocaleString("en")}`;
  element.title = state;
  return element;
}

customElements.define("f-histogram", BarChart);
