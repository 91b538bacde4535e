/** <f-menu>: closes the <details> in it on Escape, and on a click elsewhere. */
class Menu extends HTMLElement {
  connectedCallback() {
    this.addEventListener("keydown", this.#onKey);
    document.addEventListener("click", this.#onClick);
  }

  disconnectedCallback() {
    this.removeEventListener("keydown", this.#onKey);
    document.removeEventListener("click", this.#onClick);
  }

  /** @param {KeyboardEvent} event */
  #onKey = (event) => {
    if (event.key !== "Escape") return;
    this.#close();
    this.querySelector("summary")?.focus();
  };

  /** @param {Event} event */
  #onClick = (event) => {
    if (!(event.target instanceof Node && this.contains(event.target))) this.#close();
  };

  #close() {
    this.querySelector("details")?.removeAttribute("open");
  }
}

customElements.define("f-menu", Menu);
