/** Moments as people read them. Pure. */

/**
 * A moment in the given time zone, by default the browser's, and in UTC.
 * @param {Date} moment
 * @param {string} [timeZone]
 */
export function bothTimes(moment, timeZone) {
  const here = new Intl.DateTimeFormat(undefined, {
    dateStyle: "medium",
    timeStyle: "medium",
    timeZone,
  });
  return `${here.format(moment)} here · ${moment.toISOString().replace("T", " ").replace("Z", "")} UTC`;
}
