/* Posting to our own server: with the token that forms carry, and told apart from a page load. */

const PATIENCE_MS = 20_000;

export function token() {
  return JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
}

/* The response; rejects where there is no connection. A sign-in page is never taken for an answer. */
export function post(url, body, { json = false, keepalive = false, patience = PATIENCE_MS } = {}) {
  const headers = {
    "X-CSRFToken": token(),
    "HX-Request": "true",
    "HX-Current-URL": location.href,
    "Content-Type": json ? "application/json" : "application/x-www-form-urlencoded",
  };
  const signal = AbortSignal.timeout(patience);
  return fetch(url, { method: "POST", headers, body, keepalive, signal, redirect: "error" });
}

/* The elements of a fragment by their id. */
export function parts(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const found = [...template.content.children].filter((element) => element.id);
  return new Map(found.map((element) => [element.id, document.adoptNode(element)]));
}
