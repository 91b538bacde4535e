import assert from "node:assert/strict";
import { test } from "node:test";
import { barAt, inBar, period } from "../../static/js/range.js";

test("a place is over the bar that begins before it", () => {
  assert.deepEqual(
    [-0.1, 0, 0.49, 0.5, 1, 2].map((place) => barAt(place, 2)),
    [0, 0, 0, 1, 1, 1],
  );
});

test("bars from right to left are the same time as from left to right", () => {
  const steps = { start: 0, step: 60, count: 10 };
  assert.equal(period(steps, 1, 2), "1970-01-01T00:01:00Z..1970-01-01T00:02:59Z");
  assert.equal(period(steps, 2, 1), period(steps, 1, 2));
});

test("a bar has only the states that are in it", () => {
  assert.deepEqual(inBar({ FAILURE: [1, 0], SUCCESS: [2, 3] }, 1), [["SUCCESS", 3]]);
});
