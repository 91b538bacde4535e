/** <f-time>: tells the <time> in it as this browser wants it, and in full to who points at it. */
import { bothTimes } from "../moment.js";
import { chosen, retell, zoneName } from "../times.js";

class Time extends HTMLElement {
  connectedCallback() {
    retell(this);
    this.addEventListener("pointerenter", () => {
      const moment = this.querySelector("time")?.dateTime;
      this.title = moment ? bothTimes(new Date(moment), zoneName(chosen().zone)) : "";
    });
  }
}

customElements.define("f-time", Time);
