"""How the judge page feels: measured in a real Chromium against the whole of a running demo.

The time from pressing Enter to the next comparison's paint is read inside the page: from the key's
own timestamp to the second animation frame after the comparison was replaced.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import Browser, Page, sync_playwright

from alignui.embedded import database
from benchmarks import place
from benchmarks.figures import Figure, percentile

if TYPE_CHECKING:
    from annotation.models import Project

SLUG = "bench-judge"
PARAGRAPH = (
    "A pan is hot enough when a drop of water **dances** on it; `heat = power / area` says why. "
    "Wait for that, then add the oil, and only then the onions, or they will boil in their water.\n"
)
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
PAUSE_MS = 500  # nobody judges faster; what is ahead is fetched meanwhile
LONG_TOKENS = 20_000

WATCH = """
window.bench = { painted: [], shift: 0 };
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter") window.bench.pressed = event.timeStamp;
}, true);
document.addEventListener("DOMContentLoaded", () => {
  const main = document.getElementById("main");
  if (!main?.dataset.person) return;
  new MutationObserver(() => {
    requestAnimationFrame(() => requestAnimationFrame(() => {
      window.bench.painted.push(performance.now() - window.bench.pressed);
    }));
  }).observe(main, { childList: true });
});
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.bench.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""

SCROLL = """
() => new Promise((resolve) => {
  const pane = [...document.querySelectorAll(".response .rendered, .response, html")].find(
    (each) => each.scrollHeight > each.clientHeight + 200
      && getComputedStyle(each).overflowY !== "visible") ?? document.scrollingElement;
  const times = [];
  const step = (now) => {
    times.push(now);
    pane.scrollTop += 60;
    if (times.length < 240) requestAnimationFrame(step);
    else resolve(times.slice(1).map((time, at) => time - times[at]));
  };
  requestAnimationFrame(step);
})
"""


def measure(*, short: bool) -> list[Figure]:
    submits = 20 if short else 100
    with place.folder() as var, place.served_demo(var) as served:
        _make_work(var, submits * 2 + 4)
        with _browser() as browser:
            page = _desk(browser, served.address, var)
            size = _first_load(page)
            ahead, shift = _submits(page, submits)
            waited, _ = _submits(page, submits, is_ahead_cut=True)
            page.goto(f"/judge/{SLUG}-long/")
            page.wait_for_timeout(1000)
            frames = [1000 / gap for gap in page.evaluate(SCROLL) if gap > 0]
    base = {
        "baseline": percentile(waited, 0.5),
        "baseline_name": "without the next one at hand, median",
    }
    spread = {"n": len(ahead), "min": min(ahead), "max": max(ahead)}
    return [
        Figure("Enter to the next comparison painted", percentile(ahead, 0.5), "ms", goal=100,
               **spread, **base),
        Figure("the same, 95th percentile", percentile(ahead, 0.95), "ms", goal=250,
               **spread, **base),
        Figure("first load of the judge page, without fonts", size / 1000, "kB", goal=150),
        Figure("layout shift over all these submits", shift, "", goal=0, n=len(ahead)),
        Figure(f"frames a second, scrolling a response of {LONG_TOKENS:,} tokens",
               percentile(frames, 0.5), "1/s", goal=59, better="higher",
               n=len(frames), min=min(frames), max=max(frames)),
    ]  # fmt: skip


@contextmanager
def _browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(found for name in names if (found := shutil.which(name)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield browser
        browser.close()


def _desk(browser: Browser, address: str, var: Path) -> Page:
    """A page of the demo's annotator, signed in, that watches its own paints and shifts."""
    page = browser.new_page(base_url=address, viewport={"width": 1440, "height": 900})
    page.add_init_script(WATCH)
    page.goto("/sign-in/")
    page.get_by_label("User name").fill("annotator")
    page.get_by_label("Password").fill(place.password(var, "annotator"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    return page


def _first_load(page: Page) -> float:
    """Bytes over the wire of the judge page with nothing in the cache."""
    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
    sizes: list[float] = []
    wire.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(f"/judge/{SLUG}/")
    total = sum(sizes)
    wire.send("Network.setCacheDisabled", {"cacheDisabled": False})
    return total


def _submits(page: Page, number: int, *, is_ahead_cut: bool = False) -> tuple[list[float], float]:
    """Milliseconds from each Enter to the paint, and the layout shift of all together."""
    if is_ahead_cut:
        page.route("**/ahead/", lambda route: route.abort())
    page.goto(f"/judge/{SLUG}/")
    for done in range(1, number + 1):
        page.wait_for_timeout(PAUSE_MS)
        page.keyboard.press("2")
        page.keyboard.press("Enter")
        _until(page, f"window.bench.painted.length >= {done}")
    found = page.evaluate("window.bench")
    page.unroute("**/ahead/")
    return found["painted"], found["shift"]


def _until(page: Page, condition: str) -> None:
    for _ in range(1000):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(10)
    raise TimeoutError(f"Waited in vain for {condition}.")


def _make_work(var: Path, number: int) -> None:
    """Pairs of ordinary length, and one of two very long responses, for the demo's annotators."""
    os.environ["ALIGNUI_VAR"] = str(var)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alignui.settings")
    database.set_up_django()
    from django.utils import timezone

    from alignui.demo.people import POOL
    from annotation.models import Membership, Pool
    from annotation.services.projects import project_create

    place.wait(Membership.objects.filter(user__username="annotator").exists, "the demo's people")
    pool = Pool.objects.get(name=POOL)
    pool.members.update(toured_at=timezone.now())  # the tour would take the first Enter
    usual = project_create(actor=None, name="Bench judge", slug=SLUG, pools=[pool], overlap=1)
    _open_pairs(usual, [(2 + at % 5, 6 - at % 5) for at in range(number)])
    long = project_create(actor=None, name="Bench long", slug=f"{SLUG}-long", pools=[pool])
    paragraphs = LONG_TOKENS // len(PARAGRAPH.split())
    _open_pairs(long, [(paragraphs, paragraphs // 4)])


def _open_pairs(project: "Project", lengths: list[tuple[int, int]]) -> None:
    """One pair of responses of so many paragraphs each for every entry."""
    from annotation.core.messages import Message
    from annotation.core.records import CompletionRecord, PromptRecord, PromptReference
    from annotation.models import Batch
    from annotation.services.batches import Selection, batch_open
    from annotation.services.content import ContentWriter

    writer = ContentWriter(project)
    asked = [
        PromptRecord(messages=(Message(role="user", content=f"How do I fry onions ({at})?"),))
        for at in range(len(lengths))
    ]
    prompts = writer.prompts(asked)
    rows = [
        (
            prompts[at],
            CompletionRecord(
                prompt=PromptReference(messages=asked[at].messages),
                policy=policy,
                text=f"## Answer {at}\n\n" + PARAGRAPH * length,
            ),
        )
        for at, pair in enumerate(lengths)
        for policy, length in zip(("left", "right"), pair, strict=True)
    ]
    made = writer.completions(rows)
    batch_open(
        actor=None, project=project, name="Bench", reason=Batch.Reason.MANUAL,
        selections=[
            Selection(prompt, (made[2 * at], made[2 * at + 1])) for at, prompt in enumerate(prompts)
        ],
    )  # fmt: skip
