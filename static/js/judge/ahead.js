/* The next comparison, leased and ready before it is asked for. */

import { parts, post } from "./post.js";

/* Reading comes first: the present comparison is painted before the next one is fetched. */
const PAUSE_MS = 150;

export class Ahead {
  #root = null;
  #for = null;
  #expected = null;
  #timer = null;

  /* Fetches what follows the comparison `root`, unless it comes with the answer to a submit. */
  prepare(root) {
    this.drop();
    if (!root.dataset.ahead) return;
    this.#for = root;
    if (this.#expected !== root) this.#timer = setTimeout(() => this.#fetch(root), PAUSE_MS);
  }

  /* A submit is on its way whose answer will bring what follows `root`. */
  expect(root) {
    this.#expected = root;
  }

  /* That answer is there: with what follows, or without, and then it is fetched. */
  arrived(root, next) {
    if (this.#expected === root) this.#expected = null;
    if (this.#for !== root || this.#root) return;
    if (next) this.#root = next;
    else this.prepare(root);
  }

  drop() {
    clearTimeout(this.#timer);
    this.#root = this.#for = null;
  }

  /* The comparison that is ready, once; null where there is none. */
  take() {
    const root = this.#root;
    this.drop();
    return root;
  }

  get isReady() {
    return this.#root !== null;
  }

  async #fetch(root) {
    try {
      const response = await post(root.dataset.ahead, "");
      if (response.status !== 200) return;
      const next = parts(await response.text()).get("comparison");
      if (this.#for === root && next) this.#root = next;
    } catch {
      // No connection: the submit will ask for the next comparison itself.
    }
  }
}
