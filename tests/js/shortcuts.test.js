/** Keys: which one does what, wherever one is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { meaning } from "../../static/js/shortcuts.js";

const nowhere = { isTyping: false, isAfterG: false };
const held = { ctrlKey: false, metaKey: false, altKey: false };

test("a single key has its command", () => {
  const commands = ["?", "/", "j", "k", "p", "g", "x"].map((key) =>
    meaning({ key, ...held }, nowhere),
  );
  assert.deepEqual(commands, ["keys", "search", "down", "up", "pause", "g", ""]);
});

test("the palette opens on both kinds of keyboard, also while typing", () => {
  const typing = { isTyping: true, isAfterG: false };
  assert.equal(meaning({ ...held, key: "k", ctrlKey: true }, typing), "jump");
  assert.equal(meaning({ ...held, key: "K", metaKey: true }, nowhere), "jump");
});

test("letters that are typed into a field do nothing else, and Escape leaves it", () => {
  const typing = { isTyping: true, isAfterG: false };
  assert.equal(meaning({ key: "p", ...held }, typing), "");
  assert.equal(meaning({ key: "Escape", ...held }, typing), "leave");
  assert.equal(meaning({ key: "Escape", ...held }, nowhere), "leave");
});

test("what belongs to the browser stays with it", () => {
  assert.equal(meaning({ ...held, key: "p", ctrlKey: true }, nowhere), "");
  assert.equal(meaning({ ...held, key: "j", altKey: true }, nowhere), "");
});

test("after g, a letter leads to a page", () => {
  assert.equal(meaning({ key: "p", ...held }, { isTyping: false, isAfterG: true }), "go:p");
});
