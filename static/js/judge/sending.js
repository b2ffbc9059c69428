/* Sending an answer: the next comparison takes its place at once where it is ready, and what
   cannot be sent is kept, said, and sent later. */

import { dropDraft } from "./drafts.js";
import { Outbox } from "./outbox.js";
import { parts, post } from "./post.js";

/* A key pressed twice is meant for the comparison that was there, not for the one that came. */
const TOO_SOON_MS = 1_000;

let page;
let outbox;

export function listenToSending(shared) {
  page = shared;
  outbox = new Outbox(page.main.dataset.person, { taken, refused, late, signedOut });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-sends]")) return;
    event.preventDefault();
    if (!isTooSoon(event.target)) send(event.target, event.submitter);
  });
  if (outbox.size) outbox.hurry();
}

function isTooSoon(form) {
  const isFresh = performance.now() - page.arrivedAt < TOO_SOON_MS;
  return form === page.form && !page.isTouched && isFresh;
}

function send(form, submitter) {
  if (form.dataset.sends === "undo") return undo(form);
  if (outbox.has(form.action)) return;
  const isJudgment = form === page.form;
  if (isJudgment) form.elements.active_ms.value = page.clock.ms;
  page.draft.end();
  const entry = {
    url: form.action,
    assignment: page.root.dataset.assignment,
    draft: isJudgment ? form.dataset.draft : "",
    left: page.root,
  };
  const next = !isJudgment || isComplete() ? page.ahead.take() : null;
  entry.body = written(form, submitter, next);
  if (next) {
    entry.next = next;
    page.ahead.expect(next);
    show(next);
  } else {
    page.root.setAttribute("aria-busy", "true");
  }
  outbox.add(entry);
}

function written(form, submitter, next) {
  const fields = new URLSearchParams(new FormData(form, submitter));
  fields.delete("csrfmiddlewaretoken");
  if (next) fields.set("ahead", next.dataset.assignment);
  return fields.toString();
}

function show(root) {
  page.root.replaceWith(root);
}

/* Whether all that must be answered is: only then does the next one come before the server spoke. */
function isComplete() {
  const { root, form } = page;
  return [...root.querySelectorAll("[data-needed]")].every((part) => {
    const names = new Set([...part.querySelectorAll("[name]")].map((control) => control.name));
    const values = new FormData(form);
    return [...names].every((name) => (values.get(name) ?? "").trim() !== "");
  }) && isDecided(root);
}

function isDecided(root) {
  if (root.querySelector('[name="choice"]:checked')) return true;
  const ranks = [...root.querySelectorAll("[data-ranks]")];
  return ranks.length > 0 && ranks.every((rank) => rank.querySelector("input:checked"));
}

function taken(entry, response, text) {
  if (entry.draft) dropDraft(entry.draft);
  const elsewhere = response.headers.get("HX-Redirect");
  if (elsewhere) return void location.assign(elsewhere);
  const fragments = parts(text);
  page.root.removeAttribute("aria-busy");
  put(fragments, isAwaited(entry));
  if (entry.next) page.ahead.arrived(entry.next, following(fragments));
  if (outbox.size === 0) page.lateNotice?.remove();
}

/* The comparison that came along for after the present one. */
function following(fragments) {
  const held = fragments.get("ahead")?.content.firstElementChild;
  return held ? document.adoptNode(held) : null;
}

/* Whether the page waits for what follows this entry, or somebody already works on another. */
function isAwaited(entry) {
  if (entry.next) return page.root === entry.next && !page.isTouched;
  if (entry.left) return page.root === entry.left;
  return page.root.dataset.assignment === entry.assignment;
}

function put(fragments, withComparison) {
  const notice = fragments.get("notice");
  if (notice) {
    document.getElementById("notice").replaceChildren(...notice.childNodes);
    page.noticeArrived();
  }
  const progress = fragments.get("progress");
  if (progress) document.getElementById("progress")?.replaceWith(progress);
  const comparison = fragments.get("comparison");
  if (comparison && withComparison) show(comparison);
}

function refused(entry, text) {
  page.root.removeAttribute("aria-busy");
  if (entry.left === page.root || !entry.left) return say(text);
  const back = () => {
    show(entry.left.cloneNode(true)); // a clone: what listened to the old one is gone with it
    requestAnimationFrame(() => say(text));
  };
  say(text);
  if (!page.isTouched) return back();
  offer(gettext("Go back to it"), back);
}

function say(text) {
  document.getElementById("notice").innerHTML = text;
  page.draft?.resume();
  showField();
}

function offer(label, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button-small";
  button.textContent = label;
  button.addEventListener("click", act);
  document.querySelector("#notice .notice")?.append(button);
}

function late(words, count) {
  const kept = interpolate(
    ngettext(
      "%s answer is kept on this device and will be sent as soon as possible.",
      "%s answers are kept on this device and will be sent as soon as possible.",
      count,
    ),
    [count],
  );
  page.lateNotice = window.AlignUI.say(`${words} ${kept}`, {
    tone: "error",
    actions: [[gettext("Try again"), () => outbox.hurry()]],
  });
}

function signedOut(address, count) {
  const words = ngettext(
    "You are signed out. %s answer is kept on this device: sign in and it is sent.",
    "You are signed out. %s answers are kept on this device: sign in and they are sent.",
    count,
  );
  page.root.removeAttribute("aria-busy");
  window.AlignUI.say(interpolate(words, [count]), {
    tone: "error",
    actions: [[gettext("Sign in"), () => location.assign(address)]],
  });
}

async function undo(form) {
  if (outbox.size) {
    window.AlignUI.say(gettext("That answer is still on its way. Undo it as soon as it is sent."));
    return;
  }
  page.root.setAttribute("aria-busy", "true");
  try {
    const response = await post(form.action, written(form, null, null));
    const text = await response.text();
    const elsewhere = response.headers.get("HX-Redirect");
    if (elsewhere) return void location.assign(elsewhere);
    if (response.ok) {
      page.draft?.flush();
      put(parts(text), true);
    } else say(text);
  } catch {
    window.AlignUI.say(gettext("There is no connection, so nothing was undone. Try again."), {
      tone: "error",
    });
  } finally {
    page.root.removeAttribute("aria-busy");
  }
}

/* A refusal names its field: go there. */
function showField() {
  const name = document.querySelector("#notice [data-field]")?.dataset.field;
  if (name === "groups" && page.ranking) return page.ranking.selectMissing();
  const field = name && page.root.querySelector(`[data-field="${CSS.escape(name)}"]`);
  if (!field) return;
  field.scrollIntoView({ block: "nearest" });
  field.querySelector("textarea, input:checked, input, button")?.focus({ preventScroll: true });
}
