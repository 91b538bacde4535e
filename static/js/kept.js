/** What this browser keeps for itself; a browser that keeps nothing forgets it with the page. */

/** @param {string} name */
export function kept(name) {
  try {
    return localStorage.getItem(`flower-${name}`) ?? "";
  } catch {
    return "";
  }
}

/** @param {string} name @param {string} value nothing is kept for an empty one */
export function keep(name, value) {
  try {
    if (value) localStorage.setItem(`flower-${name}`, value);
    else localStorage.removeItem(`flower-${name}`);
  } catch {
    // as said above
  }
}
