/* One tab at a time works on a project; the one that was opened last goes on. */

export function workAlone(name, pause) {
  if (!name || !("BroadcastChannel" in window)) return;
  const channel = new BroadcastChannel(`alignui.judge.${name}`);
  channel.postMessage("here");
  channel.addEventListener("message", () => {
    channel.close();
    pause();
    rest();
  });
}

function rest() {
  const dialog = document.getElementById("elsewhere");
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.querySelector("button").addEventListener("click", () => location.reload());
  dialog.showModal();
}
