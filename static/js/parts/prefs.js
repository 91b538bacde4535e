/** <f-prefs>: what this browser chose for itself: the theme, and how times are told. */
import { icon } from "../icon.js";
import { keep } from "../kept.js";
import { choose, chosen, retell } from "../times.js";

/** @type {Record<string, string>} */
const THEMES = { "": "System", light: "Light", dark: "Dark" };
/** @type {Record<string, string>} */
const FORMS = { "": "Default", absolute: "Absolute", relative: "Relative" };
/** @type {Record<string, string>} */
const ZONES = { "": "Cluster", here: "Browser", UTC: "UTC" };

class Prefs extends HTMLElement {
  connectedCallback() {
    const { theme } = document.documentElement.dataset;
    const { form, zone } = chosen();
    retell(document);
    this.replaceChildren(
      menu(
        choice("Theme", THEMES, theme ?? "", chooseTheme),
        choice("Times", FORMS, form, (picked) => choose({ ...chosen(), form: picked })),
        choice("Time zone", ZONES, zone, (picked) => choose({ ...chosen(), zone: picked })),
      ),
    );
  }
}

/** @param {HTMLElement[]} choices */
function menu(...choices) {
  const whole = document.createElement("f-menu");
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  const content = document.createElement("div");
  details.className = "menu";
  summary.setAttribute("aria-label", "Theme and times");
  summary.title = "Theme and times";
  summary.append(icon("settings-2"));
  content.append(...choices);
  details.append(summary, content);
  whole.append(details);
  return whole;
}

/**
 * @param {string} name
 * @param {Record<string, string>} labels by value
 * @param {string} current
 * @param {(value: string) => void} pick
 */
function choice(name, labels, current, pick) {
  const part = document.createElement("div");
  const group = document.createElement("fieldset");
  const legend = document.createElement("legend");
  part.className = "choices";
  legend.textContent = name;
  group.append(legend);
  for (const [value, text] of Object.entries(labels)) {
    const label = document.createElement("label");
    const radio = document.createElement("input");
    Object.assign(radio, { type: "radio", name: `f-${name}`, value, checked: value === current });
    radio.addEventListener("change", () => pick(value));
    label.append(radio, text);
    group.append(label);
  }
  part.append(group);
  return part;
}

/** @param {string} theme */
function chooseTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  keep("theme", theme);
}

customElements.define("f-prefs", Prefs);
