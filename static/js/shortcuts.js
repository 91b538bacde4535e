/** Which key does what, wherever one is. Pure. */

/** Every key that pages have, for the list that `?` shows. @type {[string[], string][]} */
export const KEYS = [
  [["?"], "This list"],
  [["Ctrl", "K"], "Jump to a page, worker, task type or task"],
  [["/"], "Search"],
  [["j"], "Next row"],
  [["k"], "Previous row"],
  [["Enter"], "Open the row"],
  [["←", "→"], "Select a cell of the row: only, not, copy"],
  [["p"], "Pause or resume"],
  [["Esc"], "Close, or leave a field or the list"],
];

/** How long after `g` the second key is waited for. */
export const SECOND_KEY_MS = 1500;

/**
 * What a key means: the name of a command, `go:` and a letter after `g`, or nothing.
 * @param {{ key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean }} event
 * @param {{ isTyping: boolean, isAfterG: boolean }} state
 */
export function meaning({ key, ctrlKey, metaKey, altKey }, { isTyping, isAfterG }) {
  if ((ctrlKey || metaKey) && !altKey && key.toLowerCase() === "k") return "jump";
  if (key === "Escape") return "leave";
  if (isTyping || ctrlKey || metaKey || altKey) return "";
  if (isAfterG) return `go:${key}`;
  return COMMANDS[key] ?? "";
}

/** @type {Record<string, string>} */
const COMMANDS = {
  "?": "keys",
  "/": "search",
  g: "g",
  j: "down",
  ArrowDown: "arrow-down",
  k: "up",
  ArrowUp: "arrow-up",
  p: "pause",
};
