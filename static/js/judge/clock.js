/* Time that a person was active: gaps longer than IDLE_MS and hidden pages do not count. */

const IDLE_MS = 30_000;
const SIGNS = ["pointermove", "pointerdown", "keydown", "wheel", "scroll", "touchmove"];

export class Clock {
  #counted = 0;
  #last = performance.now();

  constructor() {
    for (const sign of SIGNS) {
      document.addEventListener(sign, () => this.#tick(), { passive: true, capture: true });
    }
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#tick();
      else this.#last = performance.now();
    });
  }

  restart(ms = 0) {
    this.#counted = ms;
    this.#last = performance.now();
  }

  get ms() {
    this.#tick();
    return Math.round(this.#counted);
  }

  /* How long nobody has done anything. */
  get idleMs() {
    return performance.now() - this.#last;
  }

  #tick() {
    const now = performance.now();
    this.#counted += Math.min(now - this.#last, IDLE_MS);
    this.#last = now;
  }
}
