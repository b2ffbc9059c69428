"""What holds for every page: it fits a desk and a telephone, and everybody can use it."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import NARROW, WIDE

SETTLED = {"wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"}
# Structure differs by size and contrast by theme: two of the four show both.
LOOKS = ((WIDE, "light"), (NARROW, "dark"))
LOOK_NAMES = ("wide-light", "narrow-dark")


def fits_and_is_accessible(page: Page) -> None:
    """As it stands, in both looks; the page is left wide and light."""
    for size, theme in reversed(LOOKS):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.emulate_media(color_scheme=theme)
        over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert over <= 0, size
        found = Axe().run(page).response["violations"]
        bad = {v["id"]: v["nodes"][0]["target"] for v in found if SETTLED & set(v["tags"])}
        assert bad == {}, theme
