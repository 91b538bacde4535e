/**
 * <f-live data-every="1">: keeps the page as new as the cluster, says how new that is, and can be
 * paused. Without a number it does nothing. Follows `/stream`; at most one fetch at a time, none in
 * a hidden tab. While somebody points at a list marked `data-freezes`, or paused it, what is newer
 * waits, and how much that is is told; a page without such a list asks for nothing while paused.
 */
import { icon } from "../icon.js";
import { age, parts } from "../moment.js";
import { show } from "../morph.js";
import { Pace } from "../pace.js";
import { Ticks } from "../ticks.js";
import { chosen, retell, zoneName } from "../times.js";

const FETCH_LIMIT_MS = 15_000;
const FROZEN =
  "[data-freezes]:hover, [data-freezes]:has(td:focus, :focus-visible, td input:checked)";
/** Failures of which the page tells in a banner: one alone may be a restart. */
const FAILURES = 2;

class Live extends HTMLElement {
  /** @type {Pace | null} */ #pace = null;
  /** @type {Ticks | null} */ #ticks = null;
  #timer = 0;
  #clock = 0;
  #isFetching = false;
  #isPaused = false;
  #isLoggedOut = false;
  #shownMs = Date.now();
  #text = "";
  #failures = 0;
  #problem = "";
  /** @type {Document | null} */ #held = null;
  #words = document.createElement("span");
  #banner = document.createElement("div");
  #button = document.createElement("button");
  #newer = document.createElement("button");

  connectedCallback() {
    const every = Number(this.dataset.every);
    if (!every) return;
    this.#draw();
    this.#pace = new Pace(every);
    this.#pace.started(seconds());
    this.#ticks = new Ticks(`${document.documentElement.dataset.root}/stream`, this.#hear);
    document.addEventListener("visibilitychange", this.#follow);
    document.addEventListener("flower-pause", this.#pause);
    document.addEventListener("pointerout", this.#thaw);
    document.addEventListener("focusout", this.#leave);
    this.#clock = setInterval(() => this.#tell(), 1000);
    this.#follow();
    this.#tell();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#follow);
    document.removeEventListener("flower-pause", this.#pause);
    document.removeEventListener("pointerout", this.#thaw);
    document.removeEventListener("focusout", this.#leave);
    clearInterval(this.#clock);
    clearTimeout(this.#timer);
    this.#ticks?.close();
    this.#banner.remove();
  }

  #draw() {
    this.#words.className = "told";
    this.#banner.className = "banner bad";
    this.#banner.role = "alert";
    this.#button.type = this.#newer.type = "button";
    this.#button.className = "plain";
    this.#button.addEventListener("click", this.#pause);
    this.#newer.className = "newer main";
    this.#newer.hidden = true;
    this.#newer.addEventListener("click", () => this.#release());
    this.replaceChildren(this.#words, this.#button, this.#newer);
  }

  /** A hidden tab follows nothing. */
  #follow = () => {
    this.#ticks?.close();
    clearTimeout(this.#timer);
    if (document.hidden || this.#isStill) return;
    if (this.#isLoggedOut)
      this.#refresh(); // somebody may have logged in elsewhere
    else this.#ticks?.open();
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
    if (this.#isLoggedOut) return; // each attempt would count as a wrong password
    this.#timer = setTimeout(() => this.#refresh(), this.#pace.waitS(seconds()) * 1000);
  }

  async #refresh() {
    const pace = this.#pace;
    if (!pace || this.#isFetching) return;
    this.#isFetching = true;
    pace.started(seconds());
    try {
      this.#take(await fetchedText());
      if (this.#isLoggedOut) this.#ticks?.open();
      this.#isLoggedOut = false;
      pace.succeeded();
      this.#problem = "";
      this.#failures = 0;
    } catch (error) {
      pace.failed();
      this.#problem = wording(error);
      this.#failures += 1;
      this.#isLoggedOut = this.#problem === LOGGED_OUT;
      if (this.#isLoggedOut) this.#ticks?.close();
      if (isTooLate(error)) this.#ticks?.yield();
    }
    this.#explain();
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

  /** The focus is elsewhere only after this event. */
  #leave = () => setTimeout(this.#thaw);

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
    const verb = this.#isPaused ? "Resume" : "Pause";
    if (this.dataset.mood !== mood || !this.#button.firstChild) {
      this.dataset.mood = mood;
      this.#button.replaceChildren(icon(this.#isPaused ? "play" : "pause"));
      this.#button.setAttribute("aria-label", `${verb} updates`);
      this.#button.title = `${verb} updates (p)`;
    }
    this.#words.textContent = words;
    this.#words.title = this.#problem ? `${this.#problem}. ${updated}` : updated;
    if (!document.hidden) retell(document);
  }

  /** Tells across the page why it is old, and since when. */
  #explain() {
    const isLogin = this.#isLoggedOut;
    if (!this.#problem || (!isLogin && this.#failures < FAILURES)) {
      this.#banner.remove();
      return;
    }
    const text = document.createElement("p");
    const strong = document.createElement("strong");
    strong.textContent = "This page is not updated";
    const rest = isLogin ? ". " : ", and tries again by itself.";
    text.append(strong, `: ${this.#problem}. It shows the state of ${clock(this.#shownMs)}${rest}`);
    if (isLogin) text.append(loginLink());
    if (text.textContent !== this.#banner.textContent) this.#banner.replaceChildren(text);
    if (!this.#banner.isConnected) document.getElementById("banners")?.before(this.#banner);
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

const LOGGED_OUT = "Log in again";

async function fetchedText() {
  const answer = await fetch(location.href, {
    headers: { "Flower-Live": "1" },
    redirect: "manual",
    signal: AbortSignal.timeout(FETCH_LIMIT_MS),
  });
  if (answer.type === "opaqueredirect" || answer.status === 401) throw new Error(LOGGED_OUT);
  if (!answer.ok) throw new Error(reason(await answer.text(), answer.status));
  return answer.text();
}

/** @param {unknown} error */
const isTooLate = (error) => error instanceof DOMException && error.name === "TimeoutError";

/** Why a fetch failed, in words of ours: those of browsers differ. @param {unknown} error */
function wording(error) {
  if (isTooLate(error)) return `No answer within ${FETCH_LIMIT_MS / 1000} s`;
  if (error instanceof TypeError) return "The dashboard can't be reached";
  return error instanceof Error ? error.message : String(error);
}

function loginLink() {
  const link = document.createElement("a");
  link.href = location.href;
  link.textContent = "Log in";
  // With the address that is shown already, and a tab of the page in it, a link would only scroll.
  link.addEventListener("click", (event) => {
    event.preventDefault();
    location.reload();
  });
  return link;
}

/** @param {number} ms */
function clock(ms) {
  const [day, time, , ahead] = parts(new Date(ms), zoneName(chosen().zone));
  return `${day} ${time}${ahead}`;
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
