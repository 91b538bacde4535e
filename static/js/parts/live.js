/**
 * <f-live data-every="1">: keeps the page as new as the cluster, says how new that is, and can be
 * paused. Without a number it does nothing. Follows `/stream`; at most one fetch at a time, none in
 * a hidden tab. While somebody points at a list marked `data-freezes`, or paused it, what is newer
 * waits, and how much that is is told; a page without such a list asks for nothing while paused.
 */
import { icon } from "../icon.js";
import { age } from "../moment.js";
import { show } from "../morph.js";
import { Pace } from "../pace.js";
import { retell } from "../times.js";

const FETCH_LIMIT_MS = 15_000;
const FROZEN = "[data-freezes]:hover, [data-freezes]:has(td:focus, .deeds :focus)";

class Live extends HTMLElement {
  /** @type {Pace | null} */ #pace = null;
  /** @type {EventSource | null} */ #stream = null;
  #timer = 0;
  #clock = 0;
  #isFetching = false;
  #isPaused = false;
  #shownMs = Date.now();
  #text = "";
  #problem = "";
  /** @type {Document | null} */ #held = null;
  #words = document.createElement("span");
  #button = document.createElement("button");
  #newer = document.createElement("button");

  connectedCallback() {
    const every = Number(this.dataset.every);
    if (!every) return;
    this.#draw();
    this.#pace = new Pace(every);
    this.#pace.started(seconds());
    document.addEventListener("visibilitychange", this.#follow);
    document.addEventListener("flower-pause", this.#pause);
    document.addEventListener("pointerout", this.#thaw);
    this.#clock = setInterval(() => this.#tell(), 1000);
    this.#follow();
    this.#tell();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#follow);
    document.removeEventListener("flower-pause", this.#pause);
    document.removeEventListener("pointerout", this.#thaw);
    clearInterval(this.#clock);
    clearTimeout(this.#timer);
    this.#stream?.close();
  }

  #draw() {
    this.#button.type = this.#newer.type = "button";
    this.#button.className = "plain";
    this.#button.addEventListener("click", this.#pause);
    this.#newer.className = "newer main";
    this.#newer.hidden = true;
    this.#newer.addEventListener("click", () => this.#release());
    this.replaceChildren(this.#button, this.#newer);
  }

  /** A hidden tab holds no connection: browsers allow six to a server, for all tabs together. */
  #follow = () => {
    this.#stream?.close();
    this.#stream = null;
    clearTimeout(this.#timer);
    if (document.hidden || this.#isStill) return;
    this.#stream = new EventSource(`${document.documentElement.dataset.root}/stream`);
    // What happened before the stream was open, nobody has told us of.
    this.#stream.addEventListener("open", this.#hear);
    this.#stream.addEventListener("tick", this.#hear);
    this.#plan();
  };

  #pause = () => {
    this.#isPaused = !this.#isPaused;
    if (!this.#isPaused) this.#pace?.changed();
    this.#thaw();
    this.#follow();
    this.#tell();
  };

  #hear = () => {
    this.#pace?.changed();
    this.#plan();
  };

  #plan() {
    clearTimeout(this.#timer);
    if (!this.#pace || this.#isFetching || this.#isStill || document.hidden) return;
    this.#timer = setTimeout(() => this.#refresh(), this.#pace.waitS(seconds()) * 1000);
  }

  async #refresh() {
    const pace = this.#pace;
    if (!pace) return;
    this.#isFetching = true;
    pace.started(seconds());
    try {
      this.#take(await fetchedText());
      pace.succeeded();
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
  #take(text) {
    if (text === this.#text && !this.#held) {
      this.#shownMs = Date.now();
      return;
    }
    this.#text = text;
    const newer = new DOMParser().parseFromString(text, "text/html");
    if (newer.documentElement.dataset.build !== document.documentElement.dataset.build) {
      location.reload(); // the dashboard was upgraded: its scripts and styles are others now
      return;
    }
    this.#held = newer;
    if (this.#isFrozen) this.#hold(newer);
    else this.#release();
  }

  /** @param {Document} newer */
  #hold(newer) {
    const count = newRows(newer);
    this.#newer.textContent = `${count}${count === rowsOf(newer).length ? "+" : ""} new`;
    this.#newer.hidden = count === 0;
  }

  #release() {
    this.#newer.hidden = true;
    if (!this.#held) return;
    show(this.#held);
    this.#held = null;
    this.#shownMs = Date.now();
    this.#tell();
  }

  /** What waited is shown as soon as nobody points at the list, or wants it paused. */
  #thaw = () => {
    if (this.#held && !this.#isFrozen) this.#release();
  };

  get #isFrozen() {
    return this.#isPaused || !!document.querySelector(FROZEN);
  }

  /** Whether nobody is to be asked. */
  get #isStill() {
    return this.#isPaused && !document.querySelector("[data-freezes]");
  }

  #tell() {
    const ageS = Math.round((Date.now() - this.#shownMs) / 1000);
    const updated = ageS < 2 ? "Updated now" : `Updated ${ageS.toLocaleString("en")} s ago`;
    const mood = this.#mood();
    const old = `As of ${staleAge()}`;
    const words = {
      failing: "Update failed",
      paused: "Paused",
      held: "Held",
      stale: old,
      live: updated,
    }[mood];
    if (this.dataset.mood !== mood || !this.#button.firstChild) {
      this.dataset.mood = mood;
      this.#button.replaceChildren(this.#words, icon(this.#isPaused ? "play" : "pause"));
    }
    this.#words.textContent = words;
    const deed = this.#isPaused ? "Resume" : "Pause";
    const why = this.#problem ? `${this.#problem}. ` : "";
    this.#button.title = `${why}${updated}. ${deed} (p)`;
    this.#button.setAttribute("aria-label", `${words}. ${why}${deed}`);
    if (!document.hidden) retell(document);
  }

  /** @returns {"failing" | "paused" | "held" | "stale" | "live"} */
  #mood() {
    if (this.#isPaused) return "paused";
    if (this.#problem) return "failing";
    if (staleSince()) return "stale";
    return this.#held ? "held" : "live";
  }
}

/** Since when what is shown is old, however new the page is: the dashboard hears of nothing. */
const staleSince = () => document.querySelector("[data-stale]")?.getAttribute("data-stale");

const staleAge = () => age(Date.now() / 1000 - Number(staleSince() ?? 0));

async function fetchedText() {
  const answer = await fetch(location.href, {
    headers: { "Flower-Live": "1" },
    redirect: "manual",
    signal: AbortSignal.timeout(FETCH_LIMIT_MS),
  });
  if (answer.type === "opaqueredirect") throw new Error("Logged out: reload to log in again");
  if (!answer.ok) throw new Error(reason(await answer.text(), answer.status));
  return answer.text();
}

/** What an error page says, the number in the log among it. @param {string} text @param {number} status */
function reason(text, status) {
  const said = new DOMParser().parseFromString(text, "text/html").querySelector("h1");
  return said?.textContent || `The dashboard answered ${status}`;
}

/** How many rows a newer page has that this one lacks. @param {Document} newer */
function newRows(newer) {
  return rowsOf(newer).filter((row) => !document.getElementById(row.id)).length;
}

/** @param {Document} page */
const rowsOf = (page) => [...page.querySelectorAll("[data-freezes] tr[id]")];

const seconds = () => performance.now() / 1000;

customElements.define("f-live", Live);
