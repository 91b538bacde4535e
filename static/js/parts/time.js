/** <f-time>: tells this browser's own time, and UTC, of the <time> in it to who points at it. */
import { bothTimes } from "../moment.js";

class Time extends HTMLElement {
  connectedCallback() {
    this.addEventListener("pointerenter", () => {
      const moment = this.querySelector("time")?.dateTime;
      this.title = moment ? bothTimes(new Date(moment)) : "";
    });
  }
}

customElements.define("f-time", Time);
