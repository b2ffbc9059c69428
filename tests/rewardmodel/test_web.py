"""The overview and the machine half's pages, with metrics as a training really stores them."""

from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import pytest
from django.test import Client
from django.urls import URLPattern, reverse
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from annotation.models import AgreementReport, Membership, Pool, Project, Run, User
from rewardmodel import urls
from rewardmodel.core import evaluate, leaderboard
from rewardmodel.core.pairs import Votes
from rewardmodel.models import AcquisitionRound, Checkpoint, Score, TrainingRun
from rewardmodel.selectors import uncompared_pairs
from rewardmodel.services import Choice, checkpoint_promote, round_open, training_succeed
from tests.factories import (
    judge,
    make_completion,
    make_policy,
    make_project,
    make_prompt,
    make_run,
    make_user,
)

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
Train = Callable[..., Checkpoint]


@pytest.fixture
def client(lena: User, project: Project) -> Client:
    client = Client()
    client.force_login(lena)
    return client


def measured(n: int = 400, *, prompts: int = 40) -> tuple[evaluate.Evaluation, Votes]:
    """An evaluation of a model that is right more often than not, on n simulated votes."""
    random = np.random.default_rng(5)
    votes = Votes(
        first=np.arange(n) % 50, second=50 + np.arange(n) % 50,
        outcome=random.integers(0, 2, n), weight=np.ones(n),
        prompt=np.arange(n) % max(prompts, 1), annotator=np.arange(n) % 7,
    )  # fmt: skip
    sure = np.where(votes.outcome == 0, 0.62, 0.34) + random.uniform(-0.2, 0.2, n)
    chances = np.column_stack([sure * 0.9, (1 - sure) * 0.9, np.full(n, 0.1)])
    lengths = random.integers(10, 1000, 100)
    return evaluate.evaluate(chances, votes, lengths, seed=3), votes


def metrics(project: Project, *, held_out: bool = True) -> dict[str, object]:
    """What the training job stores, made by the same functions."""
    found, votes = measured()
    nothing, _ = measured(0)
    policies = list(project.policies.all())
    of_policies = Votes(
        first=np.zeros(60, int) + policies[0].pk, second=np.zeros(60, int) + policies[1].pk,
        outcome=np.arange(60) % 3, weight=np.ones(60), prompt=np.arange(60) % 9,
        annotator=np.arange(60) % 6,
    )  # fmt: skip
    board = asdict(leaderboard.leaderboard(of_policies, seed=1, resamples=20))
    for standing in board["standings"]:
        standing["name"] = str(project.policies.get(pk=standing["policy"]))
    figure = found.accuracy if held_out else nothing.accuracy
    points = [evaluate.CurvePoint(count, figure, found.log_loss) for count in (40, 200, 400)]
    return {
        "held_out": (found if held_out else nothing).to_dict(),
        "cross_validation": found.to_dict(),
        "learning_curve": [asdict(point) for point in points],
        "leaderboard": board,
        "n_train_votes": len(votes),
    }


@pytest.fixture
def train(project: Project) -> Train:
    """A training that has ended with a checkpoint, promoted or not."""

    def made(*, is_promoted: bool = True, held_out: bool = True) -> Checkpoint:
        run = make_run(project, Run.Kind.TRAINING, state="succeeded", message="Not worse.")
        training = TrainingRun.objects.create(
            project=project, criterion=project.criteria.get(key="overall"), run=run,
            cutoff_judgment_id=0, seed=7, code_version="1",
        )  # fmt: skip
        return training_succeed(
            training=training, n_judgments=400, n_preferences=400, data_hash="d" * 64,
            folder=f"kitchen/{run.pk}", extractor="smollm2", sha256="c" * 64,
            metrics=metrics(project, held_out=held_out), is_promoted=is_promoted,
            reason="Not worse: log-loss 0.61 against 0.63.",
        )  # fmt: skip

    return made


def things(project: Project, train: Train) -> dict[str, object]:
    return {"slug": project.slug, "checkpoint_id": train().pk}


@pytest.mark.parametrize("pattern", urls.urlpatterns, ids=lambda pattern: pattern.name)
def test_every_page_exists_for_its_lead_only(
    pattern: URLPattern, project: Project, pool: Pool, train: Train, lena: User, ana: User,
    otto: User,
) -> None:  # fmt: skip
    known = things(project, train)
    names = pattern.pattern.converters
    path = reverse(f"rewardmodel:{pattern.name}", kwargs={name: known[name] for name in names})
    vera = make_user("vera")
    Membership.objects.create(pool=pool, user=vera, role=Membership.Role.VIEWER)

    def knock(user: User | None) -> set[int]:
        client = Client()
        if user is not None:
            client.force_login(user)
        return {client.get(path).status_code, client.post(path).status_code}

    assert knock(None) == {302}
    assert knock(otto) <= {404, 405}
    assert knock(ana) <= {404, 405}
    assert 404 in knock(ana)
    assert knock(vera) in ({200, 405}, {404, 405})
    assert knock(lena) <= {200, 302, 405, 409, 422}


def headline(client: Client, project: Project) -> tuple[str, str]:
    found = client.get(f"/projects/{project.slug}/").context["headline"]
    return found.sentence, found.action


def test_the_overview_says_what_to_do_next_from_the_first_day_on(
    client: Client, pool: Pool, ana: User, train: Train, project: Project
) -> None:
    fresh = make_project("Fresh", pool=pool, overlap=1)
    assert headline(client, fresh) == ("Nothing has been asked yet.", "Import prompts")
    prompt = make_prompt(fresh)
    assert headline(client, fresh) == ("1 prompts wait for responses.", "Generate responses")
    for policy in (make_policy(fresh), make_policy(fresh)):
        make_completion(prompt, policy)
    assert headline(client, fresh)[1] == "Open a batch"
    assert headline(client, project) == (
        "0 judgments are in and 8 are still wanted.", "Invite people"
    )  # fmt: skip
    project.batches.update(state="paused")
    assert headline(client, project)[0] == "Nothing is open; 8 judgments wait in paused batches."
    project.batches.update(state="closed", closed_at=timezone.now())
    assert headline(client, project)[1] == "Train the reward model"
    train()
    assert headline(client, project)[1] == "Open the next batch"
    make_run(project, Run.Kind.ACQUISITION, state="succeeded", result={"opened": 0})
    assert headline(client, project)[1] == "Generate responses"
    make_run(project, Run.Kind.EXPORT, state="failed", error="The disk is full.")
    assert headline(client, project) == ("Exports: the last run failed.", "See why")


def test_the_loop_is_drawn_with_every_step_a_link(client: Client, project: Project) -> None:
    answer = client.get("/projects/kitchen/")
    page = answer.content.decode()
    keys = [step.key for step in answer.context["steps"]]
    assert len(keys) == 10
    for name in ("wide", "narrow"):
        for key in keys:
            assert f'<a id="{name}-{key}" href="/projects/kitchen/' in page
    assert "4 prompts" in page.replace('<tspan class="loop-unit">', "").replace("  ", " ")
    assert "style=" not in page


def test_every_way_of_the_picture_starts_and_ends_at_a_step(
    client: Client, project: Project
) -> None:
    wide, narrow = client.get("/projects/kitchen/").context["pictures"]
    for picture in (wide, narrow):
        assert len(picture.ways) == 10
        assert all(node.x >= 0 and node.right <= picture.width for node in picture.nodes)
        assert all(node.y + node.height <= picture.height for node in picture.nodes)
        boxes = [(n.x, n.y) for n in picture.nodes]
        assert len(set(boxes)) == 10


def test_a_poll_answers_only_what_is_new(client: Client, project: Project, ana: User) -> None:
    seen = client.get("/projects/kitchen/").context["seen"]
    poll = f"/projects/kitchen/?seen={seen}"
    assert client.get(poll, headers=HTMX).status_code == 204
    judge(ana, project)
    answer = client.get(poll, headers=HTMX)
    assert answer.status_code == 200
    assert answer.content.decode().lstrip().startswith('<div id="loop"')
    assert "<html" not in answer.content.decode()


def test_agreement_reaches_the_overview(client: Client, project: Project) -> None:
    AgreementReport.objects.create(
        project=project, criterion=project.criteria.get(key="overall"), estimate=-0.114,
        low=-0.2, high=0.05, n_judgments=9, n_annotators=3, n_comparisons=4, method="m", seed=1,
        code_version="1",
    )  # fmt: skip
    steps = client.get("/projects/kitchen/").context["steps"]
    step = next(step for step in steps if step.key == "agreement")
    assert (step.figure, step.unit) == ("−0.11", "alpha [−0.20, 0.05]")
    assert step.detail == "n 4 · not audited"


def test_no_reward_model_yet_is_said_and_can_be_asked_for(
    client: Client, project: Project, ana: User, monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:  # fmt: skip
    sent: list[Run] = []
    monkeypatch.setattr("rewardmodel.web.doors.enqueue", sent.append)
    page = client.get("/projects/kitchen/reward-model/").content.decode()
    assert "There is no reward model yet." in page
    assert client.post("/projects/kitchen/reward-model/train/").status_code == 422
    judge(ana, project)
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/projects/kitchen/reward-model/train/")
    assert [run.kind for run in sent] == ["training"]
    assert client.post("/projects/kitchen/reward-model/train/").status_code == 409


def test_accuracy_stands_beside_the_longer_one_on_the_same_axis(
    client: Client, train: Train
) -> None:
    checkpoint = train()
    held_out = checkpoint.metrics["held_out"]
    page = client.get("/projects/kitchen/reward-model/").content.decode()
    accuracy = held_out["accuracy"]
    assert f"{100 * accuracy['value']:.1f}% of the time" in page
    assert f"the longer one wins” does {100 * held_out['longer_wins']['value']:.1f}%" in page
    assert 'class="estimate tone-second"' in page
    assert "Not worse: log-loss 0.61 against 0.63." in page
    for key in ("learning-curve", "calibration"):
        assert f'id="{key}-t"' in page
    rows = client.get("/projects/kitchen/reward-model/?csv=calibration").content.decode()
    assert len(rows.splitlines()) == 1 + len(held_out["bins"])


def test_without_held_out_votes_the_folds_speak_and_say_so(client: Client, train: Train) -> None:
    train(held_out=False)
    page = client.get("/projects/kitchen/reward-model/").content.decode()
    assert "on prompts that it did not learn from" in page
    assert "The curve needs judged held-out prompts" in page
    assert "There is no such vote on these prompts yet." in page


def test_scores_are_shown_with_their_uncertainty_and_a_link(
    client: Client, project: Project, train: Train
) -> None:
    checkpoint = train()
    completion = project.prompts.first().completions.first()
    Score.objects.create(
        checkpoint=checkpoint, completion=completion, mean=1.5, sd=0.25,
        criterion=checkpoint.training_run.criterion,
    )  # fmt: skip
    page = client.get("/projects/kitchen/reward-model/").content.decode()
    assert f"/projects/kitchen/prompts/{completion.prompt_id}/" in page
    csv = client.get("/projects/kitchen/reward-model/?csv=scores").content.decode()
    assert "1.5,1.0,2.0" in csv


def test_a_lead_rolls_back(client: Client, train: Train, lena: User) -> None:
    old, new = train(), train()
    page = client.get("/projects/kitchen/reward-model/").content.decode()
    assert f"/checkpoints/{old.pk}/promote/" in page
    assert f"/checkpoints/{new.pk}/promote/" not in page
    client.post(f"/checkpoints/{old.pk}/promote/")
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.state, new.state) == ("promoted", "retired")


def test_standings_are_drawn_with_intervals(client: Client, train: Train) -> None:
    board = train().metrics["leaderboard"]
    page = client.get("/projects/kitchen/leaderboard/").content.decode()
    assert "60 votes of 6 annotators" in page
    for standing in board["standings"]:
        assert standing["name"] in page
    assert page.count('class="estimate tone-first"') == 2
    assert "cannot be told apart from" in page
    assert "Bradley-Terry" in page


def test_a_leaderboard_without_training_says_how_to_get_one(client: Client) -> None:
    page = client.get("/projects/kitchen/leaderboard/").content.decode()
    assert "Train the reward model first" in page


@pytest.fixture
def opened(project: Project) -> AcquisitionRound:
    """A round that weighed six pairs and opened two by utility and one at random."""
    third = make_policy(project, "third")
    for prompt in project.prompts.all()[:3]:
        make_completion(prompt, third)
    pairs = uncompared_pairs(project)
    arms = ["acquired", "acquired", "control", *["passed"] * (len(pairs) - 3)]
    return round_open(
        run=make_run(project, Run.Kind.ACQUISITION, state="succeeded"), checkpoint=None,
        function="bald", seed=3, n_considered=len(pairs), seconds=1.25,
        choices=[
            Choice(pair, 1 - number / 10, arm)
            for number, (pair, arm) in enumerate(zip(pairs, arms, strict=True))
        ],
    )  # fmt: skip


def test_a_round_shows_what_it_weighed_and_chose(
    client: Client, project: Project, opened: AcquisitionRound
) -> None:
    page = client.get("/projects/kitchen/acquisition/").content.decode()
    assert "weighed 6 pairs and opened 3, 1 of them at random" in page
    assert 'class="bar bar-marked"' in page
    assert page.count("</span>chosen</span>") == 2
    assert f"/projects/kitchen/batches/{opened.batch_id}/" in page
    csv = client.get("/projects/kitchen/acquisition/?csv=chosen").content.decode()
    assert csv.count("acquired") == 2
    assert csv.count("control") == 1
    assert client.get("/projects/kitchen/acquisition/?round=999999").status_code == 404
    assert client.get("/projects/kitchen/acquisition/?round=x").status_code == 404


def test_no_round_yet_says_what_there_is_to_choose_from(client: Client, project: Project) -> None:
    page = client.get("/projects/kitchen/acquisition/").content.decode()
    assert "The loop has not chosen a batch yet." in page
    assert "There is no pair left that nobody was asked about." in page
    assert "Without a reward model pairs are drawn at random." in page


def test_generation_asks_for_what_is_missing(
    client: Client, project: Project, monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:  # fmt: skip
    sent: list[Run] = []
    monkeypatch.setattr("rewardmodel.web.doors.enqueue", sent.append)
    writer = make_policy(project, "writer", provider="transformers", model="smollm2")
    form = {"policies": [str(writer.pk)], "samples": "2"}
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/projects/kitchen/generate/", form)
    assert sent[0].params["policy_ids"] == [writer.pk]
    assert sent[0].params["samples"] == 2
    answer = client.post("/projects/kitchen/generate/", {"policies": []}, follow=True)
    assert "Choose at least one policy." in answer.content.decode()


def test_promoting_is_logged_with_the_person(project: Project, train: Train, lena: User) -> None:
    checkpoint_promote(actor=lena, checkpoint=train(is_promoted=False))
    assert project.audit_entries.filter(action="checkpoint.promote", actor=lena).exists()
