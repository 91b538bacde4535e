/** <f-jump>: the palette: a few letters lead to any page, worker, task type or task. */
import { icon } from "../icon.js";

const WAIT_MS = 120;
/** @type {Record<string, string>} */
const ICONS = { page: "chevron-right", worker: "server", type: "shapes", task: "rows-3" };

/** @typedef {{ kind: string, label: string, url: string, hint: string }} Found */

class Jump extends HTMLElement {
  #dialog = document.createElement("dialog");
  #input = document.createElement("input");
  #list = document.createElement("div");
  #note = document.createElement("p");
  #timer = 0;
  /** @type {AbortController | null} */ #asking = null;

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
    void this.#ask();
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
    this.#input.placeholder = "A page, a worker, a task type, a task’s id…";
    for (const [name, value] of Object.entries({
      role: "combobox",
      "aria-label": "Jump to",
      "aria-expanded": "true",
      "aria-controls": "jump-list",
    })) {
      this.#input.setAttribute(name, value);
    }
    this.#list.id = "jump-list";
    this.#list.role = "listbox";
    this.#list.ariaLabel = "Places";
    this.#note.role = "status";
    this.#dialog.className = "palette";
    this.#dialog.setAttribute("aria-label", "Jump to");
    this.#dialog.append(this.#input, this.#list, this.#note);
    this.#input.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.#ask(), WAIT_MS);
    });
    this.#input.addEventListener("keydown", (event) => this.#onKey(event));
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog) this.#dialog.close();
    });
    return this.#dialog;
  }

  async #ask() {
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    const wanted = new URLSearchParams({ q: this.#input.value });
    try {
      const answer = await fetch(`${document.documentElement.dataset.root}/jump?${wanted}`, {
        signal: asking.signal,
      });
      if (!answer.ok) throw new Error(`The dashboard answered ${answer.status}`);
      this.#show((await answer.json()).places);
    } catch (error) {
      if (!asking.signal.aborted) this.#note.textContent = String(error);
    }
  }

  /** @param {Found[]} places */
  #show(places) {
    this.#list.replaceChildren(...places.map(option));
    this.#note.textContent = places.length ? "" : "Nothing found.";
    this.#note.hidden = places.length > 0;
    this.#select(0);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      this.#select(this.#index() + step);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.#list.querySelector("[aria-selected=true]")?.dispatchEvent(new MouseEvent("click"));
    }
  }

  #index() {
    return [...this.#list.children].findIndex((one) => one.ariaSelected === "true");
  }

  /** @param {number} wanted */
  #select(wanted) {
    const options = [...this.#list.children];
    const index = options.length ? (wanted + options.length) % options.length : -1;
    options.forEach((one, number) => (one.ariaSelected = String(number === index)));
    this.#input.setAttribute("aria-activedescendant", options[index]?.id ?? "");
    options[index]?.scrollIntoView({ block: "nearest" });
  }
}

/** @param {Found} place @param {number} number */
function option({ kind, label, url, hint }, number) {
  const element = document.createElement("div");
  const words = document.createElement("span");
  const aside = document.createElement("small");
  element.id = `jump-${number}`;
  element.role = "option";
  words.textContent = label;
  words.classList.toggle("code", kind !== "page");
  aside.textContent = hint;
  element.append(icon(ICONS[kind] ?? "chevron-right"), words, aside);
  element.addEventListener("click", () => location.assign(url));
  return element;
}

customElements.define("f-jump", Jump);
