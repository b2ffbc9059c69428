/* The small panel that marks a passage: chosen by mouse, by touch or, after M, by arrow keys.

   It takes keys only while it has the focus, so selecting text never changes what a digit means. */

const SETTLE_MS = 250;
const GAP_PX = 8;
const NARROW = matchMedia("(max-width: 44rem)");

export class MarkTools {
  #root;
  #page;
  #marks;
  #panel;
  #note;
  #passage = null;
  #index = -1;
  #cameFrom = null;
  #ended = new AbortController();

  constructor(root, page, marks) {
    this.#root = root;
    this.#page = page;
    this.#marks = marks;
    this.#panel = root.querySelector("[data-mark-tools]");
    this.#note = this.#panel.querySelector("[data-mark-note]");
    for (const button of this.#buttons) {
      button.addEventListener("click", () => this.#label(button.dataset.label));
    }
    this.#panel.querySelector("[data-mark-close]").addEventListener("click", () => this.#save());
    this.#panel.addEventListener("keydown", (event) => this.#key(event));
    this.#listen();
  }

  /* Takes the selection, or a sentence to begin with, and the keys. */
  open() {
    this.#cameFrom ??= document.activeElement;
    const found = this.#isOpen ? this.#passage : (this.#selected() ?? this.#firstSentence());
    if (!found) {
      this.#page.announce(gettext("There is nothing to mark here."));
      return;
    }
    this.#show(found, this.#index);
    this.#panel.focus({ preventScroll: true });
    this.#page.announce(found.quote);
  }

  edit(index) {
    this.#cameFrom = document.activeElement;
    this.#show(this.#marks.all[index], index);
    this.#bringIntoView();
    this.#panel.focus({ preventScroll: true });
  }

  close() {
    if (!this.#isOpen) return;
    const hadFocus = this.#hasFocus;
    this.#panel.hidePopover();
    this.#marks.pend(null);
    const back = this.#cameFrom;
    this.#passage = this.#cameFrom = null;
    this.#index = -1;
    if (!hadFocus) return;
    if (back?.isConnected && back !== document.body) back.focus({ preventScroll: true });
    else this.#root.querySelector("[data-heading]").focus({ preventScroll: true });
  }

  get #buttons() {
    return [...this.#panel.querySelectorAll("[data-label]")];
  }

  get #isOpen() {
    return this.#panel.matches(":popover-open");
  }

  get #hasFocus() {
    return this.#panel.contains(document.activeElement);
  }

  #show(passage, index = -1) {
    const mark = this.#marks.all[index];
    if (!this.#isOpen || index !== this.#index) this.#note.value = mark?.note ?? "";
    this.#passage = passage;
    this.#index = index;
    for (const button of this.#buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.label === mark?.label));
    }
    this.#panel.querySelector("[data-mark-quote]").textContent = passage.quote;
    if (!this.#isOpen) this.#panel.showPopover();
    this.#place();
  }

  #label(label) {
    const { slot, start, end, quote } = this.#passage;
    const mark = { slot, start, end, quote, label, note: this.#note.value.trim() };
    if (this.#index >= 0) this.#marks.change(this.#index, mark);
    else this.#marks.add(mark);
    getSelection().removeAllRanges();
    this.close();
  }

  /* A note that was changed on a mark that exists is kept. */
  #save() {
    const label = this.#marks.all[this.#index]?.label;
    if (label) this.#label(label);
    else this.close();
  }

  #key(event) {
    const { key } = event;
    if (key === "Escape" || (key === "Enter" && event.target === this.#note)) {
      event.preventDefault();
      event.stopPropagation();
      if (key === "Enter" && this.#index < 0) this.#buttons[0].focus();
      else this.#save();
      return;
    }
    if (event.target === this.#note || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = this.#action(key, event.shiftKey);
    if (key === "Enter") event.stopPropagation(); // presses a button here; it does not submit
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  #action(key, isLonger) {
    const label = this.#buttons[Number(key) - 1]?.dataset.label;
    if (label) return () => this.#label(label);
    const isRtl = getComputedStyle(this.#text.element).direction === "rtl";
    const moves = {
      ArrowDown: ["sentence", 1],
      ArrowUp: ["sentence", -1],
      ArrowRight: ["word", isRtl ? -1 : 1],
      ArrowLeft: ["word", isRtl ? 1 : -1],
    };
    if (moves[key]) return () => this.#move(...moves[key], isLonger);
    const slot = key.length === 1 ? key.toLowerCase().charCodeAt(0) - 97 : -1;
    if (slot >= 0 && slot < Number(this.#root.dataset.size)) return () => this.#go(slot);
    return null;
  }

  get #text() {
    return this.#marks.text(this.#passage.slot);
  }

  /* The next piece, or the passage longer or shorter by one. */
  #move(granularity, step, isLonger) {
    const pieces = this.#text.pieces(granularity);
    const { start, end } = this.#passage;
    const edge = isLonger ? end - 1 : start;
    let at = pieces.findIndex((piece) => edge < piece.end);
    if (at < 0) at = pieces.length - 1;
    const isExact = pieces[at].start === start && pieces[at].end === end;
    const isInside = !isLonger && !isExact && granularity === "word";
    const next = pieces[isInside ? at : at + step];
    if (!next) return;
    if (!isLonger) this.#choose(next);
    else if (next.end > start) this.#choose(this.#between(start, next.end));
  }

  #between(start, end) {
    const characters = [...this.#text.text].slice(start, end);
    return { start, end, quote: characters.join("") };
  }

  #go(slot) {
    const first = this.#marks.text(slot).pieces("sentence")[0];
    if (!first) return;
    this.#passage = { ...first, slot };
    this.#choose(first);
  }

  #choose(piece) {
    this.#show({ ...piece, slot: this.#passage.slot }, this.#index);
    this.#bringIntoView();
    this.#page.announce(piece.quote);
  }

  #selected() {
    const selection = getSelection();
    if (!selection.rangeCount || selection.isCollapsed) return null;
    const range = selection.getRangeAt(0);
    const slot = this.#marks.slotOf(range.startContainer);
    if (slot < 0) return null;
    const text = this.#marks.text(slot);
    const passage = text.offsets(range) ?? text.find(range.toString().trim());
    return passage && { ...passage, slot };
  }

  /* The first sentence in view of the response that is read. */
  #firstSentence() {
    const current = this.#root.querySelector("[data-goes][aria-current]");
    const slot = Number(current?.dataset.goes ?? 0);
    const text = this.#marks.text(slot);
    const pieces = text.pieces("sentence");
    const { top } = this.#window(slot);
    const isInView = ({ start, end }) => text.range(start, end).getBoundingClientRect().top >= top;
    const piece = pieces.find(isInView) ?? pieces[0];
    return piece && { ...piece, slot };
  }

  #listen() {
    const { signal } = this.#ended;
    let timer;
    let isDown = false;
    const look = () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.#look(isDown), SETTLE_MS);
    };
    const on = (name, act) => document.addEventListener(name, (event) => {
      if (!this.#root.isConnected) return this.#ended.abort();
      act(event);
    }, { signal, passive: true, capture: name === "scroll" });
    on("pointerdown", () => (isDown = true));
    on("pointerup", () => ((isDown = false), look()));
    on("pointercancel", () => (isDown = false));
    on("selectionchange", look);
    on("scroll", () => this.#isOpen && this.#place());
    on("click", (event) => this.#clicked(event));
    on("keydown", (event) => event.key === "Escape" && this.close());
  }

  /* What was selected, once it rests. */
  #look(isDown) {
    if (isDown || this.#hasFocus || !this.#root.isConnected) return;
    const passage = this.#selected();
    if (passage) this.#show(passage);
    else if (this.#index < 0) this.close();
  }

  /* A click on a mark opens it; one elsewhere closes the panel. */
  #clicked({ target, clientX, clientY }) {
    if (this.#panel.contains(target) || !getSelection().isCollapsed) return;
    const slot = this.#marks.slotOf(target);
    const caret = slot >= 0 && !target.closest("a, button, label") && caretAt(clientX, clientY);
    const text = slot >= 0 ? this.#marks.text(slot) : null;
    const isInside = caret && text.element.contains(caret.node);
    const index = isInside ? this.#marks.at(slot, text.offsetAt(caret.node, caret.offset)) : -1;
    if (index >= 0) this.#show(this.#marks.all[index], index);
    else if (!target.closest("[data-mark], .mark")) this.close();
  }

  #bringIntoView() {
    const { slot } = this.#passage;
    const box = this.#marks.pend(this.#passage).getBoundingClientRect();
    const { top, bottom } = this.#window(slot);
    if (box.top < top || box.bottom > bottom) {
      const by = box.top - top - (bottom - top) * 0.3;
      const pane = this.#marks.text(slot).element.parentElement;
      const before = pane.scrollTop;
      pane.scrollTop += by;
      window.scrollBy(0, by - (pane.scrollTop - before));
    }
    this.#place();
  }

  /* The lines of the screen between which a response can be read. */
  #window(slot) {
    const bar = this.#root.querySelector(".bar").getBoundingClientRect().top;
    const pane = this.#marks.text(slot).element.parentElement;
    const isPane = pane.scrollHeight > pane.clientHeight + 1;
    const { top, bottom } = isPane ? pane.getBoundingClientRect() : { top: 0, bottom: Infinity };
    const docked = NARROW.matches ? this.#panel.offsetHeight + 2 * GAP_PX : 0;
    return { top: Math.max(top - 1, 92), bottom: Math.min(bottom + 1, bar, innerHeight) - docked };
  }

  /* Below the passage, else above it, never over the bar; on a phone just above the bar. */
  #place() {
    const range = this.#marks.pend(this.#passage);
    const panel = this.#panel;
    const bar = this.#root.querySelector(".bar").getBoundingClientRect().top;
    const { offsetWidth: width, offsetHeight: height } = panel;
    const lines = range.getClientRects();
    const [first, last] = [lines[0], lines[lines.length - 1]];
    const below = last ? last.bottom + GAP_PX : 0;
    const above = first ? first.top - height - GAP_PX : 0;
    const lowest = Math.min(bar, innerHeight) - height - GAP_PX;
    const isDocked = NARROW.matches || !last;
    const wanted = isDocked ? lowest : below <= lowest ? below : above >= 56 ? above : lowest;
    panel.style.top = `${Math.max(Math.min(wanted, lowest), GAP_PX)}px`;
    const left = isDocked ? (innerWidth - width) / 2 : range.getBoundingClientRect().left;
    panel.style.left = `${Math.max(GAP_PX, Math.min(left, innerWidth - width - GAP_PX))}px`;
  }
}

function caretAt(x, y) {
  const caret = document.caretPositionFromPoint?.(x, y);
  if (caret) return { node: caret.offsetNode, offset: caret.offset };
  const range = document.caretRangeFromPoint?.(x, y);
  return range && { node: range.startContainer, offset: range.startOffset };
}
