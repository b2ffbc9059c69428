/* The next comparison, leased and ready before it is asked for. */

import { parts, post } from "./post.js";

/* Reading comes first: the present comparison is painted before the next one is fetched. */
const PAUSE_MS = 150;

export class Ahead {
  #root = null;
  #for = null;
  #timer = null;

  /* Fetches what follows the comparison `root`. */
  prepare(root) {
    this.drop();
    if (!root.dataset.ahead) return;
    this.#for = root;
    this.#timer = setTimeout(() => this.#fetch(root), PAUSE_MS);
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
