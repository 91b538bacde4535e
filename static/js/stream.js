/**
 * A stream of ticks from the server. A refusal (a proxy's 502, a restart) ends an EventSource for
 * good: this opens another, ever more slowly.
 */
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;

export class Stream {
  #url;
  #hear;
  /** @type {EventSource | null} */ #source = null;
  #timer = 0;
  #refusals = 0;

  /** @param {string} url @param {() => void} hear called when something may have changed */
  constructor(url, hear) {
    this.#url = url;
    this.#hear = hear;
  }

  /** Begins to listen, unless it does already. */
  open() {
    if (this.#source) return;
    this.#source = new EventSource(this.#url);
    // What happened before the stream was open, nobody has told us of.
    this.#source.addEventListener("open", () => {
      this.#refusals = 0;
      this.#hear();
    });
    this.#source.addEventListener("tick", this.#hear);
    this.#source.addEventListener("error", () => this.#retry());
  }

  close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #retry() {
    if (this.#source?.readyState !== EventSource.CLOSED) return; // it tries again by itself
    const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#refusals);
    this.close();
    this.#refusals += 1;
    this.#timer = setTimeout(() => this.open(), waitMs * (0.75 + Math.random() / 2));
  }
}
