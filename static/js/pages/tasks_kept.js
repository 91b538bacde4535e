/**
 * Keeps how this browser last sorted the list of tasks, the length of its pages and its columns, and
 * opens the bare list so. Loaded in the head, not as a module, so that nothing is painted twice.
 */
{
  const KEPT = ["sort", "size", "columns"];
  const usualColumns = document.currentScript?.dataset.columns ?? "";
  const here = new URL(location.href);
  const chosen = KEPT.filter((name) => here.searchParams.has(name));
  try {
    if (chosen.length > 0 || here.searchParams.has("page")) {
      for (const name of KEPT) {
        const value = here.searchParams.get(name);
        if (!value || value === usualColumns) localStorage.removeItem(`flower-tasks-${name}`);
        else localStorage.setItem(`flower-tasks-${name}`, value);
      }
    } else {
      for (const name of KEPT) {
        const value = localStorage.getItem(`flower-tasks-${name}`);
        if (value !== null) here.searchParams.set(name, value);
      }
      if (here.href !== location.href) location.replace(here);
    }
  } catch {
    // a browser that keeps nothing opens the list as it is
  }
}
