/** <f-jump>: the palette: a few letters lead to any page, worker, task type or task. */
import { icon } from "../icon.js";
import { latest, Listbox } from "../listbox.js";

const WAIT_MS = 120;
/** @type {Record<string, string>} */
const ICONS = {
  page: "chevron-right",
  worker: "server",
  type: "shapes",
  task: "rows-3",
  search: "search",
};

/** @typedef {{ kind: string, label: string, url: string, hint: string }} Found */

class Jump extends HTMLElement {
  #dialog = document.createElement("dialog");
  #input = document.createElement("input");
  #list = document.createElement("div");
  #note = document.createElement("p");
  #asking = latest(WAIT_MS, (signal) => this.#ask(signal));
  #box;

  constructor() {
    super();
    this.#list.id = "jump-list";
    this.#box = new Listbox(this.#input, this.#list, "Places");
  }

  connectedCallback() {
    this.replaceChildren(this.#button(), this.#filled());
    document.addEventListener("flower-jump", this.open);
  }

  disconnectedCallback() {
    document.removeEventListener("flower-jump", this.open);
  }

  open = () => {
    if (this.#dialog.open) return;
    this.#input.value = "";
    this.#dialog.showModal();
    this.#asking.now();
  };

  #button() {
    const button = document.createElement("button");
    const words = document.createElement("span");
    const key = document.createElement("kbd");
    words.textContent = "Jump to…";
    key.textContent = navigator.platform.startsWith("Mac") ? "⌘K" : "Ctrl K";
    button.type = "button";
    button.title = "Jump to a page, worker, task type or task";
    button.setAttribute("aria-keyshortcuts", "Control+K Meta+K");
    key.setAttribute("aria-hidden", "true");
    button.append(icon("search"), words, key);
    button.addEventListener("click", this.open);
    return button;
  }

  #filled() {
    Object.assign(this.#input, { type: "text", autocomplete: "off", spellcheck: false });
    this.#input.placeholder = "A page, worker, task type, id, argument, exception…";
    this.#input.setAttribute("aria-label", "Jump to");
    this.#input.setAttribute("aria-expanded", "true");
    this.#note.role = "status";
    this.#dialog.className = "palette";
    this.#dialog.setAttribute("aria-label", "Jump to");
    this.#dialog.append(this.#input, this.#list, this.#note);
    this.#input.addEventListener("input", this.#asking.later);
    this.#input.addEventListener("keydown", (event) => this.#onKey(event));
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog) this.#dialog.close();
    });
    return this.#dialog;
  }

  /** @param {AbortSignal} signal */
  async #ask(signal) {
    const wanted = new URLSearchParams({ q: this.#input.value });
    try {
      const answer = await fetch(`${document.documentElement.dataset.root}/jump?${wanted}`, {
        signal,
      });
      if (!answer.ok) throw new Error(`The dashboard answered ${answer.status}`);
      this.#show((await answer.json()).places);
    } catch (error) {
      if (!signal.aborted) this.#note.textContent = String(error);
    }
  }

  /** @param {Found[]} places */
  #show(places) {
    this.#box.show(places.map(option));
    this.#box.choose(0);
    this.#note.textContent = places.length ? "" : "Nothing found.";
    this.#note.hidden = places.length > 0;
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.key === "Enter") this.#box.chosen?.dispatchEvent(new MouseEvent("click"));
    else if (!this.#box.step(event.key, true)) return;
    event.preventDefault();
  }
}

/** @param {Found} place */
function option({ kind, label, url, hint }) {
  const element = document.createElement("div");
  const words = document.createElement("span");
  const aside = document.createElement("small");
  words.textContent = label;
  words.classList.toggle("code", kind !== "page");
  aside.textContent = hint;
  element.append(icon(ICONS[kind] ?? "chevron-right"), words, aside);
  element.addEventListener("click", () => location.assign(url));
  return element;
}

customElements.define("f-jump", Jump);
