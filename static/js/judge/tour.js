/* A short tour at first sight: points at a control, says what it is for, and lets one try its key.
   It is not modal: the page works meanwhile, but Enter goes on with the tour instead of submitting. */

import { closePanels } from "./panels.js";
import { post } from "./post.js";

const GAP = 10;
const POINTED = "is-pointed-at";
const IN_USE = "a, button, summary, input, textarea, select";

let page;
let tour;
let steps;
let at = -1;

export function guide(root, shared) {
  if (!page) begin(shared);
  if (at >= 0) show(at, { takesFocus: false });
  else if (tour && "first" in tour.dataset && !("amends" in root.dataset)) show(0);
}

function begin(shared) {
  page = shared;
  tour = document.getElementById("tour");
  if (!tour) return;
  steps = [...tour.querySelectorAll("[data-step]")];
  tour.querySelector("[data-tour-next]").addEventListener("click", next);
  tour.querySelector("[data-tour-back]").addEventListener("click", () => show(at - 1));
  tour.querySelector("[data-tour-end]").addEventListener("click", end);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-tour-start]")) return;
    closePanels();
    show(0);
  });
  document.addEventListener("keydown", pressed, { capture: true });
  document.addEventListener("toggle", comeBack, { capture: true });
  for (const change of ["resize", "scroll"]) {
    window.addEventListener(change, () => at >= 0 && place(), { passive: true });
  }
}

function show(number, { takesFocus = true } = {}) {
  at = number;
  delete tour.dataset.first;
  steps.forEach((step, index) => (step.hidden = index !== at));
  const count = [at + 1, steps.length];
  tour.querySelector("[data-tour-count]").textContent = interpolate(gettext("%s of %s"), count);
  tour.querySelector("[data-tour-back]").disabled = at === 0;
  const isLast = at === steps.length - 1;
  tour.querySelector("[data-tour-next]").textContent = isLast ? gettext("Begin") : gettext("Next");
  tour.querySelector("[data-tour-tried]").textContent = "";
  tour.hidden = false;
  point();
  place();
  if (takesFocus) steps[at].focus({ preventScroll: true });
}

function next() {
  if (at === steps.length - 1) end();
  else show(at + 1);
}

function end() {
  at = -1;
  tour.hidden = true;
  unpoint();
  page.root.querySelector("[data-heading]").focus({ preventScroll: true });
  // Where there is no connection the tour is offered once more: nothing else is lost.
  post(tour.dataset.done, "").catch(() => {});
}

function pressed(event) {
  if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  const isInside = tour.contains(event.target);
  if (event.key === "Escape" && isInside) return taken(event, end);
  if (event.key === "Enter" && !(event.target.closest(IN_USE))) return taken(event, next);
  const wanted = (steps[at].dataset.try ?? "").split(" ");
  if (!wanted.includes(event.key) && !wanted.includes(event.key.toLowerCase())) return;
  tour.querySelector("[data-tour-tried]").textContent = gettext("✓ That is it.");
}

/* From a menu that was tried and closed. */
function comeBack(event) {
  if (at >= 0 && event.target.matches("[data-menu]:not([open])")) steps[at].focus();
}

function taken(event, act) {
  event.preventDefault();
  event.stopPropagation();
  if (!event.repeat) act();
}

/* The first of the step's targets that is visible. */
function target() {
  return steps[at].dataset.target
    .split(", ")
    .flatMap((selector) => [...page.root.querySelectorAll(selector)])
    .find((element) => element.getClientRects().length > 0);
}

function point() {
  unpoint();
  const element = target();
  element?.classList.add(POINTED);
  element?.scrollIntoView({ block: "nearest" });
}

function unpoint() {
  document.querySelector(`.${POINTED}`)?.classList.remove(POINTED);
}

/* Below what it points at, or above where there is more room; never off the screen. */
function place() {
  const there = target()?.getBoundingClientRect();
  const own = tour.getBoundingClientRect();
  const lowest = window.innerHeight - own.height - GAP;
  const furthest = document.documentElement.clientWidth - own.width - GAP;
  const bar = page.root.querySelector(".bar").getBoundingClientRect();
  const ceiling = "low" in steps[at].dataset ? bar : there;
  const isLow = ceiling && ceiling.top > window.innerHeight / 2;
  const top = !ceiling ? lowest : isLow ? ceiling.top - own.height - GAP : ceiling.bottom + GAP;
  const left = there ? there.left + there.width / 2 - own.width / 2 : furthest;
  tour.style.top = `${Math.max(Math.min(top, lowest), GAP)}px`;
  tour.style.left = `${Math.max(Math.min(left, furthest), GAP)}px`;
}
