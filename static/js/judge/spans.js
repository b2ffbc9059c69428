/* Marks: passages of a response that are good, bad or false, with a note.

   They live as JSON in the hidden input `spans`. The text itself is never changed: marks are drawn
   with the CSS Custom Highlight API, and listed in words beside the other answers. */

import { MarkTools } from "./mark_tools.js";
import { ShownText } from "./passages.js";

const LABELS = ["good", "bad", "false"];
const MOST = 200;

export function marks(root, page) {
  for (const label of [...LABELS, "pending"]) window.CSS?.highlights?.delete(`mark-${label}`);
  const input = root.querySelector('[name="spans"]');
  if (input) new Marks(root, page, input);
}

export function labelWords(label) {
  return { good: gettext("Good"), bad: gettext("Bad"), false: gettext("False") }[label];
}

class Marks {
  #root;
  #page;
  #input;
  #list;
  #tools;
  #texts = [];

  constructor(root, page, input) {
    this.#root = root;
    this.#page = page;
    this.#input = input;
    this.#list = root.querySelector("[data-marks]");
    this.#tools = new MarkTools(root, page, this);
    this.#read();
    page.keys.set("m", () => this.#tools.open());
    root.querySelector("[data-mark]").addEventListener("click", () => this.#tools.open());
    page.form.addEventListener("alignui:restored", () => this.draw());
    // Another way of reading may redraw a response: its marks are drawn again.
    const redraw = new MutationObserver(() => {
      this.#read();
      this.draw();
    });
    for (const { element } of this.#texts) redraw.observe(element, { childList: true, subtree: true });
    this.draw();
  }

  get all() {
    try {
      return JSON.parse(this.#input.value || "[]");
    } catch {
      return [];
    }
  }

  text(slot) {
    return this.#texts[slot];
  }

  /* The slot of the response that an element stands in; -1 outside of all. */
  slotOf(node) {
    const element = node?.nodeType === Node.TEXT_NODE ? node.parentElement : node;
    const article = element?.closest?.(".response");
    return article && this.#root.contains(article) ? Number(article.dataset.slot) : -1;
  }

  /* The index of the mark that covers an offset of a response; -1 for none. */
  at(slot, offset) {
    return this.all.findLastIndex(
      (mark) => mark.slot === slot && mark.start <= offset && offset < mark.end,
    );
  }

  add(mark) {
    const all = this.all;
    if (all.length >= MOST) {
      window.AlignUI.say(gettext("There is no room for more marks on one comparison."));
      return;
    }
    this.#write([...all, mark].sort((one, other) => one.slot - other.slot || one.start - other.start));
    this.#say(gettext("Marked as %(label)s: %(quote)s"), mark);
  }

  change(index, mark) {
    this.#write(this.all.with(index, mark));
    this.#say(gettext("Now marked as %(label)s: %(quote)s"), mark);
  }

  remove(index) {
    const mark = this.all[index];
    this.#write(this.all.toSpliced(index, 1));
    this.#say(gettext("The mark is removed: %(quote)s"), mark);
  }

  draw() {
    const all = this.all;
    this.#paint(all);
    this.#list.replaceChildren(...all.map((mark, index) => this.#item(mark, index)));
    this.#root.querySelector("[data-no-marks]").hidden = all.length > 0;
  }

  /* The passage that is being chosen, or null. */
  pend(passage) {
    const ranges = passage ? [this.#texts[passage.slot].range(passage.start, passage.end)] : [];
    highlight("pending", ranges);
    return ranges[0];
  }

  #read() {
    const shown = [...this.#root.querySelectorAll(".response")];
    this.#texts = shown.map((article) => new ShownText(article.querySelector(".rendered")));
  }

  #write(all) {
    this.#input.value = all.length ? JSON.stringify(all) : "";
    this.#input.dispatchEvent(new Event("change", { bubbles: true }));
    this.draw();
  }

  #paint(all) {
    for (const label of LABELS) {
      const marked = all.filter((mark) => mark.label === label && this.#texts[mark.slot]);
      highlight(label, marked.map(({ slot, start, end }) => this.#texts[slot].range(start, end)));
    }
  }

  #item(mark, index) {
    const item = document.createElement("li");
    item.className = `mark mark-${mark.label}`;
    const open = document.createElement("button");
    open.type = "button";
    open.className = "mark-open";
    const letter = String.fromCharCode(65 + mark.slot);
    open.append(
      part("span", "letter letter-small", letter),
      part("b", "mark-label", labelWords(mark.label)),
      part("q", "mark-quote", mark.quote),
    );
    open.addEventListener("click", () => this.#tools.edit(index));
    const remove = part("button", "mark-remove", "×");
    remove.type = "button";
    remove.setAttribute("aria-label", gettext("Remove the mark"));
    remove.addEventListener("click", () => {
      this.remove(index);
      const rest = this.#list.querySelectorAll(".mark-remove");
      (rest[Math.min(index, rest.length - 1)] ?? this.#root.querySelector("[data-mark]")).focus();
    });
    item.append(open, remove);
    if (mark.note) item.append(part("p", "mark-note", mark.note));
    return item;
  }

  #say(words, { label, quote }) {
    this.#page.announce(interpolate(words, { label: labelWords(label), quote: shortened(quote) }, true));
  }
}

function highlight(label, ranges) {
  if (!window.CSS?.highlights) return;
  if (ranges.length) CSS.highlights.set(`mark-${label}`, new Highlight(...ranges));
  else CSS.highlights.delete(`mark-${label}`);
}

function part(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  if (tag === "q") element.dir = "auto";
  return element;
}

function shortened(quote) {
  return quote.length > 120 ? `${quote.slice(0, 120)}…` : quote;
}
