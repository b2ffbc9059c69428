/* Responses that stand side by side scroll in their own panes, in step if one likes, so that the
   shorter one never leaves the view. A slim marker says where in each one is.

   Side by side or stacked, and how high a pane may be, is the style sheet's to say. */

const IN_STEP = "alignui.in-step";
const NEAR_PX = 4;
const LINE_PX = 40;
const OVERLAP = 0.9;
const CALM = window.matchMedia("(prefers-reduced-motion: reduce)");
const WIDGETS = "a, button, input, textarea, select, summary, label, dialog, pre, [popover], .panel";

export function panes(root, page) {
  page.panes = new Panes(root, page);
}

class Panes {
  #root;
  #page;
  #panes;
  #button;
  #echoes = new Set();
  #latest;
  #watch;
  #markers = new Map();

  constructor(root, page) {
    this.#root = root;
    this.#page = page;
    this.#panes = [...root.querySelectorAll("[data-pane]")];
    this.#button = root.querySelector("[data-in-step]");
    this.#latest = this.#panes[0];
    this.#showStep();
    this.#button.addEventListener("click", () => this.toggleStep());
    page.keys.set("l", () => this.toggleStep());
    for (const [slot, pane] of this.#panes.entries()) {
      this.#markers.set(pane, root.querySelectorAll(`[data-position="${slot}"]`));
      pane.addEventListener("scroll", () => this.#scrolled(pane), { passive: true });
    }
    this.#listen();
  }

  get #isInStep() {
    return localStorage.getItem(IN_STEP) !== "off";
  }

  toggleStep() {
    localStorage.setItem(IN_STEP, this.#isInStep ? "off" : "on");
    this.#showStep();
    if (this.#isInStep) this.#follow(this.#latest);
    this.#page.announce(
      this.#isInStep ? gettext("The responses scroll in step.") : gettext("Each response scrolls alone."),
    );
  }

  /* Whether a response can be scrolled in itself. */
  scrolls(slot) {
    return reach(this.#panes[slot]) > 0;
  }

  focus(slot) {
    this.#latest = this.#panes[slot];
    if (this.scrolls(slot)) this.#panes[slot].focus({ preventScroll: true });
  }

  /* Every pane keeps its share when what it shows is changed. */
  keepPlace(change) {
    const shares = this.#panes.map(share);
    change();
    for (const [slot, pane] of this.#panes.entries()) this.#set(pane, shares[slot]);
    this.#look();
  }

  #listen() {
    const look = () => this.#look();
    const keyed = (event) => this.#keyed(event);
    const end = new AbortController();
    const guard = (act) => (event) => (this.#root.isConnected ? act(event) : this.#end(end));
    const options = { passive: true, signal: end.signal };
    document.addEventListener("scroll", guard(look), options);
    window.addEventListener("resize", guard(look), options);
    document.addEventListener("keydown", guard(keyed), { signal: end.signal });
    this.#watch = new ResizeObserver(guard(look));
    for (const pane of this.#panes) this.#watch.observe(pane);
  }

  #end(listening) {
    listening.abort();
    this.#watch.disconnect();
  }

  #showStep() {
    this.#button.setAttribute("aria-pressed", String(this.#isInStep));
  }

  #scrolled(pane) {
    this.#mark(pane);
    if (this.#echoes.delete(pane)) return;
    this.#latest = pane;
    if (this.#isInStep) this.#follow(pane);
  }

  #follow(leader) {
    if (!reach(leader)) return;
    const to = share(leader);
    for (const pane of this.#panes) if (pane !== leader) this.#set(pane, to);
  }

  #set(pane, to) {
    const before = pane.scrollTop;
    const wanted = to * reach(pane);
    if (Math.abs(before - wanted) < 1) return;
    pane.scrollTo({ top: wanted, behavior: "instant" });
    if (pane.scrollTop !== before) this.#echoes.add(pane);
  }

  /* A pane that is not in view as a whole lets the page scroll until it is. */
  #look() {
    const bottom = this.#root.querySelector(".bar").getBoundingClientRect().top;
    const end = document.documentElement;
    const isAtEnd = window.scrollY >= end.scrollHeight - end.clientHeight - NEAR_PX;
    for (const pane of this.#panes) {
      const box = pane.getBoundingClientRect();
      const canScroll = reach(pane) > 0;
      pane.classList.toggle("is-below", canScroll && !isAtEnd && box.bottom > bottom + NEAR_PX);
      if (canScroll) pane.tabIndex = 0;
      else pane.removeAttribute("tabindex");
      this.#mark(pane, box, bottom);
    }
    this.#button.classList.toggle("is-idle", !this.#panes.some(reach));
  }

  #mark(pane, box, bottom) {
    const isPane = reach(pane) > 0;
    const seen = isPane ? share(pane) : box ? read(box, bottom) : null;
    if (seen === null) return;
    for (const marker of this.#markers.get(pane)) {
      const isUseful = isPane === Boolean(marker.closest(".response"));
      marker.parentElement.classList.toggle("is-off", !isUseful);
      marker.style.transform = `scaleX(${seen.toFixed(3)})`;
    }
  }

  /* Keys that scroll a page scroll the panes, where these are what is in view. */
  #keyed(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest(WIDGETS) || event.target.closest("[data-pane]")) return;
    if (document.querySelector("dialog[open]")) return;
    const pane = this.#panes.toSorted((one, other) => reach(other) - reach(one))[0];
    const way = this.#way(event, pane);
    if (!reach(pane) || !way || pane.classList.contains("is-below")) return;
    const to = Math.min(Math.max(pane.scrollTop + way, 0), reach(pane));
    if (Math.abs(to - pane.scrollTop) < 1) return;
    event.preventDefault();
    pane.scrollTo({ top: to, behavior: CALM.matches ? "instant" : "smooth" });
  }

  #way(event, pane) {
    const leaf = pane.clientHeight * OVERLAP;
    return {
      " ": event.shiftKey ? -leaf : leaf,
      PageDown: leaf,
      PageUp: -leaf,
      ArrowDown: LINE_PX,
      ArrowUp: -LINE_PX,
      End: Infinity,
      Home: -Infinity,
    }[event.key];
  }
}

/* How far a pane can be scrolled; nothing where the page scrolls instead. */
function reach(pane) {
  const far = pane.scrollHeight - pane.clientHeight;
  return far > 1 ? far : 0;
}

function share(pane) {
  return reach(pane) ? pane.scrollTop / reach(pane) : 0;
}

/* How much of a response that scrolls with the page has come above the bar. */
function read(box, bottom) {
  return box.height ? Math.min(Math.max((bottom - box.top) / box.height, 0), 1) : 0;
}
