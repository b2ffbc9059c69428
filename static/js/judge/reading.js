/* Other ways of reading: what differs between two responses (D), and all as it was written (W).

   Both are fetched when they are first asked for and kept while the comparison is on the page. The
   rendering itself stays where it is, so that marks on it keep their places. */

export function reading(root, page) {
  page.reading = new Reading(root, page);
}

class Reading {
  #root;
  #page;
  #area;
  #articles;
  #turns;
  #buttons;
  #sides;
  #way = "rendered";
  #kept = new Map();

  constructor(root, page) {
    this.#root = root;
    this.#page = page;
    this.#area = root.querySelector(".reading");
    this.#articles = [...root.querySelectorAll(".response")];
    this.#turns = [...root.querySelectorAll(".turn")];
    this.#buttons = [...root.querySelectorAll("[data-way]")];
    this.#sides = [...root.querySelectorAll("[data-compares]")];
    for (const button of this.#buttons) {
      button.addEventListener("click", () => this.toggle(button.dataset.way));
    }
    for (const side of this.#sides) {
      side.addEventListener("change", () => this.#show("differences"));
    }
    page.keys.set("d", () => this.#compare());
    page.keys.set("w", () => this.toggle("written"));
    this.#markOnlyWhatIsRendered();
  }

  toggle(way) {
    return this.#show(this.#way === way ? "rendered" : way);
  }

  /* The selected response and the one that is ranked above it; of two there is no choice. */
  #compare() {
    const pair = this.#neighbours();
    const isOther = this.#sides.some((side, k) => Number(side.value) !== pair[k]);
    if (isOther) this.#sides.forEach((side, k) => (side.value = String(pair[k])));
    return isOther ? this.#show("differences") : this.toggle("differences");
  }

  #neighbours() {
    const ranked = this.#articles.map((article, slot) => {
      const chosen = article.querySelector("[data-ranks] input:checked");
      return { slot, rank: chosen ? Number(chosen.value) : Infinity };
    });
    ranked.sort((one, other) => one.rank - other.rank || one.slot - other.slot);
    const active = this.#articles.findIndex((article) => article.matches(".is-active"));
    const at = Math.max(ranked.findIndex(({ slot }) => slot === active), 1);
    return [ranked[at - 1].slot, ranked[at].slot];
  }

  async #show(way) {
    if (this.#root.querySelector("[data-veiled]").inert) {
      this.#page.announce(gettext("Show the conversation first: press V."));
      return;
    }
    this.#way = way;
    this.#press();
    const [a, b] = this.#sides.length ? this.#sides.map((side) => Number(side.value)) : [0, 1];
    const key = way === "differences" ? `${way}.${a}.${b}` : way;
    try {
      const found = way === "rendered" ? {} : await this.#fetched(key, a, b);
      const isStill = this.#way === way && this.#root.isConnected;
      if (isStill) this.#draw(way, found, a, b);
    } catch (problem) {
      this.#way = "rendered";
      this.#press();
      window.AlignUI.say(problem.message, { tone: "error" });
    }
  }

  async #fetched(key, a, b) {
    if (!this.#kept.has(key)) {
      const { written, compared } = this.#area.dataset;
      const url = key === "written" ? written : `${compared}?a=${a}&b=${b}`;
      this.#area.setAttribute("aria-busy", "true");
      this.#kept.set(key, await load(url).finally(() => this.#area.removeAttribute("aria-busy")));
    }
    return this.#kept.get(key);
  }

  #draw(way, found, a, b) {
    const sides = way === "differences" ? { [a]: found.a, [b]: found.b } : {};
    this.#page.panes.keepPlace(() => {
      for (const [slot, article] of this.#articles.entries()) {
        put(article.querySelector("[data-pane]"), way, found.responses?.[slot] ?? sides[slot]);
      }
      for (const [index, turn] of this.#turns.entries()) put(turn, way, found.turns?.[index]);
    });
    for (const slot of [a, b]) this.#sayWhose(slot);
    const words = found.summary ?? "";
    this.#root.querySelector("[data-summary]").textContent = words;
    const said = { rendered: gettext("Formatted."), written: gettext("As written.") };
    this.#page.announce(words || said[way]);
  }

  /* What a screen reader says before words that only this response has. */
  #sayWhose(slot) {
    const view = this.#articles[slot].querySelector(".differences");
    const letter = this.#articles[slot].dataset.letter;
    const words = interpolate(gettext("only in %s: "), [letter]);
    view?.style.setProperty("--only-here", JSON.stringify(words));
  }

  #press() {
    for (const button of this.#buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.way === this.#way));
    }
  }

  /* Passages are marked in the rendering: it comes back when one is to be marked. */
  #markOnlyWhatIsRendered() {
    const back = () => this.#way !== "rendered" && this.#show("rendered");
    this.#root.querySelector("[data-mark]")?.addEventListener("click", back, { capture: true });
    const mark = this.#page.keys.get("m");
    if (mark) {
      this.#page.keys.set("m", () => {
        back();
        mark();
      });
    }
  }
}

/* Shows a way of reading in place of the rendering, or the rendering where there is none. */
function put(place, way, html) {
  const rendering = place.querySelector(".rendered");
  place.querySelector(".rendered.is-other")?.remove();
  rendering.hidden = html !== undefined;
  if (html === undefined) return;
  const other = document.createElement("div");
  other.className = `rendered is-other ${way}`;
  other.dir = "auto";
  other.lang = rendering.lang;
  other.innerHTML = html;
  if (html) rendering.after(other);
  else rendering.hidden = false;
}

async function load(url) {
  const lost = gettext("This could not be loaded. Check your connection and try again.");
  const answer = await fetch(url, { headers: { Accept: "application/json" }, redirect: "error" })
    .then((response) => response.json())
    .catch(() => ({ error: lost }));
  if (answer.error) throw new Error(answer.error);
  return answer;
}
