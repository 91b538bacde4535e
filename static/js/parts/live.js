/**
 * <f-live data-every="1">: keeps the page as new as the cluster, and says how new that is. Without
 * a number it does nothing. Follows `/stream`; at most one fetch at a time, none in a hidden tab.
 */
import { show } from "../morph.js";
import { Pace } from "../pace.js";

const FETCH_LIMIT_MS = 15_000;

class Live extends HTMLElement {
  /** @type {Pace | null} */ #pace = null;
  /** @type {EventSource | null} */ #stream = null;
  #timer = 0;
  #clock = 0;
  #isFetching = false;
  #shownMs = Date.now();
  #text = "";
  #problem = "";

  connectedCallback() {
    const every = Number(this.dataset.every);
    if (!every) return;
    this.#pace = new Pace(every);
    this.#pace.started(seconds());
    document.addEventListener("visibilitychange", this.#follow);
    this.#clock = setInterval(() => this.#tell(), 1000);
    this.#follow();
    this.#tell();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#follow);
    clearInterval(this.#clock);
    clearTimeout(this.#timer);
    this.#stream?.close();
  }

  /** A hidden tab holds no connection: browsers allow six to a server, for all tabs together. */
  #follow = () => {
    this.#stream?.close();
    this.#stream = null;
    clearTimeout(this.#timer);
    if (document.hidden) return;
    this.#stream = new EventSource(`${document.documentElement.dataset.root}/stream`);
    // What happened before the stream was open, nobody has told us of.
    this.#stream.addEventListener("open", this.#hear);
    this.#stream.addEventListener("tick", this.#hear);
    this.#plan();
  };

  #hear = () => {
    this.#pace?.changed();
    this.#plan();
  };

  #plan() {
    clearTimeout(this.#timer);
    if (!this.#pace || this.#isFetching || document.hidden) return;
    this.#timer = setTimeout(() => this.#refresh(), this.#pace.waitS(seconds()) * 1000);
  }

  async #refresh() {
    const pace = this.#pace;
    if (!pace) return;
    this.#isFetching = true;
    pace.started(seconds());
    try {
      this.#show(await fetchedText());
      pace.succeeded();
      this.#shownMs = Date.now();
      this.#problem = "";
    } catch (error) {
      pace.failed();
      this.#problem = error instanceof Error ? error.message : String(error);
    }
    this.#isFetching = false;
    this.#tell();
    this.#plan();
  }

  /** @param {string} text */
  #show(text) {
    if (text === this.#text) return;
    const newer = new DOMParser().parseFromString(text, "text/html");
    if (newer.documentElement.dataset.build !== document.documentElement.dataset.build) {
      location.reload(); // the dashboard was upgraded: its scripts and styles are others now
      return;
    }
    show(newer);
    this.#text = text;
  }

  #tell() {
    const ageS = Math.round((Date.now() - this.#shownMs) / 1000);
    const words = ageS < 2 ? "Updated now" : `Updated ${ageS} s ago`;
    this.toggleAttribute("data-failing", this.#problem !== "");
    this.title = this.#problem;
    this.textContent = this.#problem ? `Update failed; ${words.toLowerCase()}` : words;
  }
}

async function fetchedText() {
  const answer = await fetch(location.href, {
    headers: { "Flower-Live": "1" },
    redirect: "manual",
    signal: AbortSignal.timeout(FETCH_LIMIT_MS),
  });
  if (answer.type === "opaqueredirect") throw new Error("Logged out: reload to log in again");
  if (!answer.ok) throw new Error(`The dashboard answered ${answer.status}`);
  return answer.text();
}

const seconds = () => performance.now() / 1000;

customElements.define("f-live", Live);
