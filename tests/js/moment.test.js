/** Moments as people read them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bothTimes } from "../../static/js/moment.js";

test("a moment is told in the zone of the browser and in UTC", () => {
  const words = bothTimes(new Date("2026-11-21T23:30:05.123Z"), "Asia/Kolkata");
  assert.match(words, /22.*5:00:05.* here · 2026-11-21 23:30:05\.123 UTC$/);
});
