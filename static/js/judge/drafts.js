/* What was begun, kept until it is submitted: at once in this browser, and a moment later on the
   server, so that it outlives a reload, a crash, signing out and this device. */

import { post } from "./post.js";

const PREFIX = "alignui.draft.";
const KEPT_MS = 14 * 24 * 3600 * 1000;
const PAUSE_MS = 700;
const LONGEST_FAREWELL = 60_000; // what browsers let a page send while it is closed
const NOT_KEPT = new Set(["csrfmiddlewaretoken", "token", "active_ms", "amends"]);

export class Draft {
  #key;
  #form;
  #clock;
  #url;
  #amends;
  #version;
  #timer = null;
  #isDirty = false;
  #isEnded = false;

  constructor(root, form, clock) {
    const { draft, draftUrl, draftVersion, amends } = root.dataset;
    this.#key = PREFIX + draft;
    this.#form = form;
    this.#clock = clock;
    this.#url = draftUrl;
    this.#amends = amends ? Number(amends) : null;
    this.#version = Number(draftVersion);
    form.dataset.draft = this.#key;
  }

  /* Puts what this browser has into the form where the server has nothing newer. */
  restore() {
    const kept = read(this.#key);
    if (!kept || kept.version < this.#version || (kept.isSent && kept.version === this.#version)) {
      return kept?.ms ?? 0;
    }
    for (const control of this.#form.elements) {
      if (!control.name || NOT_KEPT.has(control.name)) continue;
      const value = kept.fields[control.name];
      if (control.type === "radio" || control.type === "checkbox") {
        control.checked = value === control.value;
      } else if (value !== undefined) {
        control.value = value;
      }
    }
    this.#form.dispatchEvent(new Event("alignui:restored"));
    if (!kept.isSent) this.save();
    return kept.ms;
  }

  /* Keeps the form as it is now. */
  save() {
    if (this.#isEnded) return;
    this.#isDirty = true;
    this.#keep(false);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#push(), PAUSE_MS);
  }

  /* Sends what is not sent yet: on leaving the page or the comparison. */
  flush() {
    if (!this.#isDirty || this.#isEnded) return;
    this.#keep(false);
    clearTimeout(this.#timer);
    this.#push(true);
  }

  /* The form is submitted: nothing of it is a draft any more. */
  end() {
    clearTimeout(this.#timer);
    if (this.#isDirty) this.#keep(false);
    this.#isEnded = true;
  }

  resume() {
    this.#isEnded = false;
  }

  get #fields() {
    const fields = [...new FormData(this.#form)].filter(([name]) => !NOT_KEPT.has(name));
    return Object.fromEntries(fields);
  }

  #keep(isSent) {
    const { ms } = this.#clock;
    write(this.#key, { at: Date.now(), ms, version: this.#version, isSent, fields: this.#fields });
  }

  async #push(isFarewell = false) {
    const body = JSON.stringify({
      fields: this.#fields,
      active_ms: this.#clock.ms,
      version: this.#version,
      amends: this.#amends,
    });
    this.#isDirty = false;
    try {
      const keepalive = isFarewell && body.length < LONGEST_FAREWELL;
      const response = await post(this.#url, body, { json: true, keepalive });
      if (this.#isEnded) return;
      if (response.status === 409) return this.#elsewhere(await response.json());
      if (!response.ok || response.status === 204) return void (this.#isDirty = true);
      this.#version = (await response.json()).version;
      this.#keep(!this.#isDirty);
    } catch {
      this.#isDirty = true; // no connection: it waits in this browser for the next change
    }
  }

  #elsewhere({ error }) {
    this.#isEnded = true;
    dropDraft(this.#key);
    if (document.querySelector("#notice .notice-error")) return; // it has been said already
    window.AlignUI.say(error, {
      tone: "warning",
      actions: [[gettext("Reload"), () => location.reload()]],
    });
  }
}

export function dropDraft(key) {
  attempt(() => localStorage.removeItem(key));
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

/* A browser may refuse storage (private mode, full): the server's copy remains. */
function attempt(act) {
  try {
    return act();
  } catch (error) {
    if (error instanceof DOMException || error instanceof SyntaxError) return null;
    throw error;
  }
}
