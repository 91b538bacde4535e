/**
 * <f-charts> around charts of the same time: pointing at one tells what all of them say of that
 * moment, and a click leads to the tasks of it. With the keyboard: arrows, then Enter.
 */
import { barAt, period } from "../range.js";
import { clock } from "../times.js";

class Charts extends HTMLElement {
  #at = 0;

  connectedCallback() {
    this.addEventListener("pointermove", this.#onMove);
    this.addEventListener("pointerleave", this.#drop);
    this.addEventListener("focusin", this.#onFocus);
    this.addEventListener("focusout", this.#drop);
    this.addEventListener("click", this.#onClick);
    this.addEventListener("keydown", this.#onKey);
    for (const figure of this.#figures) this.#furnish(figure);
  }

  /** @returns {NodeListOf<HTMLElement>} */
  get #figures() {
    return this.querySelectorAll("figure.chart");
  }

  /** @param {HTMLElement} figure */
  #furnish(figure) {
    const hand = figure.querySelector(".hand");
    if (!(hand instanceof HTMLElement)) return;
    hand.tabIndex = 0;
    hand.role = "slider";
    const leads = figure.dataset.url ? ", Enter lists its tasks" : "";
    hand.ariaLabel = `${figure.dataset.title}: arrow keys move in time${leads}`;
    hand.ariaValueMin = hand.ariaValueNow = "0";
    hand.ariaValueText = "No moment is chosen";
    if (!figure.dataset.url) hand.style.cursor = "default";
  }

  /** @param {PointerEvent} event */
  #onMove = (event) => {
    const hand = handOf(event);
    if (hand) this.#pointAt(hand, event.clientX);
    else this.#drop();
  };

  /** @param {FocusEvent} event */
  #onFocus = (event) => {
    const hand = handOf(event);
    if (hand?.matches(":focus-visible")) this.#show(count(hand) - 1, hand);
  };

  /** A finger can't point before it presses: it is told, and nothing opens. @param {MouseEvent} event */
  #onClick = (event) => {
    const hand = handOf(event);
    if (!hand) return;
    this.#pointAt(hand, event.clientX);
    if (!(event instanceof PointerEvent && event.pointerType === "touch")) this.#open(hand);
  };

  /** @param {KeyboardEvent} event */
  #onKey = (event) => {
    const hand = handOf(event);
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!hand) return;
    if (by) {
      event.preventDefault();
      this.#show(Math.min(count(hand) - 1, Math.max(0, this.#at + by)), hand);
    } else if (event.key === "Enter") this.#open(hand);
    else if (event.key === "Escape") this.#drop();
  };

  /** @param {HTMLElement} hand @param {number} x */
  #pointAt(hand, x) {
    const box = hand.getBoundingClientRect();
    this.#show(barAt((x - box.left) / box.width, count(hand)), hand);
  }

  /** @param {HTMLElement} hand */
  #open(hand) {
    const { start, step, url } = hand.closest("figure")?.dataset ?? {};
    if (!url) return;
    const steps = { start: Number(start), step: Number(step), count: count(hand) };
    const range = encodeURIComponent(period(steps, this.#at, this.#at));
    location.assign(url.replace("%7Bperiod%7D", range));
  }

  #drop = () => {
    for (const figure of this.#figures) figure.querySelector(".hand")?.replaceChildren();
  };

  /** @param {number} at @param {HTMLElement} hand the chart that tells the time, too */
  #show(at, hand) {
    this.#at = at;
    for (const figure of this.#figures) {
      const own = figure.querySelector(".hand");
      if (own instanceof HTMLElement) tell(figure, own, at, own === hand);
    }
  }
}

/** @param {Event} event */
function handOf(event) {
  const hand = event.target instanceof Element ? event.target.closest(".hand") : null;
  return hand instanceof HTMLElement ? hand : null;
}

/** @param {HTMLElement | null} figure @returns {[string, string[]][]} */
const told = (figure) => Object.entries(JSON.parse(figure?.dataset.told ?? "{}"));

/** @param {HTMLElement} hand how many moments its chart has */
const count = (hand) => told(hand.closest("figure"))[0]?.[1].length ?? 0;

/** @param {HTMLElement} figure @param {HTMLElement} hand @param {number} at @param {boolean} isTimed */
function tell(figure, hand, at, isTimed) {
  const lines = told(figure);
  const length = lines[0]?.[1].length ?? 0;
  if (!length) return;
  const start = Number(figure.dataset.start) + at * Number(figure.dataset.step);
  const words = lines.map(([label, values]) => `${label} ${values[at]}`);
  const cross = document.createElement("span");
  cross.className = "cross";
  const tip = document.createElement("p");
  tip.className = "tip";
  const texts = isTimed ? [clock(start), ...words] : words;
  tip.append(
    ...texts.map((text) => Object.assign(document.createElement("span"), { textContent: text })),
  );
  hand.style.setProperty("--at", `${(100 * (at + 0.5)) / length}%`);
  hand.replaceChildren(cross, tip);
  hand.ariaValueMax = String(length - 1);
  hand.ariaValueNow = String(at);
  hand.ariaValueText = `${clock(start)}: ${words.join(", ")}`;
}

customElements.define("f-charts", Charts);
