/* Where responses are stacked, a switch jumps between them and back to where one was reading. */

/* The scroll that a jump causes itself says nothing about what is read. */
const ASKED_MS = 200;

export class ResponseSwitch {
  #articles;
  #links;
  #read = new Map();
  #current = 0;
  #wentAt = -Infinity;

  constructor(root) {
    this.#articles = [...root.querySelectorAll(".response")];
    this.#links = [...root.querySelectorAll("[data-goes]")];
    for (const link of this.#links) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        this.goTo(Number(link.dataset.goes));
      });
    }
    const look = () => {
      if (root.isConnected) this.#see();
      else document.removeEventListener("scroll", look);
    };
    document.addEventListener("scroll", look, { passive: true });
    this.#mark(0);
  }

  goTo(slot) {
    if (slot === this.#current) this.#read.delete(slot);
    else this.#read.set(this.#current, window.scrollY - this.#top(this.#current));
    window.scrollTo(0, this.#top(slot) + Math.max(this.#read.get(slot) ?? 0, 0));
    this.#mark(slot);
    this.#wentAt = performance.now();
    // Where it scrolls in itself, the keys that scroll are for it.
    this.#articles[slot].querySelector("[data-pane][tabindex]")?.focus({ preventScroll: true });
  }

  /* Brings a response into view unless its head is visible already. */
  reveal(slot) {
    const { top } = this.#articles[slot].getBoundingClientRect();
    if (top < 0 || top > window.innerHeight * 0.6) this.#articles[slot].scrollIntoView();
    this.#mark(slot);
  }

  #top(slot) {
    const article = this.#articles[slot];
    const margin = parseFloat(getComputedStyle(article).scrollMarginTop) || 0;
    return article.getBoundingClientRect().top + window.scrollY - margin;
  }

  /* The response that is being read: the last one that begins above the upper third. */
  #see() {
    if (performance.now() - this.#wentAt < ASKED_MS) return;
    const line = window.innerHeight * 0.35;
    const tops = this.#articles.map((article) => article.getBoundingClientRect().top);
    this.#mark(Math.max(tops.findLastIndex((top) => top <= line), 0));
  }

  #mark(slot) {
    this.#current = slot;
    for (const link of this.#links) {
      if (Number(link.dataset.goes) === slot) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }
}
