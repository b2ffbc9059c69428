"""Pictures for the annotators' guide: each state of the workspace at three widths, light and dark.

Run by name, as it asserts nothing about the look:
`PICTURES=folder pytest -n0 tests/browser/screenshots.py` writes folder/<state>-<width>-<theme>.png.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from annotation.core.rendering import render_markdown
from annotation.models import Completion, Draft, Pool, Project, User
from tests.browser.conftest import SitDown
from tests.factories import (
    judge,
    make_batch,
    make_completion,
    make_criterion,
    make_policy,
    make_project,
    make_prompt,
)

FOLDER = Path(os.environ.get("PICTURES", "var/pictures"))
SIZES = {1440: (1440, 900), 820: (820, 1080), 390: (390, 844)}

ORDERLY = """\
Low heat and patience. The water has to leave before the sugar browns.

1. Slice two onions thinly.
2. Warm **2 tbsp** of oil in a wide pan.
3. Stir every minute for about 20 minutes.

| heat | minutes | result |
| --- | ---: | --- |
| low | 20 | sweet, golden |
| high | 6 | burnt rim, raw heart |

```python
def is_golden(minutes: int, heat: str) -> bool:
    return minutes >= 20 and heat == "low"  # patience
```

The heat that the pan gives off is $P = \\frac{U^2}{R}$.
"""
WORDY = (
    "Fry them in butter until golden, about five minutes on high heat. "
    + (
        "Onions hold a lot of water and need time to give it up; keep the heat low and be patient. "
        "If the pan gets too dry, add a spoonful of water and scrape what sticks to the bottom. "
    )
    * 9
)
ARABIC = (
    "سخّن الزيت على نار هادئة، ثم أضف البصل وقلّبه كل دقيقة حتى يصبح ذهبياً.\n\n"
    "1. قطّع البصل شرائح رقيقة.\n2. أضف `2 tbsp` من الزيت.\n\nلا تستعجل."
)
GUIDELINE = """\
Prefer what is **true**, then what helps, then what is brief.

### Examples

- “Five minutes on high heat” is false for golden onions: worse, however friendly.
- A table that nobody asked for is neither better nor worse.
"""


def _text(prompt: object, policy: object, text: str) -> Completion:
    return make_completion(prompt, policy, text, html=render_markdown(text))  # type: ignore[arg-type]


def _kitchen(pool: Pool) -> Project:
    project = make_project("Kitchen", pool=pool, overlap=2, guideline=GUIDELINE)
    Project.objects.filter(pk=project.pk).update(
        confidence="optional", spans="optional", rewrite="optional", shows_gold=True
    )
    make_criterion(project, "honest", guideline="Which one admits what it does not know?")
    make_criterion(project, "helpful", scale="rating")
    left, right = make_policy(project), make_policy(project)
    for question in ("How do I fry onions so that they turn golden?", "How hot is a pan?",
                     "Can I freeze soup?", "What goes with fennel?"):  # fmt: skip
        prompt = make_prompt(project, question, language="en")
        make_batch(project, (_text(prompt, left, ORDERLY), _text(prompt, right, WORDY)))
    return project


def _arabic(pool: Pool) -> Project:
    project = make_project("Matbakh", pool=pool)
    prompt = make_prompt(project, "كيف أقلي البصل حتى يصبح ذهبياً؟", language="ar")
    left, right = make_policy(project), make_policy(project)
    make_batch(project, (_text(prompt, left, ARABIC), _text(prompt, right, ARABIC * 2)))
    return project


def _menus(pool: Pool) -> Project:
    project = make_project("Menus", pool=pool, kind="ranking", candidates=4)
    prompt = make_prompt(project, "Plan a dinner for six with fennel.")
    texts = (ORDERLY, WORDY[:700], "Fennel soup, fennel bread, fennel ice.", "Ask a cook.")
    make_batch(project, [_text(prompt, make_policy(project), text) for text in texts])
    return project


def _press(*keys: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        for key in keys:
            page.keyboard.press(key)

    return act


def _mark(page: Page) -> None:
    page.evaluate(
        """() => {
          const item = document.querySelector(".response .rendered li, .response .rendered p");
          const range = document.createRange();
          range.selectNodeContents(item);
          getSelection().removeAllRanges();
          getSelection().addRange(range);
        }"""
    )
    _press("m", "1")(page)


def _unplugged(page: Page) -> None:
    page.wait_for_timeout(400)
    page.context.set_offline(True)
    _press("6", "Enter")(page)


def _second_tab(page: Page) -> None:
    page.context.new_page().goto(page.url)


STATES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "pair": ("/judge/kitchen/", _press()),
    "chosen": ("/judge/kitchen/", _press("6")),
    "keys": ("/judge/kitchen/", _press("?")),
    "guideline": ("/judge/kitchen/", _press("g")),
    "differences": ("/judge/kitchen/", _press("d")),
    "written": ("/judge/kitchen/", _press("w")),
    "marks": ("/judge/kitchen/", _mark),
    "rewrite": ("/judge/kitchen/", _press("6", "e")),
    "flag": ("/judge/kitchen/", _press("f")),
    "skip": ("/judge/kitchen/", _press("s")),
    "next": ("/judge/kitchen/", _press("6", "Enter")),
    "offline": ("/judge/kitchen/", _unplugged),
    "elsewhere": ("/judge/kitchen/", _second_tab),
    "ranking": ("/judge/menus/", _press("2", "1", "2")),
    "right-to-left": ("/judge/matbakh/", _press("5")),
    "home": ("/", _press()),
    "history": ("/history/", _press()),
    "profile": ("/profile/", _press()),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", SIZES)
def test_pictures(sit_down: SitDown, ana: User, pool: Pool, width: int, theme: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    kitchen, _, _ = _kitchen(pool), _arabic(pool), _menus(pool)
    User.objects.update(toured_at=timezone.now())
    kitchen.refresh_from_db()
    judge(ana, kitchen, rationale="Five minutes on high heat burn them.")
    for state, (path, act) in STATES.items():
        Draft.objects.all().delete()
        page = sit_down(ana, path, size=SIZES[width], theme=theme)
        page.wait_for_timeout(300)
        act(page)
        page.wait_for_timeout(500)
        page.screenshot(path=FOLDER / f"{state}-{width}-{theme}.png")
        page.context.set_offline(False)
        page.context.close()
    User.objects.update(toured_at=None)
    page = sit_down(ana, "/judge/kitchen/", size=SIZES[width], theme=theme)
    page.wait_for_timeout(500)
    page.screenshot(path=FOLDER / f"tour-{width}-{theme}.png")
    Project.objects.update(content_warning="Knives appear.")
    page.goto("/judge/matbakh/")
    page.wait_for_timeout(300)
    page.screenshot(path=FOLDER / f"veil-{width}-{theme}.png")
