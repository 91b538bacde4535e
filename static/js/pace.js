/**
 * When to fetch a page again. Pure: times are handed in, in seconds on any clock that only goes on.
 *
 * A change is shown after `everyS`; without one the page is fetched after `IDLE_S` all the same,
 * because silence is news too: a worker that died sends nothing. Failures slow it down.
 */
export const IDLE_S = 5;
export const SLOWEST_S = 30;

export class Pace {
  #everyS;
  #startedS = -Infinity;
  #failures = 0;
  #isChanged = false;

  /** @param {number} everyS the least time between two fetches, at least 1 */
  constructor(everyS) {
    this.#everyS = Math.max(1, everyS);
  }

  /** Something changed on the server. */
  changed() {
    this.#isChanged = true;
  }

  /** A fetch begins. @param {number} nowS */
  started(nowS) {
    this.#startedS = nowS;
    this.#isChanged = false;
  }

  succeeded() {
    this.#failures = 0;
  }

  failed() {
    this.#failures += 1;
  }

  /** How long to wait before the next fetch, 0 for now. @param {number} nowS */
  waitS(nowS) {
    return Math.max(0, this.#startedS + this.#restS() - nowS);
  }

  #restS() {
    const idleS = Math.max(IDLE_S, this.#everyS);
    if (this.#failures > 0) return Math.min(SLOWEST_S, this.#everyS * 2 ** this.#failures);
    return this.#isChanged ? this.#everyS : idleS;
  }
}
