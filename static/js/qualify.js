/* One item of a qualification: the judge page's keys over a form that is sent as a page.

   The server's form is the one source of truth; these modules only set its native controls. */

import { Clock } from "./judge/clock.js";
import { listenToKeys, showKeySwitch } from "./judge/keys.js";
import { listenToPanels } from "./judge/panels.js";
import { Ranking } from "./judge/ranking.js";
import { ResponseSwitch } from "./judge/responses.js";

const root = document.getElementById("comparison");
const form = document.getElementById("judgment");

const page = {
  root,
  form,
  clock: new Clock(),
  ranking: null,
  responses: new ResponseSwitch(root),
  keys: new Map(),

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
    if (isAnswered()) form.requestSubmit(root.querySelector("[data-submit]"));
    else window.AlignUI.say(gettext("Choose an answer first."), { tone: "warning" });
  },
};

function isAnswered() {
  if (root.querySelector('[name="choice"]:checked')) return true;
  const rows = [...root.querySelectorAll("[data-ranks]")];
  return rows.length > 0 && rows.every((row) => row.querySelector("input:checked"));
}

function sayChoice() {
  const chosen = root.querySelector("[data-scale] input:checked");
  const words = chosen?.getAttribute("aria-label") ?? chosen?.closest("label").textContent;
  root.querySelector("[data-chosen]").textContent = words ?? "";
}

function askForAnswer() {
  form.noValidate = true;
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    form.elements.active_ms.value = page.clock.ms;
  });
  root.querySelector("[data-submit]").addEventListener("click", (event) => {
    event.preventDefault();
    page.submit();
  });
  window.addEventListener("pageshow", () => delete form.dataset.sent);
  document.addEventListener("change", sayChoice);
  if (root.dataset.kind === "ranking") page.ranking = new Ranking(root, page);
  page.clock.restart(0);
  sayChoice();
  showKeySwitch(root);
  listenToPanels(page);
  listenToKeys(page);
}

/* Where the answer is explained there is one way: on. */
function waitToGoOn() {
  document.addEventListener("keydown", (event) => {
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
    if (event.key !== "Enter" || !isPlain || event.target.closest("a, button, label, input")) return;
    event.preventDefault();
    root.querySelector("[data-goes-on]").click();
  });
}

if (form) askForAnswer();
else waitToGoOn();
root.querySelector("[data-heading]").focus({ preventScroll: true });
