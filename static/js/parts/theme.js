/** <f-theme>: the choice between the system's theme, light and dark. */
const THEMES = { system: "System", light: "Light", dark: "Dark" };

class Theme extends HTMLElement {
  connectedCallback() {
    const choice = document.createElement("select");
    choice.setAttribute("aria-label", "Theme");
    for (const [value, label] of Object.entries(THEMES)) choice.add(new Option(label, value));
    choice.value = document.documentElement.dataset.theme ?? "system";
    choice.addEventListener("change", () => choose(choice.value));
    this.replaceChildren(choice);
  }
}

/** @param {string} theme */
function choose(theme) {
  const isSystem = theme === "system";
  if (isSystem) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (isSystem) localStorage.removeItem("flower-theme");
    else localStorage.setItem("flower-theme", theme);
  } catch {
    // a browser that keeps nothing forgets it with the page
  }
}

customElements.define("f-theme", Theme);
