/* A gentle word that a break would do good: when nobody types, and not again within 20 minutes. */

import { recall, remember } from "./storage.js";

const REST_MS = 20 * 60_000;
const SNOOZE_MS = 60 * 60_000;
const WRITING = "textarea, input:not([type=radio], [type=checkbox]), [contenteditable]";

export function remindOfBreaks(root, page) {
  const line = root.querySelector(".bar-line");
  if (!line) return;
  const offer = () => show(root.querySelector("[data-break][hidden]"), root, page);
  new MutationObserver(offer).observe(line, { childList: true });
  root.addEventListener("focusout", () => setTimeout(offer));
  offer();
}

function show(reminder, root, page) {
  if (!reminder || !root.isConnected || isWriting() || Date.now() < quietUntil(page)) return;
  beQuiet(page, REST_MS);
  reminder.hidden = false;
  page.announce(reminder.querySelector("[data-break-words]").textContent);
  reminder.addEventListener("click", (event) => {
    const snooze = event.target.closest("[data-break-snooze]");
    if (!snooze && !event.target.closest("[data-break-dismiss]")) return;
    if (snooze) beQuiet(page, SNOOZE_MS);
    reminder.remove();
    root.querySelector("[data-heading]").focus({ preventScroll: true });
  });
}

function isWriting() {
  return Boolean(document.activeElement?.closest(WRITING));
}

function quietUntil(page) {
  return Number(recall(`break.${page.main.dataset.person}`) ?? 0);
}

function beQuiet(page, ms) {
  remember(`break.${page.main.dataset.person}`, String(Date.now() + ms));
}
