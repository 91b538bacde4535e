/**
 * Tells a page that something may have changed. Browsers open six connections to a server, for all
 * windows together, so these share one stream; a browser without shared workers has one a window.
 */
import { Stream } from "./stream.js";

export class Ticks {
  #hear;
  #isOpen = false;
  /** @type {SharedWorker | null} */ #worker = null;
  #own;

  /** @param {string} url @param {() => void} hear */
  constructor(url, hear) {
    this.#hear = hear;
    this.#own = new Stream(url, hear);
    if (!("SharedWorker" in globalThis)) return;
    const script = new URL("./shared_stream.js", import.meta.url);
    this.#worker = new SharedWorker(script, { type: "module", name: url });
    this.#worker.addEventListener("error", () => this.#fall());
    this.#worker.port.addEventListener("message", () => this.#isOpen && this.#hear());
    this.#worker.port.start();
  }

  open() {
    this.#isOpen = true;
    if (this.#worker) this.#worker.port.postMessage("follow");
    else this.#own.open();
  }

  close() {
    this.#isOpen = false;
    this.#worker?.port.postMessage("leave");
    this.#own.close();
  }

  /** Gives the connection back where other windows have all of them: the page then only asks. */
  yield() {
    this.#own.close();
  }

  /** The browser can't run the worker. */
  #fall() {
    this.#worker = null;
    if (this.#isOpen) this.#own.open();
  }
}
