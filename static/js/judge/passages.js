/* Passages of a response: between the browser's ranges and offsets in the text that is shown.

   Offsets count characters (code points) of `textContent`, as the server does. */

const BLOCK = "p, li, h3, h4, h5, h6, td, th, pre, blockquote, div";

/* The text of a response's rendering, and the way from offsets to ranges and back. */
export class ShownText {
  constructor(element) {
    this.element = element;
    this.text = element.textContent;
    this.isWide = /[\uD800-\uDBFF]/.test(this.text);
  }

  range(start, end) {
    const range = document.createRange();
    range.setStart(...this.#point(this.#units(start)));
    range.setEnd(...this.#point(this.#units(end), true));
    return range;
  }

  /* The part of a range that is inside, without white space at its ends; null for nothing. */
  offsets(range) {
    if (!range.intersectsNode(this.element)) return null;
    const inside = this.#whole();
    if (range.compareBoundaryPoints(Range.START_TO_START, inside) > 0) {
      inside.setStart(range.startContainer, range.startOffset);
    }
    if (range.compareBoundaryPoints(Range.END_TO_END, inside) < 0) {
      inside.setEnd(range.endContainer, range.endOffset);
    }
    const start = this.#before(inside.startContainer, inside.startOffset);
    return this.trimmed(start, start + inside.toString().length);
  }

  /* The offset of a place between two characters. */
  offsetAt(node, offset) {
    return this.#points(this.#before(node, offset));
  }

  /* Offsets in code points of the text between two UTF-16 offsets, white space left out. */
  trimmed(start, end) {
    const said = this.text.slice(start, end);
    const quote = said.trim();
    if (!quote) return null;
    const from = start + said.indexOf(quote);
    return { start: this.#points(from), end: this.#points(from + quote.length), quote };
  }

  find(quote) {
    const at = this.text.indexOf(quote);
    return at < 0 ? null : this.trimmed(at, at + quote.length);
  }

  /* Sentences (or words), as offsets; a sentence never goes over the end of a block. */
  pieces(granularity) {
    const language = document.documentElement.lang || undefined;
    const segmenter = new Intl.Segmenter(language, { granularity });
    const found = [];
    for (const [start, end] of this.#blocks()) {
      for (const { segment, index, isWordLike } of segmenter.segment(this.text.slice(start, end))) {
        if (granularity === "word" && !isWordLike) continue;
        const piece = this.trimmed(start + index, start + index + segment.length);
        if (piece) found.push(piece);
      }
    }
    return found;
  }

  #whole() {
    const range = document.createRange();
    range.selectNodeContents(this.element);
    return range;
  }

  #before(node, offset) {
    const range = this.#whole();
    range.setEnd(node, offset);
    return range.toString().length;
  }

  #blocks() {
    const blocks = [];
    let at = 0;
    let last = null;
    for (const node of this.#nodes()) {
      const block = node.parentElement.closest(BLOCK);
      if (block !== last) blocks.push([at, at]);
      last = block;
      at += node.length;
      blocks.at(-1)[1] = at;
    }
    return blocks;
  }

  *#nodes() {
    const walker = document.createTreeWalker(this.element, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) yield walker.currentNode;
  }

  #point(units, isEnd = false) {
    let left = units;
    let node = this.element;
    for (node of this.#nodes()) {
      if (left < node.length || (isEnd && left === node.length)) return [node, left];
      left -= node.length;
    }
    return node === this.element ? [node, 0] : [node, node.length];
  }

  #points(units) {
    return this.isWide ? [...this.text.slice(0, units)].length : units;
  }

  #units(points) {
    return this.isWide ? [...this.text].slice(0, points).join("").length : points;
  }
}
