/** Moments as people read them. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { age, bothTimes, parts } from "../../static/js/moment.js";

test("a moment is told in the zone that was chosen, by its name, and in UTC", () => {
  const moment = new Date("2026-11-21T23:30:05.123Z");
  const words = bothTimes(moment, "Asia/Kolkata");
  assert.equal(words, "2026-11-22 05:00:05.123 Asia/Kolkata · 2026-11-21 23:30:05.123 UTC");
  assert.equal(bothTimes(moment, "UTC"), "2026-11-21 23:30:05.123 UTC");
});

/** The same moments as those of the server's test: what both write must be the same. */
const MOMENTS = JSON.parse(readFileSync(new URL("../web/moments.json", import.meta.url), "utf8"));

test("a moment is written as the server writes it, in every zone and season", () => {
  for (const [zone, iso, shown] of MOMENTS) {
    const [day, time, thousandths, ahead] = parts(new Date(iso), zone);
    assert.equal(`${day} ${time}.${thousandths}${ahead}`, shown);
  }
});

test("an age is told in its largest unit, in the words of the server", () => {
  const told = [0, 0.9, 1, 59.9, 60, 7200, 86_400 * 1500, -90].map(age);
  const same = ["now", "now", "1 s ago", "59 s ago", "1 min ago", "2 h ago", "1,500 d ago"];
  assert.deepEqual(told, [...same, "in 1 min"]);
});
