/* Ranking: the board mirrors the rank buttons of the responses, and can be dragged, tapped or typed.

   A chip is a response's letter; a lane is a rank; two chips in one lane are tied. */

const DRAG_PX = 6;

export class Ranking {
  #root;
  #page;
  #chips;
  #lanes;
  #tray;
  #allBad;
  #active = 0;

  constructor(root, page) {
    this.#root = root;
    this.#page = page;
    this.#chips = [...root.querySelectorAll("[data-chip]")];
    this.#lanes = [...root.querySelectorAll("[data-rank]")];
    this.#tray = root.querySelector("[data-tray]");
    this.#allBad = root.querySelector("[data-all-bad]");
    this.#tray.style.setProperty("--chips", this.#chips.length);
    for (const chip of this.#chips) this.#makeDraggable(chip);
    for (const lane of this.#lanes) {
      lane.addEventListener("click", (event) => {
        if (!event.target.closest("[data-chip]")) this.#put(this.#active, Number(lane.dataset.rank));
      });
    }
    root.addEventListener("change", (event) => this.#changed(event.target));
    this.select(this.#firstUnranked() ?? 0, false);
    this.#draw();
  }

  select(slot, isAsked) {
    this.#active = slot;
    for (const chip of this.#chips) {
      chip.setAttribute("aria-pressed", String(Number(chip.dataset.chip) === slot));
    }
    for (const article of this.#root.querySelectorAll(".response")) {
      article.classList.toggle("is-active", Number(article.dataset.slot) === slot);
    }
    if (!isAsked) return;
    this.#page.responses.reveal(slot);
    this.#page.announce(this.#selectionInWords(slot));
  }

  selectMissing() {
    const missing = this.#firstUnranked();
    if (missing !== null) this.select(missing, true);
  }

  /* Gives the selected response a rank; a first ranking goes on to the next response. */
  place(rank) {
    if (rank > this.#lanes.length) return;
    const wasRanked = this.#rank(this.#active) !== null;
    this.#put(this.#active, rank);
    const next = this.#firstUnranked();
    if (!wasRanked && next !== null) this.select(next, false);
  }

  move(step) {
    const rank = this.#rank(this.#active);
    const start = step < 0 ? this.#lanes.length + 1 : 0;
    const to = Math.min(Math.max((rank ?? start) + step, 1), this.#lanes.length);
    this.#put(this.#active, to);
  }

  #input(slot, rank) {
    return this.#root.querySelector(`[data-ranks="${slot}"] input[value="${rank}"]`);
  }

  #rank(slot) {
    const chosen = this.#root.querySelector(`[data-ranks="${slot}"] input:checked`);
    return chosen ? Number(chosen.value) : null;
  }

  #put(slot, rank) {
    const input = rank === null ? null : this.#input(slot, rank);
    const before = this.#root.querySelector(`[data-ranks="${slot}"] input:checked`);
    if (input) input.checked = true;
    else if (before) before.checked = false;
    (input ?? before)?.dispatchEvent(new Event("change", { bubbles: true }));
  }

  #changed(control) {
    const ranks = control.closest("[data-ranks]");
    if (ranks && this.#allBad?.checked) this.#allBad.checked = false;
    if (ranks) this.select(Number(ranks.dataset.ranks), false);
    if (!ranks && control !== this.#allBad) return;
    this.#draw();
    this.#page.announce(this.#orderInWords());
  }

  #firstUnranked() {
    const at = this.#chips.findIndex((_, slot) => this.#rank(slot) === null);
    return at < 0 ? null : at;
  }

  #draw() {
    const focused = document.activeElement;
    for (const [slot, chip] of this.#chips.entries()) {
      const rank = this.#rank(slot);
      (rank === null ? this.#tray : this.#lanes[rank - 1]).append(chip);
    }
    if (this.#chips.includes(focused)) focused.focus();
    const isOff = Boolean(this.#allBad?.checked);
    for (const part of [this.#tray, this.#tray.parentElement.querySelector("[data-board]")]) {
      part.classList.toggle("is-off", isOff);
    }
  }

  #selectionInWords(slot) {
    const rank = this.#rank(slot);
    const words =
      rank === null
        ? gettext("Response %(letter)s selected. Not ranked yet.")
        : gettext("Response %(letter)s selected. Rank %(rank)s.");
    return interpolate(words, { letter: letter(slot), rank }, true);
  }

  #orderInWords() {
    if (this.#allBad?.checked) return gettext("All responses are bad.");
    const groups = new Map();
    for (const slot of this.#chips.keys()) {
      const rank = this.#rank(slot);
      groups.set(rank, [...(groups.get(rank) ?? []), letter(slot)]);
    }
    const unranked = groups.get(null);
    groups.delete(null);
    const ordered = [...groups].sort(([one], [other]) => one - other);
    const words = ordered.map(([, letters]) =>
      letters.length > 1
        ? interpolate(gettext("%s tied"), [letters.join(gettext(" and "))])
        : letters[0],
    );
    const order = words.length
      ? interpolate(gettext("Order: %s."), [words.join(gettext(", then "))])
      : gettext("Nothing is ranked.");
    if (!unranked) return order;
    return `${order} ${interpolate(gettext("Not ranked yet: %s."), [unranked.join(", ")])}`;
  }

  #makeDraggable(chip) {
    const slot = Number(chip.dataset.chip);
    let start = null;
    let isDragged = false;
    chip.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      start = [event.clientX, event.clientY];
      isDragged = false;
      chip.setPointerCapture(event.pointerId);
    });
    chip.addEventListener("pointermove", (event) => {
      if (!start) return;
      const [dx, dy] = [event.clientX - start[0], event.clientY - start[1]];
      isDragged ||= Math.hypot(dx, dy) > DRAG_PX;
      if (!isDragged) return;
      chip.classList.add("is-dragged");
      chip.style.transform = `translate(${dx}px, ${dy}px)`;
      this.#light(this.#placeAt(event));
    });
    const end = (event) => {
      if (!start) return;
      start = null;
      chip.classList.remove("is-dragged");
      chip.style.transform = "";
      this.#light(null);
      if (!isDragged || event.type === "pointercancel") return;
      const place = this.#placeAt(event);
      if (place) this.#put(slot, place === this.#tray ? null : Number(place.dataset.rank));
      this.select(slot, false);
    };
    chip.addEventListener("pointerup", end);
    chip.addEventListener("pointercancel", end);
    chip.addEventListener("click", () => {
      if (!isDragged) this.select(slot, true);
      isDragged = false;
    });
  }

  #placeAt({ clientX, clientY }) {
    return [...this.#lanes, this.#tray].find((place) => {
      const box = place.getBoundingClientRect();
      const isInside = clientX >= box.left && clientX <= box.right;
      return isInside && clientY >= box.top - 24 && clientY <= box.bottom + 24;
    });
  }

  #light(place) {
    for (const each of [...this.#lanes, this.#tray]) each.classList.toggle("is-over", each === place);
  }
}

function letter(slot) {
  return String.fromCharCode(65 + slot);
}
