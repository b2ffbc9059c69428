/* The guideline beside the work and the list of keys: opened and closed, focus given back. */

let cameFrom = null;

export function listenToPanels(page) {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener && page.form) {
      event.preventDefault();
      togglePanel(opener.dataset.opens);
    } else if (event.target.closest("[data-closes]")) {
      closePanels();
    }
  });
}

export function togglePanel(name) {
  const panel = document.getElementById(name);
  if (!panel) return;
  if (isOpen(panel)) return void closePanels();
  closePanels();
  cameFrom = document.activeElement;
  if (panel.tagName === "DIALOG") panel.showModal();
  else panel.hidden = false;
  panel.querySelector("h2").focus();
}

/* Whether something was open. */
export function closePanels() {
  const open = ["guideline", "keys"].map((name) => document.getElementById(name)).filter(isOpen);
  for (const panel of open) {
    if (panel.tagName === "DIALOG") panel.close();
    else panel.hidden = true;
  }
  if (open.length && cameFrom?.isConnected) cameFrom.focus({ preventScroll: true });
  return open.length > 0;
}

function isOpen(panel) {
  return Boolean(panel) && (panel.tagName === "DIALOG" ? panel.open : !panel.hidden);
}
