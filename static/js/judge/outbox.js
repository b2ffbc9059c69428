/* Answers on their way: kept in this browser until the server has said that it has them.

   They are sent one after the other, in the order in which they were given. */

import { post } from "./post.js";

const PREFIX = "alignui.outbox.";
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 30_000;

export class Outbox {
  #key;
  #waiting;
  #handlers;
  #isSending = false;
  #pause = FIRST_PAUSE_MS;
  #timer = null;

  /* handlers: taken(entry, response, text), refused(entry, text), late(words, count),
     signedOut(address, count). */
  constructor(person, handlers) {
    this.#key = PREFIX + person;
    this.#handlers = handlers;
    this.#waiting = this.#stored();
    addEventListener("online", () => this.hurry());
  }

  get size() {
    return this.#waiting.length;
  }

  has(url) {
    return this.#waiting.some((entry) => entry.url === url);
  }

  add(entry) {
    this.#waiting.push(entry);
    this.#store();
    this.#send();
  }

  /* Tries again at once. */
  hurry() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#pause = FIRST_PAUSE_MS;
    this.#send();
  }

  async #send() {
    if (this.#isSending || this.#timer) return;
    this.#isSending = true;
    while (this.#waiting.length && (await this.#sendFirst())) this.#pause = FIRST_PAUSE_MS;
    this.#isSending = false;
  }

  /* Whether to go on with the next one. */
  async #sendFirst() {
    const [entry] = this.#waiting;
    let response;
    let text;
    try {
      response = await post(entry.url, entry.body);
      text = await response.text();
    } catch {
      return this.#wait(gettext("There is no connection."));
    }
    if (response.headers.get("HX-Redirect")?.includes("next=")) {
      this.#handlers.signedOut(response.headers.get("HX-Redirect"), this.size);
      return false;
    }
    if (response.status === 403) return this.#wait(gettext("Reload the page: it is out of date."));
    if (response.status >= 500 || response.status === 429) {
      return this.#wait(
        interpolate(gettext("The server could not take your answer (%s)."), [response.status]),
      );
    }
    this.#waiting.shift();
    this.#store();
    if (response.ok) this.#handlers.taken(entry, response, text);
    else this.#handlers.refused(entry, text);
    return true;
  }

  #wait(words) {
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#send();
    }, this.#pause);
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
    this.#handlers.late(words, this.size);
    return false;
  }

  /* What an earlier page left. It had the next comparison at hand; this one has to be given it. */
  #stored() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.#key)) ?? [];
      return kept.map((entry) => ({ ...entry, body: entry.body.replace(/&ahead=\d+/, "") }));
    } catch {
      return [];
    }
  }

  #store() {
    const kept = this.#waiting.map(({ url, body, draft, assignment }) => ({
      url, body, draft, assignment,
    }));
    try {
      if (kept.length) localStorage.setItem(this.#key, JSON.stringify(kept));
      else localStorage.removeItem(this.#key);
    } catch {
      // Storage is full or forbidden: the answers still wait in this page.
    }
  }
}
