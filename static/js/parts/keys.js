/** <f-keys>: what keys do on every page, and the list of them that `?` shows. */
import { icon } from "../icon.js";
import { KEYS, meaning, SECOND_KEY_MS } from "../shortcuts.js";

const FIELDS = "input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]";

class Keys extends HTMLElement {
  #gAtMs = -Infinity;

  connectedCallback() {
    document.addEventListener("keydown", this.#onKey);
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.#onKey);
  }

  /** @param {KeyboardEvent} event */
  #onKey = (event) => {
    if (event.defaultPrevented) return;
    const isTyping = event.target instanceof Element && event.target.matches(FIELDS);
    const isAfterG = performance.now() - this.#gAtMs < SECOND_KEY_MS;
    const command = meaning(event, { isTyping, isAfterG });
    if (document.querySelector("dialog[open]") && command !== "jump") return;
    this.#gAtMs = command === "g" ? performance.now() : -Infinity;
    if (command && this.#does(command)) event.preventDefault();
  };

  /** @param {string} command */
  #does(command) {
    if (command.startsWith("go:")) return go(command.slice(3));
    switch (command) {
      case "jump":
        return document.dispatchEvent(new Event("flower-jump"));
      case "pause":
        return document.dispatchEvent(new Event("flower-pause"));
      case "keys":
        return this.#list();
      case "search":
        return search();
      case "leave":
        return leave();
      case "down":
        return step(1, true);
      case "up":
        return step(-1, true);
      case "arrow-down":
        return step(1, false);
      case "arrow-up":
        return step(-1, false);
    }
    return false;
  }

  #list() {
    const dialog = document.createElement("dialog");
    const heading = document.createElement("h2");
    const list = document.createElement("dl");
    const close = document.createElement("button");
    close.className = "plain bare";
    close.setAttribute("aria-label", "Close");
    close.append(icon("x"));
    close.addEventListener("click", () => dialog.close());
    heading.append("Keys", close);
    const places = [...document.querySelectorAll("[data-key]")].map(placeKey);
    for (const [keys, words] of [...KEYS, ...places]) list.append(...line(keys, words));
    const whole = document.createElement("div");
    whole.className = "keys";
    whole.append(heading, list);
    dialog.setAttribute("aria-label", "Keys");
    dialog.append(whole);
    dialog.addEventListener("close", () => dialog.remove());
    this.append(dialog);
    dialog.showModal();
    return true;
  }
}

/** @param {Element} link @returns {[string[], string]} */
function placeKey(link) {
  return [
    ["g", link.getAttribute("data-key") ?? ""],
    `Go to ${link.querySelector("span")?.textContent}`,
  ];
}

/** @param {string[]} keys @param {string} words */
function line(keys, words) {
  const name = document.createElement("dt");
  const value = document.createElement("dd");
  for (const key of keys) {
    const shown = document.createElement("kbd");
    shown.textContent = key;
    name.append(shown, " ");
  }
  value.textContent = words;
  return [name, value];
}

/** @param {string} key */
function go(key) {
  const link = [...document.querySelectorAll("[data-key]")].find(
    (one) => one.getAttribute("data-key") === key,
  );
  if (!(link instanceof HTMLAnchorElement)) return false;
  link.click();
  return true;
}

/** The rest keeps the focus: what closes by this key has it. */
function leave() {
  const here = document.activeElement;
  if (here instanceof HTMLElement && here.matches(`${FIELDS}, [data-freezes] *`)) here.blur();
  return false;
}

function search() {
  const field = document.querySelector("[type=search]");
  if (!(field instanceof HTMLInputElement)) {
    return document.dispatchEvent(new Event("flower-jump"));
  }
  field.focus();
  field.select();
  return true;
}

/**
 * Focuses the link of the next row, or of the one before; arrows only go on where one is already.
 * @param {number} by
 * @param {boolean} isBeginning whether it may begin at the first row
 */
function step(by, isBeginning) {
  const rows = [...document.querySelectorAll("main tbody tr")].filter((row) =>
    row.checkVisibility(),
  );
  const here = rows.findIndex((row) => row.contains(document.activeElement));
  if (here < 0 && !isBeginning) return false;
  const next = rows[here < 0 ? (by > 0 ? 0 : rows.length - 1) : here + by];
  const link = next?.querySelector("a.key") ?? next?.querySelector("a");
  if (!(link instanceof HTMLElement)) return false;
  link.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  return true;
}

customElements.define("f-keys", Keys);
