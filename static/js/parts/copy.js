/** <f-copy data-from="id" data-what="result">: a button that copies the text of another element. */
import { copy } from "../clipboard.js";
import { icon } from "../icon.js";

class Copy extends HTMLElement {
  connectedCallback() {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "small";
    const words = document.createElement("span");
    words.textContent = "Copy";
    const what = document.createElement("span");
    what.className = "out-of-sight";
    what.textContent = ` ${this.dataset.what}`;
    button.append(icon("copy"), words, what);
    button.addEventListener("click", () => this.#copy(words));
    this.replaceChildren(button);
  }

  /** @param {HTMLElement} words */
  async #copy(words) {
    const source = document.getElementById(this.dataset.from ?? "");
    words.textContent = await copy(source?.textContent ?? "", source);
    setTimeout(() => (words.textContent = "Copy"), 2000);
  }
}

customElements.define("f-copy", Copy);
