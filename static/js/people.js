// The box in the head ticks everybody on the page; the bar says how many are ticked.
for (const form of document.querySelectorAll("form[data-people]")) {
  const all = form.querySelector("[data-all]");
  const boxes = [...form.querySelectorAll("input[name=person]")];
  const words = form.querySelector("[data-count]");
  const atFirst = words ? words.textContent : "";

  const tell = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    if (words) words.textContent = ticked ? `${ticked} ${words.dataset.count}:` : atFirst;
    if (all) {
      all.checked = ticked > 0 && ticked === boxes.length;
      all.indeterminate = ticked > 0 && ticked < boxes.length;
    }
  };

  form.addEventListener("change", (event) => {
    if (event.target === all) for (const box of boxes) box.checked = all.checked;
    tell();
  });
  tell();
}
