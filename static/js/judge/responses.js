/* Where responses are stacked, a switch jumps between them and back to where one was reading. */

export class ResponseSwitch {
  #articles;
  #links;
  #read = new Map();
  #current = 0;

  constructor(root) {
    this.#articles = [...root.querySelectorAll(".response")];
    this.#links = [...root.querySelectorAll("[data-goes]")];
    for (const link of this.#links) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        this.goTo(Number(link.dataset.goes));
      });
    }
    const watcher = new IntersectionObserver((entries) => this.#see(entries), {
      rootMargin: "-30% 0px -60% 0px",
    });
    for (const article of this.#articles) watcher.observe(article);
    this.#mark(0);
  }

  goTo(slot) {
    if (slot === this.#current) this.#read.delete(slot);
    else this.#read.set(this.#current, window.scrollY - this.#top(this.#current));
    window.scrollTo(0, this.#top(slot) + Math.max(this.#read.get(slot) ?? 0, 0));
    this.#mark(slot);
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

  #see(entries) {
    const seen = entries.find((entry) => entry.isIntersecting);
    if (seen) this.#mark(Number(seen.target.dataset.slot));
  }

  #mark(slot) {
    this.#current = slot;
    for (const link of this.#links) {
      if (Number(link.dataset.goes) === slot) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }
}
