/** The word of a search at which somebody writes. Pure. */

/**
 * Where the word begins and ends that has the caret in it or behind it; quotes hold words together.
 * Dashes and parentheses before it are not part of it.
 * @param {string} text
 * @param {number} caret
 */
export function wordAt(text, caret) {
  let start = 0;
  let isQuoted = false;
  for (let place = 0; place < caret; place += 1) {
    if (text[place] === "\\" && isQuoted) place += 1;
    else if (text[place] === '"') isQuoted = !isQuoted;
    else if (!isQuoted && /[\s()]/.test(text[place])) start = place + 1;
  }
  if (text[start] === "-") start += 1;
  let end = caret;
  while (end < text.length && (isQuoted || !/[\s()]/.test(text[end]))) {
    if (text[end] === '"') isQuoted = !isQuoted;
    end += 1;
  }
  return { start, end, word: text.slice(start, Math.max(start, caret)) };
}

/**
 * The text with the word replaced, and where the caret is then; a word that is done ends in a blank.
 * @param {string} text
 * @param {{ start: number, end: number }} word
 * @param {string} by
 */
export function replaced(text, { start, end }, by) {
  const rest = text.slice(end);
  const gap = by.endsWith(":") || /^[\s)]/.test(rest) ? "" : " ";
  return { text: text.slice(0, start) + by + gap + rest, caret: start + by.length + gap.length };
}
