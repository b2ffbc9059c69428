/* Rewriting the best response: an editor beside the work that begins with the response as written.

   Its textarea and radios are controls of the answer sheet, so drafts keep them as they are. */

const TOO_LONG_TO_COUNT = 4_000_000;

export function rewriting(root, page) {
  if (root.querySelector("[data-rewrite]")) new Rewriting(root, page);
}

class Rewriting {
  #root;
  #page;
  #panel;
  #text;
  #slots;
  #cameFrom = null;

  constructor(root, page) {
    this.#root = root;
    this.#page = page;
    this.#panel = root.querySelector("[data-rewrite-panel]");
    this.#text = this.#panel.querySelector("textarea");
    this.#slots = [...this.#panel.querySelectorAll('[name="rewrite_slot"]')];
    this.#panel.hidden = true;
    page.keys.set("e", () => this.open());
    root.querySelector("[data-rewrite-open]").addEventListener("click", () => this.open());
    for (const button of this.#panel.querySelectorAll("[data-rewrite-done]")) {
      button.addEventListener("click", () => this.close());
    }
    for (const button of root.querySelectorAll("[data-rewrite-discard]")) {
      button.addEventListener("click", () => this.discard());
    }
    for (const radio of this.#slots) radio.addEventListener("change", () => this.#rewriteOther(radio));
    this.#text.addEventListener("input", () => this.#draw());
    this.#panel.addEventListener("keydown", (event) => this.#key(event));
    page.form.addEventListener("alignui:restored", () => this.#draw());
    root.addEventListener("change", ({ target }) => {
      if (target.matches('[name="choice"], [name^="rank-"]')) this.#draw();
    });
    this.#draw();
  }

  open() {
    const best = this.#best();
    const slot = this.#slot ?? best[0];
    if (slot === undefined) {
      const words = gettext("Choose the best response first: that is the one to rewrite.");
      window.AlignUI.say(words);
      return;
    }
    this.#cameFrom = document.activeElement;
    this.#offer(best, slot);
    if (!this.#text.value) this.#begin(slot);
    this.#panel.hidden = false;
    this.#draw();
    this.#text.focus({ preventScroll: true });
    this.#text.setSelectionRange(0, 0);
    this.#text.scrollTop = 0;
  }

  /* Nothing is lost by closing; what was not changed is no rewrite. */
  close() {
    if (this.#panel.hidden) return;
    this.#panel.hidden = true;
    if (this.#slot !== undefined && !this.#isChanged) this.#clear();
    this.#draw();
    if (this.#cameFrom?.isConnected && this.#cameFrom !== document.body) {
      this.#cameFrom.focus({ preventScroll: true });
    } else this.#root.querySelector("[data-heading]").focus({ preventScroll: true });
  }

  discard() {
    const { value } = this.#text;
    const slot = this.#slot;
    this.#clear();
    this.close();
    this.#draw();
    if (!value || slot === undefined) return;
    window.AlignUI.say(gettext("The rewrite is discarded."), {
      actions: [[gettext("Bring it back"), () => this.#restore(slot, value)]],
    });
  }

  get #slot() {
    const chosen = this.#slots.find((radio) => radio.checked);
    return chosen && Number(chosen.value);
  }

  get #isChanged() {
    return this.#text.value.trim() !== this.#source(this.#slot).trim();
  }

  #source(slot) {
    const kept = this.#root.querySelector(`template[data-source="${slot}"]`);
    return kept.content.textContent.replaceAll("\r\n", "\n").replaceAll("\r", "\n");
  }

  /* The slots of the best response, or of those that share the best place. */
  #best() {
    const all = this.#slots.map((radio) => Number(radio.value));
    const choice = this.#root.querySelector('[name="choice"]:checked')?.value;
    if (choice === "tie" || choice === "both_bad") return all;
    if (choice) return [Number(choice.split(":")[0])];
    const ranks = all.map((slot) => {
      const chosen = this.#root.querySelector(`[name="rank-${slot}"]:checked`);
      return chosen ? Number(chosen.value) : Infinity;
    });
    const first = Math.min(...ranks);
    return first === Infinity ? [] : all.filter((slot) => ranks[slot] === first);
  }

  #offer(best, slot) {
    for (const radio of this.#slots) {
      const isOffered = best.includes(Number(radio.value)) || Number(radio.value) === slot;
      radio.closest("label").hidden = !isOffered;
    }
    this.#panel.querySelector("[data-rewrite-which]").hidden = best.length < 2 && best[0] === slot;
  }

  #begin(slot) {
    this.#slots[slot].checked = true;
    this.#text.value = this.#source(slot);
  }

  /* Another of the best is to be rewritten: begin with it, unless words would be lost. */
  #rewriteOther(radio) {
    const slot = Number(radio.value);
    const others = this.#slots.map((each) => Number(each.value)).filter((each) => each !== slot);
    const isUntouched = others.some((each) => this.#text.value.trim() === this.#source(each).trim());
    if (isUntouched || !this.#text.value) this.#begin(slot);
    this.#changed();
  }

  #clear() {
    this.#text.value = "";
    for (const radio of this.#slots) radio.checked = false;
    this.#changed();
  }

  #restore(slot, value) {
    if (!this.#root.isConnected) return;
    this.#slots[slot].checked = true;
    this.#text.value = value;
    this.#changed();
    window.AlignUI.hush();
  }

  #changed() {
    this.#text.dispatchEvent(new Event("input", { bubbles: true }));
  }

  #key(event) {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    this.close();
  }

  #draw() {
    const slot = this.#slot;
    const isBegun = slot !== undefined && this.#text.value !== "";
    const isOpen = !this.#panel.hidden;
    const words = isBegun ? this.#inWords(slot) : "";
    this.#panel.querySelector("[data-rewrite-count]").textContent = words;
    const letter = isBegun ? String.fromCharCode(65 + slot) : "";
    for (const place of this.#panel.querySelectorAll("[data-rewrite-letter]")) place.textContent = letter;
    const isKept = isBegun && (isOpen || this.#isChanged);
    this.#root.querySelector("[data-rewrite-kept]").hidden = !isKept;
    this.#root.querySelector("[data-rewrite-none]").hidden = isKept;
    const state = this.#root.querySelector("[data-rewrite-state]");
    const isWrong = isBegun && !this.#best().includes(slot);
    state.classList.toggle("is-wrong", isWrong);
    const said = isWrong
      ? gettext("You rewrote %s, but it is not the best now: choose it, or discard the rewrite.")
      : gettext("Response %s, rewritten:");
    state.textContent = isBegun ? `${interpolate(said, [letter])} ${isWrong ? "" : words}` : "";
  }

  #inWords(slot) {
    const [gone, come] = changes(this.#source(slot), this.#text.value);
    if (!gone && !come) return gettext("nothing changed yet");
    const removed = interpolate(ngettext("%s word taken out", "%s words taken out", gone), [gone]);
    const added = interpolate(ngettext("%s word put in", "%s words put in", come), [come]);
    return [gone ? removed : "", come ? added : ""].filter(Boolean).join(", ");
  }
}

/* How many words of one text are not in the other, in order: [gone, come]. */
export function changes(before, after) {
  const [old, now] = trimmed(...[before, after].map((text) => text.match(/\S+/gu) ?? []));
  const kept = old.length * now.length > TOO_LONG_TO_COUNT ? 0 : longestCommon(old, now);
  return [old.length - kept, now.length - kept];
}

/* Without the words that both begin and end with. */
function trimmed(old, now) {
  const most = Math.min(old.length, now.length);
  let head = 0;
  while (head < most && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < most - head && old.at(-1 - tail) === now.at(-1 - tail)) tail += 1;
  return [old.slice(head, old.length - tail), now.slice(head, now.length - tail)];
}

function longestCommon(one, other) {
  let row = new Uint32Array(other.length + 1);
  for (const word of one) {
    const next = new Uint32Array(other.length + 1);
    for (let at = 1; at <= other.length; at += 1) {
      next[at] = other[at - 1] === word ? row[at - 1] + 1 : Math.max(row[at], next[at - 1]);
    }
    row = next;
  }
  return row[other.length];
}
