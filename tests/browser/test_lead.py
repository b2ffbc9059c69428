"""A lead in a real browser: the loop moves by itself, pages fit, and nothing breaks the policy."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, expect

from annotation.models import Project, Run, User
from annotation.services.agreement import agreement_measure
from annotation.services.audits import bias_audit
from tests.browser.conftest import SitDown
from tests.browser.fitting import LOOK_NAMES, LOOKS, SETTLED
from tests.factories import judge, make_run

PAGES = (
    "", "prompts/", "policies/", "batches/", "people/", "agreement/", "audits/", "reward-model/",
    "leaderboard/", "acquisition/", "exports/", "runs/", "activity/", "settings/",
)  # fmt: skip
# Those that differ most in structure; axe takes seconds for each.
EXAMINED = ("", "people/", "agreement/", "settings/", "runs/")


@pytest.fixture
def judged(project: Project, ana: User, ben: User) -> Project:
    """Judged twice each, measured and audited, with one run that failed."""
    for person in (ana, ben):
        for groups in (((0,), (1,)), ((1,), (0,)), ((0,), (1,)), ((0, 1),)):
            judge(person, project, groups=groups)
    for _ in range(2):
        for criterion in project.criteria.all():
            agreement_measure(project=project, criterion=criterion)
        bias_audit(project=project)
    make_run(project, Run.Kind.EXPORT, state="failed", error="The disk is full. Free some space.")
    return project


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def test_the_overview_renews_itself_without_moving(
    sit_down: SitDown, lena: User, ana: User, project: Project
) -> None:
    page = sit_down(lena, "/projects/kitchen/")
    figure = page.locator("#wide-judgments .loop-figure")
    expect(figure).to_contain_text("0")
    places = [page.locator(name) for name in ("svg.loop-wide", "#all-runs")]
    before = [place.bounding_box() for place in places]
    page.locator("#wide-agreement").focus()
    judge(ana, project)
    expect(figure).to_contain_text("1", timeout=15_000)
    assert [place.bounding_box() for place in places] == before
    expect(page.locator("#wide-agreement")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/projects/kitchen/agreement/")


def test_a_run_is_followed_to_its_end_on_the_page_that_asked_for_it(
    sit_down: SitDown, lena: User, judged: Project
) -> None:
    page = sit_down(lena, "/projects/kitchen/agreement/")
    page.get_by_role("button", name="Measure now").click()
    expect(page.locator("#strip")).to_contain_text("Waiting for a worker")
    before = page.locator(".forest").first.bounding_box()
    Run.objects.filter(kind="agreement").update(
        state="running", started_at=timezone.now(), done=1, total=2, message="Measuring “Overall”"
    )
    expect(page.locator("#strip")).to_contain_text("Measuring “Overall”", timeout=10_000)
    expect(page.get_by_role("button", name="Measure now")).to_be_disabled()
    assert page.locator(".forest").first.bounding_box() == before
    Run.objects.filter(kind="agreement").update(state="succeeded", finished_at=timezone.now())
    expect(page.locator("#strip")).to_contain_text("Done", timeout=10_000)
    expect(page.get_by_role("button", name="Measure now")).to_be_enabled()


def test_a_lead_invites_by_keyboard_and_sees_the_link(
    sit_down: SitDown, lena: User, project: Project
) -> None:
    page = sit_down(lena, "/projects/kitchen/people/")
    page.get_by_label("E-mail, for your records").fill("new@example.org")
    page.keyboard.press("Enter")
    expect(page.locator("code.secret")).to_contain_text("/invitation/")


@pytest.mark.parametrize(("size", "theme"), LOOKS, ids=LOOK_NAMES)
def test_every_page_fits_and_keeps_the_policy(
    sit_down: SitDown, lena: User, judged: Project, size: tuple[int, int], theme: str
) -> None:
    page = sit_down(lena, "/projects/", size=size, theme=theme)
    for path in PAGES:
        page.goto(f"/projects/kitchen/{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert overflow(page) <= 0, path


def test_pages_are_accessible(sit_down: SitDown, lena: User, judged: Project) -> None:
    page = sit_down(lena, "/projects/")
    for path in EXAMINED:
        page.goto(f"/projects/kitchen/{path}")
        found = Axe().run(page).response["violations"]
        bad = {v["id"]: v["nodes"][0]["target"] for v in found if SETTLED & set(v["tags"])}
        assert bad == {}, path


def test_a_lead_without_javascript_opens_a_batch_pauses_and_resumes(
    sit_down: SitDown, lena: User, project: Project
) -> None:
    page = sit_down(lena, "/projects/kitchen/batches/", java_script_enabled=False)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("tbody .badge")).to_contain_text("paused")
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.locator("tbody .badge")).to_contain_text("open")
