/**
 * <f-complete data-url="…">: completes the field of a search in it: names of fields, and values with
 * how many tasks have them. Enter searches unless a suggestion was gone to with the arrows.
 */
import { latest, Listbox } from "../listbox.js";
import { replaced, wordAt } from "../word.js";

const WAIT_MS = 100;

/** @typedef {{ text: string, hint: string }} Suggestion */

class Complete extends HTMLElement {
  /** @type {HTMLInputElement | null} */ #input = null;
  /** @type {Listbox | null} */ #box = null;
  #list = document.createElement("ul");
  #asking = latest(WAIT_MS, (signal) => this.#ask(signal));

  connectedCallback() {
    this.#input = this.querySelector("input");
    if (!this.#input) return;
    this.#list.id = "search-suggestions";
    this.#list.className = "suggestions";
    this.append(this.#list);
    this.#box = new Listbox(this.#input, this.#list, "Suggestions");
    this.#input.setAttribute("aria-autocomplete", "list");
    this.#input.addEventListener("input", this.#asking.later);
    this.#input.addEventListener("click", this.#asking.later);
    this.#input.addEventListener("keydown", this.#onKey);
    this.#input.addEventListener("blur", this.#close);
    this.#close();
  }

  /** @param {AbortSignal} signal */
  async #ask(signal) {
    const wanted = new URLSearchParams({ word: this.#word().word });
    try {
      const answer = await fetch(`${this.dataset.url}?${wanted}`, { signal });
      if (!answer.ok || document.activeElement !== this.#input) return this.#close();
      this.#show((await answer.json()).suggestions);
    } catch {
      if (!signal.aborted) this.#close(); // the field is as good without
    }
  }

  #word() {
    const { value = "", selectionStart } = this.#input ?? {};
    return wordAt(value, selectionStart ?? value.length);
  }

  /** @param {Suggestion[]} suggestions */
  #show(suggestions) {
    this.#box?.show(suggestions.map((one) => this.#option(one)));
    this.#list.hidden = suggestions.length === 0;
    this.#input?.setAttribute("aria-expanded", String(suggestions.length > 0));
  }

  /** @param {Suggestion} suggestion */
  #option({ text, hint }) {
    const option = document.createElement("li");
    const word = document.createElement("span");
    const aside = document.createElement("small");
    word.className = "code";
    word.textContent = text;
    aside.textContent = hint;
    option.append(word, aside);
    option.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the field keeps the focus
      this.#take(text);
    });
    return option;
  }

  /** @param {KeyboardEvent} event */
  #onKey = (event) => {
    if (this.#list.hidden) {
      if (event.key === "ArrowDown") this.#asking.later();
      return;
    }
    const chosen = this.#box?.chosen?.querySelector(".code")?.textContent;
    if (event.key === "Escape") this.#close();
    else if ((event.key === "Enter" || event.key === "Tab") && chosen) this.#take(chosen);
    else if (!this.#box?.step(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
  };

  /** @param {string} by */
  #take(by) {
    if (!this.#input) return;
    const { text, caret } = replaced(this.#input.value, this.#word(), by);
    this.#input.value = text;
    this.#input.setSelectionRange(caret, caret);
    this.#close();
    if (by.endsWith(":")) this.#asking.later();
  }

  #close = () => {
    this.#asking.stop();
    this.#show([]);
  };
}

customElements.define("f-complete", Complete);
