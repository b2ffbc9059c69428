/* A dispute: the judge page's keys over a form that is sent as a page.

   The server's form is the one source of truth; these modules only set its native controls. */

import { Clock } from "./judge/clock.js";
import { listenToKeys, showKeySwitch } from "./judge/keys.js";
import { listenToPanels } from "./judge/panels.js";
import { Ranking } from "./judge/ranking.js";
import { ResponseSwitch } from "./judge/responses.js";

const root = document.getElementById("comparison");

const page = {
  root,
  form: document.getElementById("judgment"),
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

  /* What is missing is where one goes on: first the answer, then the reason. */
  submit() {
    const reason = root.querySelector("#rationale");
    if (!isAnswered()) {
      window.AlignUI.say(gettext("Choose an answer first."), { tone: "warning" });
    } else if (!reason.value.trim()) {
      reason.focus();
      window.AlignUI.say(gettext("Say in a sentence why you decide so."), { tone: "warning" });
    } else {
      page.form.requestSubmit(root.querySelector("[data-submit]"));
    }
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

page.form.noValidate = true;
page.form.addEventListener("submit", (event) => {
  if (page.form.dataset.sent) return event.preventDefault();
  page.form.dataset.sent = "yes";
  page.form.elements.active_ms.value = page.clock.ms;
});
root.querySelector("[data-submit]").addEventListener("click", (event) => {
  event.preventDefault();
  page.submit();
});
window.addEventListener("pageshow", () => delete page.form.dataset.sent);
document.addEventListener("change", sayChoice);
page.keys.set("l", () => root.querySelector("[data-later]")?.click());
if (root.dataset.kind === "ranking") page.ranking = new Ranking(root, page);
page.clock.restart(0);
sayChoice();
showKeySwitch(root);
listenToPanels(page);
listenToKeys(page);
