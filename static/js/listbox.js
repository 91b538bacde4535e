/** A list of options that belongs to a field: arrows go through it, the field says which is chosen. */

/**
 * The answer to the newest question only, `waitMs` after it was asked.
 * @param {number} waitMs
 * @param {(signal: AbortSignal) => Promise<void>} ask
 */
export function latest(waitMs, ask) {
  let timer = 0;
  let asking = new AbortController();
  const stop = () => {
    clearTimeout(timer);
    asking.abort();
  };
  const now = () => {
    stop();
    asking = new AbortController();
    void ask(asking.signal);
  };
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(now, waitMs);
  };
  return { later, now, stop };
}

export class Listbox {
  #input;
  #list;

  /** @param {HTMLInputElement} input @param {HTMLElement} list its id is set @param {string} label */
  constructor(input, list, label) {
    this.#input = input;
    this.#list = list;
    list.role = "listbox";
    list.ariaLabel = label;
    input.role = "combobox";
    input.setAttribute("aria-controls", list.id);
  }

  /** @param {HTMLElement[]} options */
  show(options) {
    for (const [number, option] of options.entries()) {
      option.id = `${this.#list.id}-${number}`;
      option.role = "option";
    }
    this.#list.replaceChildren(...options);
    this.choose(-1);
  }

  /** The option that is chosen, if any. */
  get chosen() {
    return this.#list.querySelector("[aria-selected=true]");
  }

  /** @param {number} index -1 for none */
  choose(index) {
    const options = [...this.#list.children];
    options.forEach((one, number) => (one.ariaSelected = String(number === index)));
    const option = options[index];
    option?.scrollIntoView({ block: "nearest" });
    if (option) this.#input.setAttribute("aria-activedescendant", option.id);
    else this.#input.removeAttribute("aria-activedescendant");
  }

  /**
   * Goes on by one; past the ends nothing is chosen, or with `wraps` the other end.
   * @param {string} key ArrowDown or ArrowUp @param {boolean} [wraps]
   * @returns {boolean} whether the key was one of them
   */
  step(key, wraps = false) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[key];
    if (!step) return false;
    const options = [...this.#list.children];
    const here = options.findIndex((one) => one.ariaSelected === "true");
    const next = here < 0 && step < 0 ? options.length - 1 : here + step;
    this.choose(wraps && options.length ? (next + options.length) % options.length : next);
    return true;
  }
}
