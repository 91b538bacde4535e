/** Copying, also where a browser lets no page write to the clipboard. */

/**
 * Copies a text, else selects the element that shows it; says which.
 * @param {string} text
 * @param {Element | null} source
 */
export async function copy(text, source) {
  try {
    await navigator.clipboard.writeText(text);
    return "Copied";
  } catch {
    if (source) getSelection()?.selectAllChildren(source); // plain HTTP: nobody may write to it
    return "Selected";
  }
}
