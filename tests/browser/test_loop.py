"""The loop as people see it: judge by keyboard, watch it close as lead, take the data home.

A real worker with the real language model does the work behind the pages.
"""

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotation.models import Batch, Judgment, Pool, Project, User
from annotation.services.batches import batch_open, selections_sample
from tests.browser.conftest import SitDown
from tests.browser.test_annotate import press, submit_and_wait
from tests.factories import (
    PASSWORD,
    make_batch,
    make_completion,
    make_policy,
    make_project,
    make_prompt,
)
from tests.workers import worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.model, pytest.mark.services]

WORK_MS = 120_000


@pytest.fixture
def kitchen(pool: Pool) -> Project:
    """Six questions with three responses each; one pair of each is open, two of them held out."""
    project = make_project(
        "Kitchen", pool=pool, overlap=2, acquisition_size=4, retrain_automatically=False
    )
    policies = [make_policy(project, name) for name in ("terse", "wordy", "odd")]
    for number in range(6):
        prompt = make_prompt(project, f"How long do I boil {number} eggs?", is_held_out=number < 2)
        for policy, text in zip(
            policies,
            (f"{number + 6} minutes.", "It depends on the size of the eggs. " * 3, "No."),
            strict=True,
        ):
            make_completion(prompt, policy, text)
    batch_open(
        actor=None, project=project, name="First", reason=Batch.Reason.MANUAL,
        selections=selections_sample(project=project, per_prompt=1, seed=3),
    )  # fmt: skip
    return project


@pytest.fixture
def menus(pool: Pool) -> Project:
    project = make_project("Menus", pool=pool, kind="ranking", candidates=3, overlap=1)
    prompt, policy = make_prompt(project), make_policy(project)
    make_batch(project, [make_completion(prompt, policy, f"Menu {n}") for n in range(3)])
    return project


def sign_in(page: Page, name: str) -> None:
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Enter")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def judge_pairs(page: Page, keys: tuple[str, ...]) -> None:
    page.goto("/judge/kitchen/")
    for key in keys:
        expect(page.locator("#comparison")).to_be_visible()
        press(page, key)
        submit_and_wait(page)


def test_the_loop_closes_in_the_browser(
    sit_down: SitDown, ana: User, ben: User, lena: User, kitchen: Project, menus: Project,
    tmp_path: Path,
) -> None:  # fmt: skip
    page = sit_down()
    sign_in(page, "ana")
    judge_pairs(page, ("1", "2", "t", "6", "7", "1"))
    page.goto("/judge/menus/")
    press(page, "b 1 a 2 c 3")
    submit_and_wait(page)
    assert Judgment.objects.get(comparison__project=menus).groups
    judge_pairs(sit_down(ben), ("1", "1", "t", "7", "6", "2"))
    assert Judgment.objects.live().filter(comparison__project=kitchen).count() == 12

    lead = sit_down()
    sign_in(lead, "lena")
    with worker("default"):
        lead.goto("/projects/kitchen/agreement/")
        lead.get_by_role("button", name="Measure now").click()
        expect(lead.get_by_role("main")).to_contain_text("on 6 items", timeout=WORK_MS)

        lead.goto("/projects/kitchen/reward-model/")
        lead.get_by_role("button", name="Train").click()
        expect(lead.get_by_role("button", name="Train again")).to_be_enabled(timeout=WORK_MS)

        lead.goto("/projects/kitchen/acquisition/")
        lead.get_by_role("button", name="Open the next batch").click()
        expect(lead.get_by_role("main")).to_contain_text("Round 1", timeout=WORK_MS)
        assert Batch.objects.filter(reason=Batch.Reason.ACQUISITION).count() == 1

        lead.goto("/projects/kitchen/exports/")
        lead.get_by_role("button", name="Write a release").click()
        download = lead.get_by_role("link", name="Download")
        expect(download).to_be_visible(timeout=WORK_MS)
        with lead.expect_download() as taken:
            download.click()
    archive = tmp_path / "release.zip"
    taken.value.save_as(archive)
    with zipfile.ZipFile(archive) as found:
        assert {Path(name).name for name in found.namelist()} >= {"README.md", "train.jsonl"}

    again = sit_down(ana, "/judge/kitchen/")
    expect(again.locator("#comparison")).to_be_visible()
