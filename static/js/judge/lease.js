/* Keeps the comparison for who works on it, and says so when it has gone back to the others. */

import { post } from "./post.js";

const LOOK_MS = 15_000;
const ACTIVE_MS = 60_000;
const WARN_MS = 120_000;

export class Lease {
  #clock;
  #expires;
  #length;
  #url;
  #state;
  #timer;

  constructor(root, clock) {
    this.#clock = clock;
    this.#expires = Date.parse(root.dataset.expires);
    this.#length = Number(root.dataset.lease) * 1000;
    this.#url = root.dataset.renew;
    this.#state = root.querySelector("[data-state]");
    this.#timer = setInterval(() => this.#look(), Math.min(LOOK_MS, this.#length / 8));
  }

  end() {
    clearInterval(this.#timer);
  }

  #look() {
    const left = this.#expires - Date.now();
    const isActive = this.#clock.idleMs < ACTIVE_MS && !document.hidden;
    if (left <= 0) return this.#lapse();
    if (isActive && left < this.#length * 0.75) return this.#renew();
    this.#state.textContent =
      left < WARN_MS && this.#length > WARN_MS
        ? gettext("Still there? This one goes back to others soon.")
        : "";
  }

  async #renew() {
    let answer;
    try {
      answer = await post(this.#url, "");
    } catch {
      return; // No connection: the next look tries again, and sending has its own words.
    }
    if (answer.status === 200) {
      this.#expires = Date.parse((await answer.json()).expires_at);
      this.#state.textContent = "";
    } else if (answer.status === 409) {
      this.#lapse();
    }
  }

  #lapse() {
    this.end();
    window.AlignUI.say(
      gettext(
        "You were away, so this comparison went back to the others. What you answered is kept here: submit it, and it counts if there is still room.",
      ),
      { tone: "warning" },
    );
  }
}
