"""The reward model's and acquisition's pages in a real browser: they fit, are accessible, act."""

import pytest
from playwright.sync_api import expect

from annotation.models import Project, User
from rewardmodel.models import AcquisitionRound, Checkpoint
from tests.browser.conftest import SitDown
from tests.browser.fitting import fits_and_is_accessible
from tests.learned import learned, round_opened, savings_told, trained


@pytest.fixture
def checkpoint(project: Project) -> Checkpoint:
    found = learned(project)
    trained(found)
    return trained(found, is_whole=True)


@pytest.fixture
def opened(project: Project) -> AcquisitionRound:
    """A round with a map, and savings that do not help."""
    checkpoint = trained(learned(project))
    savings_told(project, checkpoint, saved=0.05, low=-0.1, high=0.2, null_high=0.1)
    return round_opened(project, checkpoint)


def test_the_reward_model_is_told_and_rolled_back_by_a_second_click(
    sit_down: SitDown, lena: User, checkpoint: Checkpoint
) -> None:
    page = sit_down(lena, "/projects/kitchen/reward-model/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("finds the preferred response")
    expect(page.get_by_role("img", name="Gain by picking the best of n")).to_be_visible()
    fits_and_is_accessible(page)
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
    turn.get_by_role("button", name="Pause the loop").click()
    expect(page.locator("#turn")).to_contain_text("The loop is paused")
    expect(page.get_by_role("button", name="Let the loop go on")).to_be_visible()
    project.refresh_from_db()
    assert project.loop_paused
