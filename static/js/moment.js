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

/** @type {Map<string | undefined, Intl.DateTimeFormat>} making one takes longer than using it often */
const FORMATS = new Map();
/** No clock is put forward or back by more. */
const MOST_MS = 4 * 3_600_000;

/** @param {string} [timeZone] */
function formatOf(timeZone) {
  let format = FORMATS.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat("sv-SE", {
      dateStyle: "short",
      timeStyle: "medium",
      timeZone,
    });
    FORMATS.set(timeZone, format);
  }
  return format;
}

/**
 * A moment as day, time, milliseconds and, where clocks show that time twice, the offset from UTC;
 * in a time zone, by default the browser's.
 * @param {Date} moment
 * @param {string} [timeZone]
 * @returns {[string, string, string, string]}
 */
export function parts(moment, timeZone) {
  const [day, time] = formatOf(timeZone).format(moment).split(" ");
  const thousandths = String(moment.getUTCMilliseconds()).padStart(3, "0");
  const twice = isShownTwice(moment, timeZone);
  return [day, time, thousandths, twice ? ` ${offset(aheadMs(moment, timeZone))}` : ""];
}

/**
 * A moment in the given time zone, by its name, and in UTC.
 * @param {Date} moment
 * @param {string} timeZone
 */
export function bothTimes(moment, timeZone) {
  const [day, time, thousandths, ahead] = parts(moment, timeZone);
  const there = `${day} ${time}.${thousandths}${ahead} ${timeZone}`;
  const utc = moment.toISOString().replace("T", " ").replace("Z", "");
  return timeZone === "UTC" ? there : `${there} · ${utc} UTC`;
}

/** @param {Date} moment @param {string} [timeZone] */
function isShownTwice(moment, timeZone) {
  const ahead = aheadMs(moment, timeZone);
  return [-MOST_MS, MOST_MS].some((distance) => {
    const other = aheadMs(new Date(moment.getTime() + distance), timeZone);
    return (
      other !== ahead && aheadMs(new Date(moment.getTime() + ahead - other), timeZone) === other
    );
  });
}

/**
 * By how much clocks there are ahead of UTC.
 * @param {Date} moment
 * @param {string} [timeZone]
 */
function aheadMs(moment, timeZone) {
  const shown = Date.parse(`${formatOf(timeZone).format(moment).replace(" ", "T")}Z`);
  return shown - Math.floor(moment.getTime() / 1000) * 1000;
}

/** @param {number} ms */
function offset(ms) {
  const minutes = Math.abs(ms) / 60_000;
  const [hour, minute] = [Math.floor(minutes / 60), minutes % 60].map((part) =>
    String(part).padStart(2, "0"),
  );
  return `${ms < 0 ? "-" : "+"}${hour}:${minute}`;
}
