/** Pace: when a page is fetched again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { IDLE_S, Pace, SLOWEST_S } from "../../static/js/pace.js";

/** @param {number} everyS */
function begun(everyS = 1) {
  const pace = new Pace(everyS);
  pace.started(100);
  return pace;
}

test("without a change the page is fetched after a while all the same", () => {
  assert.equal(begun().waitS(100), IDLE_S);
  assert.equal(begun().waitS(102), IDLE_S - 2);
});

test("a change is shown at most once in the time between", () => {
  const pace = begun();
  pace.changed();
  assert.equal(pace.waitS(100.25), 0.75);
  assert.equal(pace.waitS(103), 0);
});

test("a page that asks for long rests gets them, changed or not", () => {
  const pace = begun(20);
  assert.equal(pace.waitS(100), 20);
  pace.changed();
  assert.equal(pace.waitS(100), 20);
});

test("no page is fetched more often than once a second", () => {
  const pace = begun(0.001);
  pace.changed();
  assert.equal(pace.waitS(100), 1);
});

test("a fetch that began after a change has shown it", () => {
  const pace = begun();
  pace.changed();
  pace.started(101);
  assert.equal(pace.waitS(101), IDLE_S);
});

test("failures slow it down, up to a bound, and a success forgives them", () => {
  const pace = begun();
  const waits = [1, 2, 3, 4, 5, 6, 7].map(() => {
    pace.failed();
    pace.changed();
    return pace.waitS(100);
  });
  assert.deepEqual(waits, [2, 4, 8, 16, SLOWEST_S, SLOWEST_S, SLOWEST_S]);
  pace.succeeded();
  assert.equal(pace.waitS(100), 1);
});

test("it never asks to wait less than nothing", () => {
  assert.equal(begun().waitS(1e9), 0);
});
