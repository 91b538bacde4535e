/** <f-views>: the views of the list that this browser keeps: named, opened, forgotten. */
import { icon } from "../icon.js";
import { keep, kept } from "../kept.js";

const KEPT = "tasks-views";

/** @typedef {{ name: string, query: string }} View */

class Views extends HTMLElement {
  #list = document.createElement("ul");
  #name = document.createElement("input");

  connectedCallback() {
    const form = document.createElement("form");
    const save = document.createElement("button");
    const row = document.createElement("div");
    this.#list.className = "views";
    this.#name.required = true;
    this.#name.maxLength = 80;
    this.#name.autocomplete = "off";
    this.#name.placeholder = "Save view as…";
    this.#name.setAttribute("aria-label", "Name of this view");
    save.textContent = "Save";
    row.className = "row";
    row.append(this.#name, save);
    form.append(row);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
    this.replaceChildren(this.#list, form);
    this.#show();
  }

  #save() {
    const name = this.#name.value.trim();
    if (!name) return;
    const others = views().filter((view) => view.name !== name);
    write([...others, { name, query: location.search }]);
    this.#name.value = "";
    this.#show();
  }

  #show() {
    this.#list.replaceChildren(...views().map((view) => this.#item(view)));
    this.#list.hidden = !this.#list.firstChild;
  }

  /** @param {View} view */
  #item({ name, query }) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    const forget = document.createElement("button");
    link.textContent = name;
    link.href = location.pathname + (query || "?page=1");
    if (query === location.search) link.ariaCurrent = "true";
    forget.type = "button";
    forget.className = "plain bare";
    forget.setAttribute("aria-label", `Delete the view ${name}`);
    forget.append(icon("x"));
    forget.addEventListener("click", () => {
      write(views().filter((view) => view.name !== name));
      this.#show();
    });
    item.append(link, forget);
    return item;
  }
}

/** @returns {View[]} */
function views() {
  try {
    const found = JSON.parse(kept(KEPT) || "[]");
    return Array.isArray(found) ? found.filter(isView) : [];
  } catch {
    return []; // not what we wrote
  }
}

/** @param {any} view */
const isView = (view) => typeof view?.name === "string" && /^(\?|$)/.test(view?.query);

/** @param {View[]} all */
const write = (all) => keep(KEPT, all.length ? JSON.stringify(all) : "");

customElements.define("f-views", Views);
