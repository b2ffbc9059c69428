/* When each response first came into view, in active time: the hidden input `first_viewed_ms`. */

export function views(root, page) {
  const input = page.form.elements.first_viewed_ms;
  const articles = [...root.querySelectorAll(".response")];
  const times = input.value.split(",");
  const seen = articles.map((_, slot) => times[slot] ?? "");
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const slot = articles.indexOf(target.closest(".response"));
      if (!isIntersecting || seen[slot]) continue;
      seen[slot] = String(page.clock.ms);
      observer.unobserve(target);
    }
    input.value = seen.join(",");
  });
  const look = () => {
    for (const article of articles) observer.observe(article.querySelector(".rendered"));
  };
  // What is veiled has not been seen.
  const unveil = root.querySelector("[data-unveil]");
  if (!unveil || unveil.checked) look();
  else unveil.addEventListener("change", look, { once: true });
}
