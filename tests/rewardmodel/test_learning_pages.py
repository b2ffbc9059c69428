"""The reward model's and acquisition's pages on what an evaluation and a round really store."""

from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from annotation.models import Project, ProjectRole, Run, User
from rewardmodel import selectors
from rewardmodel.models import AcquisitionRound, Checkpoint
from tests.factories import make_completion, make_policy, make_user
from tests.learned import learned, round_opened, savings_told, trained

pytestmark = pytest.mark.django_db

REWARD, ROUNDS = "/projects/kitchen/reward-model/", "/projects/kitchen/acquisition/"


@pytest.fixture
def client(lena: User, project: Project) -> Client:
    client = Client()
    client.force_login(lena)
    return client


@pytest.fixture
def checkpoint(project: Project) -> Checkpoint:
    return trained(learned(project))


def test_pairs_are_counted_without_being_made(project: Project) -> None:
    third = make_policy(project, "third")
    for prompt in project.prompts.all():
        make_completion(prompt, third)
    held = project.prompts.earliest("pk")
    for is_held_out in (False, True):
        project.prompts.filter(pk=held.pk).update(is_held_out=is_held_out)
        pairs = selectors.uncompared_pairs(project)
        assert selectors.uncompared_count(project) == len(pairs) == 2 * (4 - is_held_out)


@pytest.fixture
def opened(project: Project, checkpoint: Checkpoint) -> AcquisitionRound:
    """A round with everything that explains it."""
    found = round_opened(
        project, checkpoint, reason="It helped most so far.",
        weights={"bald": 0.75, "random": 0.25}, cost={"minutes": 12},
    )  # fmt: skip
    found.considered.filter(arm="acquired").update(detail={"entropy": 1.05, "disagreement": 0.2})
    return found


def test_every_part_of_an_evaluation_is_told_drawn_and_given_as_a_file(
    client: Client, project: Project
) -> None:
    trained(learned(project), is_whole=True)
    page = client.get(REWARD).content.decode()
    for words in (
        "The ceiling is people themselves", "Whom does it serve worst?", "Is it bought by looks?",
        "How far can it be pushed?", "Has the world moved?", "get the same chances, exactly.",
        "before the temperature of",
    ):  # fmt: skip
        assert words in page, words
    assert "NaN" not in page
    assert "style=" not in page
    learning, pushed = (
        page.partition(title)[2].partition("</section>")[0]
        for title in ("Would more judgments help?", "How far can it be pushed?")
    )
    assert f'<a href="{ROUNDS}">' in learning
    assert '<a href="/projects/kitchen/prompts/?only=held_out">' in pushed
    assert '<a href="#uses">' in pushed
    for key in ("accuracy", "ceiling", "calibration", "slices", "look", "best-of-n", "drift"):
        rows = client.get(f"{REWARD}?csv={key}").content.decode().splitlines()
        assert len(rows) > 1, key


def test_leads_see_whose_votes_move_it_and_nobody_else(
    client: Client, project: Project, checkpoint: Checkpoint, ana: User
) -> None:
    figure = {"value": -0.02, "low": -0.03, "high": -0.01, "n_votes": 40, "n_prompts": 9}
    checkpoint.metrics |= {
        "people": {
            "n_people": 1, "method": "Newton's steps",
            "pulls": [{"annotator": ana.pk, "n_votes": 12, "moved": 0.31, "turned": 0.08,
                       "log_loss": figure}],
        }
    }  # fmt: skip
    checkpoint.save()
    page = client.get(REWARD).content.decode()
    assert "Without Ana the model would prefer the other response in 8.0%" in page
    assert "It would surely be better without Ana, each looked at alone." in page
    assert "−0.020" in page
    assert "Ana,12,0.31" in client.get(f"{REWARD}?csv=people").content.decode()
    viewer = make_user("vera")
    ProjectRole.objects.create(project=project, user=viewer, role="viewer")
    client.force_login(viewer)
    assert "Whose votes move it" not in client.get(REWARD).content.decode()
    assert "Ana,12" not in client.get(f"{REWARD}?csv=people").content.decode()


def test_slices_can_be_looked_at_one_way_at_a_time(client: Client, checkpoint: Checkpoint) -> None:
    page = client.get(f"{REWARD}?by=region").content.decode()
    assert "north" in page
    assert "Policies: " not in page
    assert client.get(f"{REWARD}?by=nothing").status_code == 200


def test_an_older_ones_figures_can_be_seen_and_others_cannot(
    client: Client, project: Project, checkpoint: Checkpoint
) -> None:
    Checkpoint.objects.update(state="retired")
    page = client.get(f"{REWARD}?checkpoint={checkpoint.pk}").content.decode()
    assert "These are the figures of training" in page
    assert f"Put training {checkpoint.training_run_id} in use" in page
    for wrong in ("0", "x", "9" * 30):
        assert client.get(f"{REWARD}?checkpoint={wrong}").status_code == 404


def test_a_round_is_a_map_with_reasons_and_costs(
    client: Client, project: Project, opened: AcquisitionRound
) -> None:
    page = client.get(ROUNDS).content.decode()
    assert 'class="plot prompt-map"' in page
    n_prompts = opened.considered.values("prompt").distinct().count()
    assert page.count('<a href="/projects/kitchen/prompts/') >= n_prompts
    assert "It helped most so far." in page
    assert "75% bald, 25% random" in page
    assert "some 12 minutes of people" in page
    assert "there is no budget" in page
    assert "outcome open by 1.05 nats, people expected to disagree in 20%" in page
    assert "drawn at random, before anybody looked" in page
    assert "Pairs where a vote tells most about the model" in page
    rows = client.get(f"{ROUNDS}?csv=map").content.decode().splitlines()
    assert len(rows) == 1 + n_prompts


def test_a_round_that_recorded_nothing_more_is_shown_too(
    client: Client, project: Project, opened: AcquisitionRound
) -> None:
    AcquisitionRound.objects.update(detail={}, reason="")
    Project.objects.filter(pk=project.pk).update(acquisition_budget=1000)
    page = client.get(ROUNDS).content.decode()
    assert "prompt-map" not in page
    assert f"{1000 - opened.judgments_wanted:,} of a budget of 1,000 are left." in page


@pytest.mark.parametrize(
    ("figures", "word", "is_offered"),
    [
        ({"saved": 0.4, "low": 0.2, "high": 0.5, "null_high": 0.1}, "It helps", False),
        ({"saved": 0.05, "low": -0.1, "high": 0.2, "null_high": 0.1}, "It cannot be told", True),
        ({"saved": 0.3, "low": 0.1, "high": 0.5, "null_high": 0.35}, "It cannot be told", True),
        ({"saved": -0.3, "low": -0.5, "high": -0.1, "null_high": 0.2}, "It costs labels", True),
        ({}, "Too early to say", False),
    ],
)
def test_where_choosing_does_not_help_random_is_offered(
    client: Client, project: Project, lena: User, opened: AcquisitionRound,
    figures: dict[str, float], word: str, is_offered: bool,
) -> None:  # fmt: skip
    detail = {"labels": [10, 20], "acquired": [0.7, 0.6], "control": [0.7, 0.65]}
    savings_told(project, opened.checkpoint, detail=detail, **figures)
    page = client.get(ROUNDS).content.decode()
    assert "Log-loss on held-out prompts by labels of either arm" in page
    assert word in page
    assert ("Draw at random from now on" in page) is is_offered
    if is_offered:
        client.post(f"{ROUNDS}at-random/")
        project.refresh_from_db()
        assert project.acquisition_function == "random"
        assert project.audit_entries.filter(action="project.update", actor=lena).exists()
        assert "Draw at random from now on" not in client.get(ROUNDS).content.decode()


def test_the_newest_turn_of_the_loop_stands_on_the_overview(
    client: Client, project: Project, opened: AcquisitionRound
) -> None:
    turn = client.get("/projects/kitchen/").context["turn"]
    assert [stage.name for stage in turn.stages] == [
        "Trained", "Gated", "Scored", "Acquired", "Opened", "Opened"
    ]  # fmt: skip
    assert all(stage.at and client.get(stage.href).status_code == 200 for stage in turn.stages)


def test_a_lead_pauses_the_loop_and_lets_it_go_on(
    client: Client, project: Project, lena: User
) -> None:
    assert "Pause the loop" in client.get("/projects/kitchen/").content.decode()
    client.post("/projects/kitchen/loop/pause/", {"paused": "yes"})
    page = client.get("/projects/kitchen/").content.decode()
    assert "The loop is paused: nothing trains or opens a batch by itself." in page
    client.post("/projects/kitchen/loop/pause/", {"paused": "no"})
    project.refresh_from_db()
    assert not project.loop_paused
    assert project.audit_entries.filter(actor=lena, action="project.update").count() == 2


def test_two_responses_are_scored_side_by_side(
    client: Client, project: Project, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:  # fmt: skip
    sent: list[Run] = []
    monkeypatch.setattr("rewardmodel.web.uses.enqueue", sent.append)
    form = {"prompt": "How?", "completion": ["Boil it.", "No."]}
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(f"{REWARD}score/", form)
    (run,) = sent
    assert answer["Location"] == f"{REWARD}?scored={run.pk}#uses"
    assert "A worker is reading." in client.get(f"{REWARD}?scored={run.pk}").content.decode()
    reward = {"mean": 1.25, "sd": 0.5, "novelty": 0.2, "out_of_distribution": True, "rank": 1}
    items = [{"item": at, "criteria": {"overall": reward}, "is_truncated": True} for at in (0, 1)]
    Run.objects.filter(pk=run.pk).update(
        state="succeeded", started_at=timezone.now(), finished_at=timezone.now(),
        result={"checkpoint": checkpoint.pk, "items": items},
    )  # fmt: skip
    page = client.get(f"{REWARD}?scored={run.pk}").content.decode()
    assert "[0.25, 2.25]" in page
    assert "a guess" in page
    assert "Only the beginning" in page
    empty = client.post(f"{REWARD}score/", {"prompt": "", "completion": [""]}, follow=True)
    assert "Give a list of items" in empty.content.decode()


def test_a_package_is_asked_for_and_taken(
    client: Client, checkpoint: Checkpoint, settings: object, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("rewardmodel.web.doors.enqueue", lambda run: None)
    settings.EXPORTS_DIR = tmp_path
    way = f"/checkpoints/{checkpoint.pk}/package/"
    assert "There is no package" in client.get(way, follow=True).content.decode()
    client.post(f"/checkpoints/{checkpoint.pk}/pack/", {"license": "apache-2.0"})
    run = Run.objects.get(kind="packaging")
    assert run.params["license"] == "apache-2.0"
    assert "It is being packaged." in client.get(REWARD).content.decode()
    (tmp_path / "kitchen-reward.zip").write_bytes(b"PK")
    Run.objects.filter(pk=run.pk).update(
        state="succeeded", started_at=timezone.now(), finished_at=timezone.now(),
        result={"folder": "kitchen-reward"},
    )  # fmt: skip
    assert "Download the package" in client.get(REWARD).content.decode()
    taken = client.get(way)
    assert b"".join(taken.streaming_content) == b"PK"
    wrong = client.post(f"/checkpoints/{checkpoint.pk}/pack/", {"license": "?"}, follow=True)
    assert "A license is an identifier" in wrong.content.decode()


@pytest.mark.parametrize(
    ("course", "told"),
    [
        ({"overall": {"length": {"with_length": 0.6, "without_length": 0.62, "cost": 0.02}}},
         "changes log-loss by +0.020 nats: 0.620 instead of 0.600"),
        ({"overall": {"groups": {"Cooks": {"note": "It differs."}}}}, "Pool “Cooks”: It differs."),
        ({"steps": 40, "train_votes": 900, "held_back_votes": 90, "held_back_prompts": 9,
          "stopped_early": True, "truncated_texts": 3}, "stopped early, by 90 votes of 9 prompts"),
    ],
)  # fmt: skip
def test_what_is_worth_knowing_of_the_fit_is_said(
    client: Client, checkpoint: Checkpoint, course: dict[str, object], told: str
) -> None:
    checkpoint.metrics |= {"course": course, "left_out": {"harmless": "Nobody judged it."}}
    checkpoint.save()
    assert told in client.get(REWARD).content.decode()


def test_the_change_against_the_one_before_is_told_with_its_interval(
    client: Client, checkpoint: Checkpoint
) -> None:
    figure = {"value": -0.012, "low": -0.02, "high": 0.004, "n_votes": 687, "n_prompts": 12}
    checkpoint.metrics["previous"] = {
        "checkpoint": checkpoint.pk, "unknown": "", "log_loss": figure, "accuracy": figure,
        "worst": "region: north", "worst_log_loss": figure, "n_groups": 2,
    }  # fmt: skip
    checkpoint.save()
    page = client.get(REWARD).content.decode()
    assert "log-loss −0.012 [−0.020, +0.004] nats, accuracy −1.2 [−2.0, +0.4] points" in page
    assert "Of 2 groups, “region: north” changes worst" in page
    assert f"?checkpoint={checkpoint.pk}" in page
