/* The guideline beside the work and the list of keys: opened and closed, focus given back.

   Pinned, the guideline is docked where the screen has room. A cookie remembers it, so that the
   server draws the page with its column and nothing shifts. `is-over` says that it lies over the
   page: the way to see it unpinned, and on a narrow screen. */

const YEAR_SECONDS = 31_536_000;
const wide = window.matchMedia("(min-width: 75rem)");

let cameFrom = null;
let page;
let readTo = 0;

export function listenToPanels(shared) {
  page = shared;
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener && page.form) {
      event.preventDefault();
      togglePanel(opener.dataset.opens);
    } else if (event.target.closest("[data-pins]")) {
      pin(!isPinned());
    } else if (event.target.closest("[data-closes]")) {
      if (!closePanels() && isDocked()) togglePanel("guideline");
    }
  });
}

/* A comparison that was prepared ahead may come from before the guideline was pinned. */
export function keepGuideline(root) {
  const panel = root.querySelector("#guideline");
  root.classList.toggle("is-guided", isPinned());
  panel.hidden = !isPinned();
  panel.querySelector("[data-pins]").setAttribute("aria-pressed", String(isPinned()));
  panel.scrollTop = readTo;
  panel.addEventListener("scroll", () => (readTo = panel.scrollTop), { passive: true });
}

export function togglePanel(name) {
  const panel = document.getElementById(name);
  if (!panel) return;
  if (name === "guideline" && isDocked()) return undock();
  if (isOpen(panel)) return void closePanels();
  closePanels();
  cameFrom = document.activeElement;
  if (panel.tagName === "DIALOG") panel.showModal();
  else layOver(panel, true);
  panel.querySelector("h2").focus({ preventScroll: true });
}

/* Whether something was open that lay over the page. */
export function closePanels() {
  const open = ["guideline", "keys"].map((name) => document.getElementById(name)).filter(isOpen);
  for (const panel of open) {
    if (panel.tagName === "DIALOG") panel.close();
    else layOver(panel, false);
  }
  if (open.length && cameFrom?.isConnected) cameFrom.focus({ preventScroll: true });
  return open.length > 0;
}

function isOpen(panel) {
  return Boolean(panel) && (panel.open || panel.classList.contains("is-over"));
}

function layOver(panel, isOver) {
  panel.classList.toggle("is-over", isOver);
  panel.hidden = !isOver && !isPinned();
}

function isPinned() {
  return /(^|; )guideline=pinned(;|$)/.test(document.cookie);
}

function isDocked() {
  return isPinned() && wide.matches && Boolean(page.form);
}

function pin(keep) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  const age = keep ? YEAR_SECONDS : 0;
  document.cookie = `guideline=pinned; path=/; max-age=${age}; samesite=lax${secure}`;
  const panel = document.getElementById("guideline");
  layOver(panel, !keep || !wide.matches);
  page.root.classList.toggle("is-guided", keep);
  panel.querySelector("[data-pins]").setAttribute("aria-pressed", String(keep));
}

function undock() {
  const hadFocus = document.getElementById("guideline").contains(document.activeElement);
  pin(false);
  layOver(document.getElementById("guideline"), false);
  if (!hadFocus) return;
  const back = cameFrom?.isConnected ? cameFrom : page.root.querySelector("[data-opens=guideline]");
  back.focus({ preventScroll: true });
}
