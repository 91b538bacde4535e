/** Moments as people read them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { age, bothTimes } from "../../static/js/moment.js";

test("a moment is told in the zone of the browser and in UTC", () => {
  const words = bothTimes(new Date("2026-11-21T23:30:05.123Z"), "Asia/Kolkata");
  assert.equal(words, "2026-11-22 05:00:05 here · 2026-11-21 23:30:05.123 UTC");
});

test("an age is told in its largest unit, in the words of the server", () => {
  const told = [0, 0.9, 1, 59.9, 60, 7200, 86_400 * 1500, -90].map(age);
  const same = ["now", "now", "1 s ago", "59 s ago", "1 min ago", "2 h ago", "1,500 d ago"];
  assert.deepEqual(told, [...same, "in 1 min"]);
});
