/* What was begun, kept in this browser until it is submitted, so that a reload loses nothing. */

const PREFIX = "alignui.draft.";
const KEPT_MS = 14 * 24 * 3600 * 1000;
const NOT_KEPT = new Set(["csrfmiddlewaretoken", "token", "active_ms", "amends"]);

export class Draft {
  #key;
  #form;

  constructor(name, form) {
    this.#key = PREFIX + name;
    this.#form = form;
    form.dataset.draft = this.#key;
  }

  /* Puts the draft into the form, if there is one; the active time that it had. */
  restore() {
    const kept = read(this.#key);
    if (!kept) return 0;
    const has = new Set(kept.fields.map(([name, value]) => `${name}=${value}`));
    const words = new Map(kept.fields);
    for (const control of this.#form.elements) {
      if (!control.name || NOT_KEPT.has(control.name)) continue;
      if (control.type === "radio" || control.type === "checkbox") {
        control.checked = has.has(`${control.name}=${control.value}`);
      } else if (control.tagName === "TEXTAREA") {
        control.value = words.get(control.name) ?? "";
      }
    }
    return kept.ms;
  }

  save(ms) {
    const fields = [...new FormData(this.#form)].filter(([name]) => !NOT_KEPT.has(name));
    write(this.#key, { at: Date.now(), ms, fields });
  }

  /* On leaving: only the time is new, and only a draft that exists is worth it. */
  saveIfBegun(ms) {
    if (read(this.#key)) this.save(ms);
  }
}

export function dropDraft(form) {
  if (form.dataset.draft) attempt(() => localStorage.removeItem(form.dataset.draft));
}

export function pruneDrafts() {
  attempt(() => {
    const old = Object.keys(localStorage).filter(
      (key) => key.startsWith(PREFIX) && Date.now() - (read(key)?.at ?? 0) > KEPT_MS,
    );
    for (const key of old) localStorage.removeItem(key);
  });
}

function read(key) {
  return attempt(() => JSON.parse(localStorage.getItem(key)));
}

function write(key, value) {
  attempt(() => localStorage.setItem(key, JSON.stringify(value)));
}

/* A browser may refuse storage (private mode, full): work goes on, only without drafts. */
function attempt(act) {
  try {
    return act();
  } catch (error) {
    if (error instanceof DOMException || error instanceof SyntaxError) return null;
    throw error;
  }
}
