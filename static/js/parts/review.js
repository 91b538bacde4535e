/**
 * <f-review>: shows the review that answers a form marked `data-reviewed` in a drawer beside the
 * page. Without script the same review is a page by itself.
 */
const LIMIT_MS = 15_000;

class ReviewDrawer extends HTMLElement {
  #dialog = document.createElement("dialog");

  connectedCallback() {
    this.#dialog.className = "drawer";
    this.#dialog.setAttribute("aria-labelledby", "review-title");
    this.append(this.#dialog);
    this.#dialog.addEventListener("click", this.#onClick);
    document.addEventListener("submit", this.#onSubmit);
  }

  disconnectedCallback() {
    document.removeEventListener("submit", this.#onSubmit);
  }

  /** @param {SubmitEvent} event */
  #onSubmit = (event) => {
    const { target: form, submitter } = event;
    if (!(form instanceof HTMLFormElement) || !asks(form, submitter)) return;
    event.preventDefault();
    const url = submitter?.getAttribute("formaction") ?? form.getAttribute("action") ?? "";
    this.#ask(form, url);
  };

  /** @param {HTMLFormElement} form @param {string} url */
  async #ask(form, url) {
    const answer = await reviewed(url, new FormData(form)).catch(() => null);
    const review = answer?.querySelector("#review");
    const confirm = review?.querySelector("form");
    if (!review || !confirm) {
      form.action = url;
      form.submit(); // the answer is a page: of an error, or of a login
      return;
    }
    confirm.action = url;
    this.#dialog.replaceChildren(review);
    this.#dialog.showModal();
  }

  /** @param {MouseEvent} event */
  #onClick = (event) => {
    const isOutside = event.target === this.#dialog && event.offsetX < 0;
    const closes = event.target instanceof Element && event.target.closest("[data-closes]");
    if (!isOutside && !closes) return;
    event.preventDefault();
    this.#dialog.close();
  };
}

/** @param {HTMLFormElement} form @param {HTMLElement | null} submitter */
function asks(form, submitter) {
  return "reviewed" in form.dataset || (submitter !== null && "reviewed" in submitter.dataset);
}

/** @param {string} url @param {FormData} filled */
async function reviewed(url, filled) {
  /** @type {[string, string][]} */
  const fields = [...filled].map(([name, value]) => [name, String(value)]);
  const answer = await fetch(url, {
    method: "POST",
    body: new URLSearchParams(fields),
    redirect: "manual",
    signal: AbortSignal.timeout(LIMIT_MS),
  });
  if (!answer.ok) return null;
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

customElements.define("f-review", ReviewDrawer);

export {};
