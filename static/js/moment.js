/** Moments as people read them, in the words that the server uses too. Pure. */

/** @type {[number, string][]} */
const UNITS = [
  [86_400, "d"],
  [3600, "h"],
  [60, "min"],
  [1, "s"],
];

/**
 * How long ago, in the largest unit: `now`, `12 s ago`, `3 min ago`; what lies ahead: `in 3 min`.
 * @param {number} seconds
 */
export function age(seconds) {
  const distance = Math.abs(seconds);
  const [unitS, unit] = UNITS.find(([one]) => distance >= one) ?? [0, ""];
  if (!unitS) return "now";
  const shown = `${Math.floor(distance / unitS).toLocaleString("en")} ${unit}`;
  return seconds < 0 ? `in ${shown}` : `${shown} ago`;
}

/**
 * A moment as day, time and milliseconds in a time zone, by default the browser's.
 * @param {Date} moment
 * @param {string} [timeZone]
 * @returns {[string, string, string]}
 */
export function parts(moment, timeZone) {
  const format = new Intl.DateTimeFormat("sv-SE", {
    dateStyle: "short",
    timeStyle: "medium",
    timeZone,
  });
  const [day, time] = format.format(moment).split(" ");
  return [day, time, String(moment.getUTCMilliseconds()).padStart(3, "0")];
}

/**
 * A moment in the given time zone, by default the browser's, and in UTC.
 * @param {Date} moment
 * @param {string} [timeZone]
 */
export function bothTimes(moment, timeZone) {
  const [day, time] = parts(moment, timeZone);
  const utc = moment.toISOString().replace("T", " ").replace("Z", "");
  return `${day} ${time} here · ${utc} UTC`;
}
