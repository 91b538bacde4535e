/** <f-copy data-from="id">: a button that copies the text of another element. */
import { icon } from "../icon.js";

class Copy extends HTMLElement {
  connectedCallback() {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "small";
    const words = document.createElement("span");
    words.textContent = "Copy";
    button.append(icon("copy"), words);
    button.addEventListener("click", () => this.#copy(words));
    this.replaceChildren(button);
  }

  /** @param {HTMLElement} words */
  async #copy(words) {
    const source = document.getElementById(this.dataset.from ?? "");
    try {
      await navigator.clipboard.writeText(source?.textContent ?? "");
      words.textContent = "Copied";
    } catch {
      select(source); // over plain HTTP browsers let nobody write to the clipboard
      words.textContent = "Selected";
    }
    setTimeout(() => (words.textContent = "Copy"), 2000);
  }
}

/** @param {HTMLElement | null} element */
function select(element) {
  if (element) getSelection()?.selectAllChildren(element);
}

customElements.define("f-copy", Copy);
