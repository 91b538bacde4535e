/** <f-past>: the slider over moments tells the one it is at, and shows it once it is let go. */
import { parts } from "../moment.js";
import { chosen, zoneName } from "../times.js";

class Past extends HTMLElement {
  connectedCallback() {
    this.addEventListener("input", this.#tell);
    this.addEventListener("pointerup", this.#show); // whoever uses keys goes on to the button
  }

  #show = () => {
    const slider = this.querySelector("input");
    if (slider && slider.value !== slider.defaultValue) this.querySelector("form")?.requestSubmit();
  };

  #tell = () => {
    const slider = this.querySelector("input");
    const output = this.querySelector("output");
    if (!slider || !output) return;
    const [day, second] = parts(new Date(Number(slider.value) * 1000), zoneName(chosen().zone));
    output.textContent = `${day} ${second}`;
  };
}

customElements.define("f-past", Past);
