/* What every page needs of JavaScript: menus that close, notices that go, a theme that changes
   at once, and a sentence when the server cannot be reached. Pages work without it. */

const AlignUI = {
  notice() {
    return document.getElementById("notice");
  },

  /* Says something in the notice region. `actions` is a list of [label, function]. */
  say(words, { tone = "", actions = [], sticky = false } = {}) {
    const box = document.createElement("div");
    box.className = tone ? `notice notice-${tone}` : "notice";
    box.dataset.notice = sticky ? "sticky" : "";
    const line = document.createElement("p");
    line.textContent = words;
    box.append(line);
    for (const [label, act] of actions) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button button-small";
      button.textContent = label;
      button.addEventListener("click", act);
      box.append(button);
    }
    const dismiss = document.createElement("button");
    dismiss.type = "button";
    dismiss.className = "notice-dismiss";
    dismiss.dataset.dismiss = "";
    dismiss.setAttribute("aria-label", gettext("Dismiss"));
    dismiss.textContent = "×";
    box.append(dismiss);
    AlignUI.notice()?.replaceChildren(box);
    return box;
  },

  hush() {
    AlignUI.notice()?.replaceChildren();
  },

  setTheme(theme) {
    document.documentElement.dataset.theme = theme;
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax${secure}`;
    for (const button of document.querySelectorAll("[data-theme-form] [name=theme]")) {
      button.setAttribute("aria-pressed", String(button.value === theme));
    }
  },
};
window.AlignUI = AlignUI;

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-dismiss]")) {
    event.target.closest("[data-notice], .notice")?.remove();
  }
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details[data-menu][open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
  event.stopPropagation();
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-theme-form]") || !event.submitter) return;
  event.preventDefault();
  AlignUI.setTheme(event.submitter.value);
});

/* Only what the server meant for the notice may land on a page when a request fails. */
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  if (xhr.status >= 400 && !xhr.getResponseHeader("HX-Retarget")) {
    event.detail.shouldSwap = false;
  }
});

document.addEventListener("htmx:responseError", (event) => {
  const { xhr } = event.detail;
  if (xhr.getResponseHeader("HX-Retarget") || event.defaultPrevented) return;
  const words = gettext("The server could not answer (%s). Nothing was lost; try again.");
  AlignUI.say(interpolate(words, [xhr.status]), { tone: "error" });
});

for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => {
    if (event.target.closest("[data-retries]")) return;
    AlignUI.say(gettext("There is no connection to the server. Try again in a moment."), {
      tone: "error",
    });
  });
}
