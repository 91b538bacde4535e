/** Ranges of bars that somebody picks, and how searches name them. Pure. */

/** @typedef {{ start: number, step: number, count: number }} Steps from `start`, UTC seconds */

/**
 * Which bar a place is over, given as 0 to 1 of the whole width.
 * @param {number} place
 * @param {number} count
 */
export const barAt = (place, count) => Math.min(count - 1, Math.max(0, Math.floor(place * count)));

/**
 * The time of the bars between two, both included, as a search names it: up to its last second.
 * @param {Steps} steps
 * @param {number} one
 * @param {number} other
 */
export function period({ start, step }, one, other) {
  const [first, last] = one < other ? [one, other] : [other, one];
  return `${second(start + first * step)}..${second(start + (last + 1) * step - 1)}`;
}

/**
 * What a bar stands for, the states that it has.
 * @param {Record<string, number[]>} counts
 * @param {number} bar
 * @returns {[string, number][]}
 */
export function inBar(counts, bar) {
  return Object.entries(counts)
    .map(([state, numbers]) => /** @type {[string, number]} */ ([state, numbers[bar] ?? 0]))
    .filter(([, number]) => number > 0);
}

/** @param {number} seconds */
const second = (seconds) => `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
