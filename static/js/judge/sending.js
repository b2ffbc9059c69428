/* Sending an answer: its active time goes with it, and what cannot be sent is kept and said. */

import { dropDraft } from "./drafts.js";

/* A key pressed twice is meant for the comparison that was there, not for the one that came. */
const TOO_SOON_MS = 1_000;

export function listenToSending(page) {
  // Capture: before htmx reads the form.
  document.addEventListener("submit", (event) => {
    if (event.target !== page.form) return;
    if (!page.isTouched && performance.now() - page.arrivedAt < TOO_SOON_MS) {
      event.preventDefault();
      event.stopPropagation();
    }
    page.form.elements.active_ms.value = page.clock.ms;
  }, true);

  document.addEventListener("htmx:beforeRequest", () => page.root.setAttribute("aria-busy", "true"));
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    page.root.removeAttribute("aria-busy");
    if (detail.successful && detail.elt.id === "judgment") dropDraft(detail.elt);
  });

  for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
    document.addEventListener(name, (event) => failed(event, page));
  }
  document.addEventListener("htmx:afterSwap", () => showField(page));
}

function failed(event, page) {
  const { elt, xhr } = event.detail;
  if (!elt.matches("[data-retries]") || xhr?.getResponseHeader("HX-Retarget")) return;
  event.preventDefault();
  const why = xhr?.status
    ? `The server could not take your answer (${xhr.status}).`
    : "There is no connection, so your answer was not sent.";
  const send = () => {
    removeEventListener("online", send);
    if (!elt.isConnected) return;
    window.AlignUI.hush();
    elt.requestSubmit(elt.id === "judgment" ? document.querySelector("[data-submit]") : undefined);
  };
  window.AlignUI.say(`${why} It is kept on this device.`, {
    tone: "error",
    actions: elt.id === "judgment" ? [["Try again", send]] : [],
  });
  if (elt.id === "judgment" && !navigator.onLine) addEventListener("online", send);
}

/* A refusal names its field: go there. */
function showField(page) {
  const name = document.querySelector("#notice [data-field]")?.dataset.field;
  if (name === "groups" && page.ranking) return page.ranking.selectMissing();
  const field = name && page.root.querySelector(`[data-field="${CSS.escape(name)}"]`);
  if (!field) return;
  field.scrollIntoView({ block: "nearest" });
  field.querySelector("textarea, input:checked, input, button")?.focus({ preventScroll: true });
}
