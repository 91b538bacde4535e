/** A click beside all links and buttons of a row opens what the row is about: its `a.key`. */
document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  if (event.defaultPrevented || !target || target.closest(USED)) return;
  const link = target.closest("tbody tr")?.querySelector("a.key");
  if (!(link instanceof HTMLAnchorElement) || getSelection()?.toString()) return;
  if (event instanceof PointerEvent && event.pointerType === "touch") return; // a tap offers tools
  if (event.metaKey || event.ctrlKey) open(link.href, "_blank", "noopener");
  else location.assign(link.href);
});

const USED = "a, button, input, label, select, summary, textarea, form, .cell-tools";
