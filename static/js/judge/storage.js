/* What this browser remembers for one person. It may refuse (private mode, full): then nothing. */

export function recall(name) {
  return attempt(() => localStorage.getItem(`alignui.${name}`));
}

export function remember(name, value) {
  attempt(() => localStorage.setItem(`alignui.${name}`, value));
}

function attempt(act) {
  try {
    return act();
  } catch (error) {
    if (error instanceof DOMException) return null;
    throw error;
  }
}
