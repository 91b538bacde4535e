/** <f-time>: tells the <time> in it as this browser wants it, here and in UTC to who points at it. */
import { bothTimes } from "../moment.js";
import { retell } from "../times.js";

class Time extends HTMLElement {
  connectedCallback() {
    retell(this);
    this.addEventListener("pointerenter", () => {
      const moment = this.querySelector("time")?.dateTime;
      this.title = moment ? bothTimes(new Date(moment)) : "";
    });
  }
}

customElements.define("f-time", Time);
