/* Every action has a key. Single keys can be switched off; Ctrl+Enter and Escape always work. */

import { closePanels, togglePanel } from "./panels.js";

const SWITCH = "alignui.single-keys";
const WRITING = "textarea, select, input:not([type=radio], [type=checkbox]), [contenteditable]";

export function listenToKeys(page) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || !page.form) return undo(event, page);
    if (event.key === "Enter") return enter(event, page);
    if (event.key === "Escape") return escape(event, page);
    if (event.ctrlKey || event.metaKey || event.altKey || !singleKeysWork()) return;
    if (event.target.closest(WRITING)) return;
    const act = actionOf(event, page);
    if (!act) return;
    event.preventDefault();
    act();
  });
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-single-keys]")) return;
    localStorage.setItem(SWITCH, event.target.checked ? "on" : "off");
  });
}

function singleKeysWork() {
  return localStorage.getItem(SWITCH) !== "off";
}

export function showKeySwitch(root) {
  root.querySelector("[data-single-keys]").checked = singleKeysWork();
}

/* Where nothing is open any more, the last step can still be undone. */
function undo(event, page) {
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (page.form || event.defaultPrevented || !isPlain || event.key.toLowerCase() !== "u") return;
  document.querySelector("[data-undo] button")?.click();
}

function enter(event, page) {
  const asked = event.ctrlKey || event.metaKey;
  if (!asked && event.target.closest(`a, button, summary, label, ${WRITING}`)) return;
  event.preventDefault();
  if (!event.repeat) page.submit();
}

function escape(event, page) {
  const skip = page.root.querySelector("[data-skip]");
  if (closePanels()) return;
  if (skip?.open) skip.open = false;
  document.activeElement?.blur();
  page.root.querySelector("[data-heading]").focus({ preventScroll: true });
}

function actionOf(event, page) {
  const key = event.key.toLowerCase();
  const { root } = page;
  if (root.querySelector("dialog[open]")) return key === "?" ? closePanels : null;
  const skip = root.querySelector("[data-skip]");
  if (/^[1-9]$/.test(key)) return onDigit(Number(key), event, page, skip);
  if (key === "arrowleft" || key === "arrowright") {
    return onArrow(key === lookingBack() ? -1 : 1, event, page);
  }
  const slot = key.length === 1 ? key.charCodeAt(0) - 97 : -1;
  if (!event.shiftKey && slot >= 0 && slot < Number(root.dataset.size)) {
    return () => (page.ranking ? page.ranking.select(slot, true) : page.responses.goTo(slot));
  }
  return letters(page, skip)[key] ?? page.keys.get(key);
}

function letters(page, skip) {
  const { root } = page;
  return {
    t: () => page.choose(root.querySelector('[data-scale] [value="tie"]')),
    x: () => chooseBothBad(page),
    s: () => skip && toggleSkip(skip),
    u: () => undoLast(),
    g: () => togglePanel("guideline"),
    "?": () => togglePanel("keys"),
    r: () => root.querySelector("#rationale")?.focus(),
    c: () => nextCriterion(root),
    v: () => root.querySelector("[data-unveil]")?.click(),
  };
}

function chooseBothBad(page) {
  const box = page.root.querySelector("[data-all-bad]");
  if (box) return box.click();
  page.choose(page.root.querySelector('[data-scale] [value="both_bad"]'));
}

function undoLast() {
  const button = document.querySelector("[data-undo] button");
  if (button) button.click();
  else window.AlignUI.say(gettext("There is nothing to undo. Earlier answers are in your history."));
}

function toggleSkip(skip) {
  skip.open = !skip.open;
  if (skip.open) skip.querySelector("button").focus();
}

function nextCriterion(root) {
  const criteria = [...root.querySelectorAll("[data-criterion]")];
  if (!criteria.length) return;
  const at = criteria.findIndex((criterion) => criterion.contains(document.activeElement));
  const next = criteria[(at + 1) % criteria.length];
  focusRow(next.querySelector(".choices"));
  next.scrollIntoView({ block: "nearest" });
}

function focusRow(row) {
  (row.querySelector("input:checked") ?? row.querySelector("input")).focus();
}

function onDigit(number, event, page, skip) {
  if (skip?.open) return () => skip.querySelectorAll("button[name=reason]")[number - 1]?.click();
  const row = event.target.closest("[data-criterion] .choices");
  if (row) return () => chooseInRow(row, number, page);
  if (page.ranking) return () => page.ranking.place(number);
  return () => page.choose(scale(page)[number - 1]);
}

function chooseInRow(row, number, page) {
  page.choose(row.querySelectorAll("input")[number - 1]);
  const rows = [...row.closest("[data-criterion]").querySelectorAll(".choices")];
  const next = rows[rows.indexOf(row) + 1];
  if (next) focusRow(next);
  else row.querySelector("input:checked")?.focus();
}

/* The arrow towards what comes first: A, or the best rank, stands where reading begins. */
function lookingBack() {
  return isRightToLeft() ? "arrowright" : "arrowleft";
}

function isRightToLeft() {
  return document.documentElement.dir === "rtl";
}

function onArrow(step, event, page) {
  if (event.target.closest("pre, table")) return null;
  if (event.target.matches("input[type=radio]") && !event.target.closest("[data-scale]")) {
    return isRightToLeft() ? () => chooseBeside(event.target, step, page) : null;
  }
  if (page.ranking) return () => page.ranking.move(step);
  return () => moveOnScale(step, page);
}

/* Browsers take ArrowRight for the next one even where the next one stands on the left. */
function chooseBeside(input, step, page) {
  const row = [...page.root.querySelectorAll(`input[name="${CSS.escape(input.name)}"]`)];
  const next = row[(row.indexOf(input) + step + row.length) % row.length];
  page.choose(next);
  next.focus();
}

function scale(page) {
  return [...page.root.querySelectorAll(".scale-steps input")];
}

function moveOnScale(step, page) {
  const steps = scale(page);
  const at = steps.findIndex((input) => input.checked);
  const middle = (steps.length - 1) / 2;
  const from = at >= 0 ? at : step < 0 ? Math.ceil(middle) : Math.floor(middle);
  const to = Math.min(Math.max(from + step, 0), steps.length - 1);
  page.choose(steps[to]);
  if (document.activeElement?.closest("[data-scale]")) steps[to].focus();
}
