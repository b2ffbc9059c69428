/* Flagging to the lead, and “I can't judge this”: both without leaving the work. */

import { post } from "./post.js";

export function flagging(root, page) {
  const menu = root.querySelector("[data-flag]");
  if (menu) new Flagging(menu, page);
  const passing = root.querySelector("[data-cannot-judge]");
  if (passing) page.keys.set("n", () => passing.click());
}

class Flagging {
  #menu;
  #form;
  #page;

  constructor(menu, page) {
    this.#menu = menu;
    this.#form = menu.querySelector("form");
    this.#page = page;
    page.keys.set("f", () => this.#toggle());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    menu.addEventListener("keydown", (event) => this.#key(event));
  }

  #toggle() {
    this.#menu.open = !this.#menu.open;
    if (!this.#menu.open) return;
    const { kind } = this.#form.elements;
    ([...kind].find((radio) => radio.checked) ?? kind[0]).focus();
  }

  #key(event) {
    if (!this.#menu.open || event.target.matches("textarea")) return;
    const radio = this.#form.querySelectorAll('[name="kind"]')[Number(event.key) - 1];
    if (radio && !event.ctrlKey && !event.metaKey && !event.altKey) {
      radio.checked = true;
      radio.focus();
    } else if (event.key === "Enter" && event.target.matches("input")) {
      this.#form.requestSubmit();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  async #send() {
    const { error } = await this.#posted();
    const problem = this.#form.querySelector("[data-flag-error]");
    problem.textContent = error ?? "";
    if (error) return this.#form.querySelector("textarea").focus();
    this.#form.reset();
    this.#menu.open = false;
    this.#menu.querySelector("summary").focus({ preventScroll: true });
    window.AlignUI.say(gettext("Flagged: the lead will see it. You can judge on."));
  }

  async #posted() {
    try {
      const response = await post(this.#form.action, new URLSearchParams(new FormData(this.#form)));
      if (response.headers.get("HX-Redirect")) return { error: gettext("You are signed out. Reload the page.") };
      return await response.json();
    } catch {
      return { error: gettext("This could not be sent. Try again.") };
    }
  }
}
