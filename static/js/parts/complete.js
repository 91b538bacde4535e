/**
 * <f-complete data-url="…">: completes the field of a search in it: names of fields, and values with
 * how many tasks have them. Enter searches unless a suggestion was gone to with the arrows.
 */
import { replaced, wordAt } from "../word.js";

const WAIT_MS = 100;

/** @typedef {{ text: string, hint: string }} Suggestion */

class Complete extends HTMLElement {
  /** @type {HTMLInputElement | null} */ #input = null;
  #list = document.createElement("ul");
  #timer = 0;
  /** @type {AbortController | null} */ #asking = null;

  connectedCallback() {
    this.#input = this.querySelector("input");
    if (!this.#input) return;
    this.#list.id = "search-suggestions";
    this.#list.role = "listbox";
    this.#list.ariaLabel = "Suggestions";
    this.#list.className = "suggestions";
    this.append(this.#list);
    this.#input.role = "combobox";
    this.#input.setAttribute("aria-autocomplete", "list");
    this.#input.setAttribute("aria-controls", this.#list.id);
    this.#input.addEventListener("input", this.#later);
    this.#input.addEventListener("click", this.#later);
    this.#input.addEventListener("keydown", this.#onKey);
    this.#input.addEventListener("blur", this.#close);
    this.#close();
  }

  #later = () => {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(), WAIT_MS);
  };

  async #ask() {
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    const wanted = new URLSearchParams({ word: this.#word().word });
    try {
      const answer = await fetch(`${this.dataset.url}?${wanted}`, { signal: asking.signal });
      if (!answer.ok || document.activeElement !== this.#input) return this.#close();
      this.#show((await answer.json()).suggestions);
    } catch {
      this.#close(); // the field is as good without
    }
  }

  #word() {
    const { value = "", selectionStart } = this.#input ?? {};
    return wordAt(value, selectionStart ?? value.length);
  }

  /** @param {Suggestion[]} suggestions */
  #show(suggestions) {
    this.#list.replaceChildren(...suggestions.map((one, number) => this.#option(one, number)));
    this.#list.hidden = suggestions.length === 0;
    this.#input?.setAttribute("aria-expanded", String(suggestions.length > 0));
    this.#input?.removeAttribute("aria-activedescendant");
  }

  /** @param {Suggestion} suggestion @param {number} number */
  #option({ text, hint }, number) {
    const option = document.createElement("li");
    const word = document.createElement("span");
    const aside = document.createElement("small");
    option.id = `suggestion-${number}`;
    option.role = "option";
    option.ariaSelected = "false";
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
      if (event.key === "ArrowDown") this.#later();
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const chosen = this.#list.querySelector("[aria-selected=true] .code")?.textContent;
    if (step) this.#select(step);
    else if (event.key === "Escape") this.#close();
    else if ((event.key === "Enter" || event.key === "Tab") && chosen) this.#take(chosen);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  /** @param {number} step */
  #select(step) {
    const options = [...this.#list.children];
    const here = options.findIndex((one) => one.ariaSelected === "true");
    const next = here < 0 ? (step > 0 ? 0 : options.length - 1) : here + step;
    options.forEach((one, number) => (one.ariaSelected = String(number === next)));
    const option = options[next];
    option?.scrollIntoView({ block: "nearest" });
    if (option) this.#input?.setAttribute("aria-activedescendant", option.id);
    else this.#input?.removeAttribute("aria-activedescendant");
  }

  /** @param {string} by */
  #take(by) {
    if (!this.#input) return;
    const { text, caret } = replaced(this.#input.value, this.#word(), by);
    this.#input.value = text;
    this.#input.setSelectionRange(caret, caret);
    this.#close();
    if (by.endsWith(":")) this.#later();
  }

  #close = () => {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#show([]);
  };
}

customElements.define("f-complete", Complete);
