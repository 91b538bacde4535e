/**
 * Sets the chosen theme before anything is painted; loaded in the head, not as a module, for that.
 * The choice is this browser's own: `light`, `dark`, or nothing for the system's.
 */
try {
  const theme = localStorage.getItem("flower-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // a browser that keeps nothing follows its system
}
