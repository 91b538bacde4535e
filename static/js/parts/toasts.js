/** <f-toasts>: reads toasts out, and takes away those that have left. */
class Toasts extends HTMLElement {
  connectedCallback() {
    this.addEventListener("animationend", (event) => {
      if (event.target instanceof HTMLElement && event.target !== this) event.target.remove();
    });
    // What is there when a page opens is not read out; what comes a moment later is.
    const toasts = [...this.children];
    this.replaceChildren();
    setTimeout(() => this.append(...toasts), 100);
  }
}

customElements.define("f-toasts", Toasts);
