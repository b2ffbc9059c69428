/* The judge page: gives each comparison that arrives its keys, draft, clock and ranking.

   The server's form is the one source of truth; these modules only set its native controls. */

import { Ahead } from "./judge/ahead.js";
import { remindOfBreaks } from "./judge/breaks.js";
import { Clock } from "./judge/clock.js";
import { Draft, pruneDrafts } from "./judge/drafts.js";
import { flagging } from "./judge/flagging.js";
import { listenToKeys, showKeySwitch } from "./judge/keys.js";
import { Lease } from "./judge/lease.js";
import { keepGuideline, listenToPanels } from "./judge/panels.js";
import { panes } from "./judge/panes.js";
import { Ranking } from "./judge/ranking.js";
import { reading } from "./judge/reading.js";
import { ResponseSwitch } from "./judge/responses.js";
import { rewriting } from "./judge/rewriting.js";
import { listenToSending } from "./judge/sending.js";
import { marks } from "./judge/spans.js";
import { workAlone } from "./judge/tabs.js";
import { guide } from "./judge/tour.js";
import { views } from "./judge/views.js";

/* Each gets (root, page) of a comparison that arrives; it may add keys to `page.keys`. */
const PARTS = [panes, views, marks, reading, rewriting, flagging, remindOfBreaks, keepGuideline, guide];

const UNDO_MS = 60_000;
let undoTimer;
const main = document.getElementById("main");

/* What the other modules share: the present comparison and its parts. */
export const page = {
  main,
  root: null,
  form: null,
  ahead: new Ahead(),
  clock: new Clock(),
  draft: null,
  ranking: null,
  responses: null,
  lease: null,
  arrivedAt: -Infinity,
  isTouched: false,
  keys: new Map(),

  /* Only the notice of the last step offers to undo it, and not for ever. */
  noticeArrived() {
    clearTimeout(undoTimer);
    const undo = document.querySelector("[data-undo]");
    if (undo) undoTimer = setTimeout(() => undo.remove(), UNDO_MS);
  },

  announce(words) {
    document.getElementById("announcement").textContent = words;
  },

  choose(input) {
    if (!input) return;
    input.checked = true;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    page.announce(input.getAttribute("aria-label") || input.closest("label").textContent.trim());
  },

  submit() {
    if (page.form) page.form.requestSubmit(document.querySelector("[data-submit]"));
  },
};

function adopt(root) {
  page.lease?.end();
  page.root = root;
  page.isTouched = false;
  page.form = document.getElementById("judgment");
  page.keys.clear();
  page.ranking = page.responses = page.lease = page.draft = null;
  if (!page.form) return;
  page.form.noValidate = true;
  page.draft = new Draft(root, page.form, page.clock);
  page.clock.restart(Number(root.dataset.draftMs));
  page.clock.restart(Math.max(page.draft.restore(), Number(root.dataset.draftMs)));
  page.responses = new ResponseSwitch(root);
  if (root.dataset.kind === "ranking") page.ranking = new Ranking(root, page);
  if (root.dataset.renew) page.lease = new Lease(root, page.clock);
  for (const part of PARTS) part(root, page);
  veil(root);
  sayChoice();
  showKeySwitch(root);
  page.ahead.prepare(root);
}

function veil(root) {
  const unveil = root.querySelector("[data-unveil]");
  if (!unveil) return;
  const veiled = root.querySelector("[data-veiled]");
  veiled.inert = !unveil.checked;
  unveil.addEventListener("change", () => {
    veiled.inert = !unveil.checked;
  });
}

/* Where the scale shows signs only, the choice is said in words below it. */
function sayChoice() {
  const chosen = page.root.querySelector("[data-scale] input:checked");
  const words = chosen?.getAttribute("aria-label") ?? chosen?.closest("label").textContent;
  page.root.querySelector("[data-chosen]").textContent = words ?? "";
}

function remember(event) {
  if (event.target.form !== page.form || !page.draft) return;
  page.isTouched = true;
  page.draft.save();
  sayChoice();
}

document.addEventListener("change", remember);
document.addEventListener("input", remember);
window.addEventListener("pagehide", () => page.draft?.flush());

new MutationObserver(() => {
  const root = document.getElementById("comparison");
  if (!root || root === page.root) return;
  adopt(root);
  page.arrivedAt = performance.now();
  window.scrollTo(0, 0);
  root.querySelector("[data-heading]").focus({ preventScroll: true });
}).observe(main, { childList: true });

adopt(document.getElementById("comparison"));
pruneDrafts();
page.noticeArrived();
workAlone(main.dataset.alone, () => {
  page.draft?.flush();
  page.lease?.end();
  page.ahead.drop();
});
listenToPanels(page);
listenToKeys(page);
listenToSending(page);
