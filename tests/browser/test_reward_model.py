"""The reward model's and acquisition's pages in a real browser: they fit, are accessible, act."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from annotation.models import Project, Run, User
from rewardmodel import selectors, services
from rewardmodel.models import AcquisitionRound, Checkpoint, SavingsReport
from tests.browser.conftest import NARROW, WIDE, SitDown
from tests.factories import make_run
from tests.learned import learned, trained

SETTLED = {"wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"}


@pytest.fixture
def checkpoint(project: Project) -> Checkpoint:
    found = learned(project)
    trained(found)
    return trained(found, is_whole=True)


@pytest.fixture
def opened(project: Project, checkpoint: Checkpoint) -> AcquisitionRound:
    """A round with a map, and savings that do not help."""
    pairs = selectors.uncompared_pairs(project)
    found = services.round_open(
        run=make_run(project, Run.Kind.ACQUISITION, state="succeeded"), checkpoint=checkpoint,
        function="bald", seed=3, n_considered=len(pairs), seconds=1.0,
        choices=[
            services.Choice(pair, 1 / (1 + at), {0: "acquired", 1: "control"}.get(at, "passed"))
            for at, pair in enumerate(pairs)
        ],
    )  # fmt: skip
    prompts = {pair.prompt_id for pair in pairs}
    found.detail = {"map": {str(key): [key % 7, key % 5] for key in prompts}}
    found.save()
    SavingsReport.objects.create(
        project=project, training_run=checkpoint.training_run, function="bald",
        cutoff_judgment_id=0, n_acquired=40, n_control=10, saved=0.05, low=-0.1, high=0.2,
        null_high=0.1, verdict="No more than chance.", seed=1, code_version="1",
    )  # fmt: skip
    return found


def fits_and_is_accessible(page: Page) -> None:
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        for size in (WIDE, NARROW):
            page.set_viewport_size({"width": size[0], "height": size[1]})
            over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert over <= 0, size
        found = Axe().run(page).response["violations"]
        bad = {v["id"]: v["nodes"][0]["target"] for v in found if SETTLED & set(v["tags"])}
        assert bad == {}, theme


def test_the_reward_model_is_told_and_rolled_back_by_a_second_click(
    sit_down: SitDown, lena: User, checkpoint: Checkpoint
) -> None:
    page = sit_down(lena, "/projects/kitchen/reward-model/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("finds the preferred response")
    expect(page.get_by_role("img", name="Gain by picking the best of n")).to_be_visible()
    fits_and_is_accessible(page)
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    slices = page.locator("#slices")
    with page.expect_download() as download:
        slices.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "kitchen-slices.csv"
    slices.get_by_role("link", name="region", exact=True).click()
    expect(slices).to_contain_text("north")
    older = Checkpoint.objects.order_by("pk").first()
    page.get_by_text("Use again").click()
    page.get_by_role("button", name=f"Put training {older.training_run_id} in use").click()
    expect(page.get_by_text("of Kitchen is in use.")).to_be_visible()
    older.refresh_from_db()
    assert older.state == Checkpoint.State.PROMOTED


def test_a_round_is_a_map_and_random_is_one_click_away(
    sit_down: SitDown, lena: User, project: Project, opened: AcquisitionRound
) -> None:
    page = sit_down(lena, "/projects/kitchen/acquisition/")
    expect(page.locator(".prompt-map")).to_be_visible()
    fits_and_is_accessible(page)
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    with page.expect_download() as download:
        page.locator("figure").get_by_role("link", name="CSV").first.click()
    assert download.value.suggested_filename == "kitchen-map.csv"
    page.locator(".prompt-map .is-acquired").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("eggs")
    page.go_back()
    page.get_by_role("button", name="Draw at random from now on").click()
    expect(page.get_by_text("The next batches are drawn at random.")).to_be_visible()
    project.refresh_from_db()
    assert project.acquisition_function == "random"


def test_the_turn_of_the_loop_is_told_and_paused(
    sit_down: SitDown, lena: User, project: Project, opened: AcquisitionRound
) -> None:
    page = sit_down(lena, "/projects/kitchen/")
    turn = page.locator("#turn")
    expect(turn.get_by_role("listitem")).to_have_count(6)
    fits_and_is_accessible(page)
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    turn.get_by_role("button", name="Pause the loop").click()
    expect(page.locator("#turn")).to_contain_text("The loop is paused")
    expect(page.get_by_role("button", name="Let the loop go on")).to_be_visible()
    project.refresh_from_db()
    assert project.loop_paused
