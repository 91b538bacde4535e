/** <f-copy data-from="id">: a button that copies the text of another element. */
class Copy extends HTMLElement {
  connectedCallback() {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "small";
    button.textContent = "Copy";
    button.addEventListener("click", () => this.#copy(button));
    this.replaceChildren(button);
  }

  /** @param {HTMLButtonElement} button */
  async #copy(button) {
    const source = document.getElementById(this.dataset.from ?? "");
    try {
      await navigator.clipboard.writeText(source?.textContent ?? "");
      button.textContent = "Copied";
    } catch {
      select(source); // over plain HTTP browsers let nobody write to the clipboard
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  }
}

/** @param {HTMLElement | null} element */
function select(element) {
  if (element) getSelection()?.selectAllChildren(element);
}

customElements.define("f-copy", Copy);
