/** The worker that all windows of a browser share: one stream for those that follow. */
import { Stream } from "./stream.js";

/** @type {Set<MessagePort>} */
const following = new Set();
const stream = new Stream(self.name, () => following.forEach(tell));

/** @param {MessagePort} port */
const tell = (port) => port.postMessage("tick");

self.addEventListener("connect", (event) => {
  const [port] = /** @type {MessageEvent} */ (event).ports;
  port.addEventListener("message", ({ data }) => follow(port, data === "follow"));
  port.addEventListener("close", () => follow(port, false)); // of a window that crashed
  port.start();
});

/** @param {MessagePort} port @param {boolean} isFollowing */
function follow(port, isFollowing) {
  if (isFollowing) {
    following.add(port);
    tell(port); // what it missed
    stream.open();
  } else if (following.delete(port) && !following.size) stream.close();
}
