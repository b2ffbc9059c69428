"""Rewards for texts that are not stored: over REST, by command, through a real worker."""

import json

import pytest
from click.testing import CliRunner
from django.utils import timezone

from alignui.commands import score
from annotation.core.errors import AlignUIError, Conflict, Invalid
from annotation.models import AuditEntry, Run
from annotation.services.runs import RunHandle
from rewardmodel import tasks
from rewardmodel.api import work as reward_api
from rewardmodel.core.scored_items import MOST_ITEMS, checked_items
from rewardmodel.jobs.score import scoring_work
from rewardmodel.services.uses import scoring_request, scoring_texts_forget
from rewardmodel.web import uses as uses_page
from tests.rest import error
from tests.rewardmodel.deep_checkpoint import make_deep_checkpoint
from tests.workers import worker

ITEMS = [
    {"prompt": "Question 90?", "completion": "no 1"},
    {"messages": [{"role": "user", "content": "Question 90?"}], "completion": "yes! 1"},
    {"prompt": "Another?", "completion": "\x01\x02" * 30},
]


@pytest.fixture
def checkpoint(project, settings, tmp_path):
    settings.CHECKPOINTS_DIR = tmp_path
    return make_deep_checkpoint(project)


@pytest.mark.django_db
def test_items_are_scored_ranked_and_flagged(checkpoint, project):
    run = scoring_request(actor=None, project=project, items=ITEMS)
    result = scoring_work(RunHandle(run))
    assert result["checkpoint"] == checkpoint.pk
    first, second, strange = (item["criteria"] for item in result["items"])
    assert second["overall"]["mean"] > first["overall"]["mean"]
    assert (first["overall"]["rank"], second["overall"]["rank"]) == (2, 1)
    assert (first["honest"]["rank"], second["honest"]["rank"]) == (1, 2)
    assert strange["overall"]["rank"] is None
    assert strange["overall"]["out_of_distribution"]
    assert second["overall"]["sd"] > 0
    assert [item["is_truncated"] for item in result["items"]] == [False, False, False]
    json.dumps(result, allow_nan=False)


@pytest.mark.django_db
def test_a_text_that_is_too_long_is_marked(checkpoint, project):
    run = scoring_request(
        actor=None, project=project, items=[{"prompt": "Hm?", "completion": "long " * 100}]
    )
    (item,) = scoring_work(RunHandle(run))["items"]
    assert item["is_truncated"]


def test_without_a_worker_the_run_is_answered(api, lena, checkpoint, project):
    response = api(lena).post("projects/kitchen/score", {"items": ITEMS, "wait": 0.2})
    assert response.status_code == 202
    run = Run.objects.get(kind=Run.Kind.SCORING)
    assert response["Location"] == f"/api/v1/runs/{run.pk}"
    assert (run.requested_by, run.queue) == (lena, "gpu")
    entry = AuditEntry.objects.get(action="run.scoring")
    assert entry.detail == {"checkpoint": checkpoint.pk, "items": 3}


def test_a_run_that_fails_says_why(api, lena, checkpoint, project, settings, monkeypatch):
    (settings.CHECKPOINTS_DIR / checkpoint.folder / "doubt.safetensors").unlink()
    monkeypatch.setattr(reward_api, "enqueue", lambda run: tasks.run_scoring(run.pk))
    response = api(lena).post("projects/kitchen/score", {"items": ITEMS})
    assert response.status_code == 503
    assert "Train again" in error(response)["message"]


def test_scored_texts_are_forgotten_and_those_of_a_failed_run_are_not(
    api, lena, checkpoint, project, monkeypatch
):
    monkeypatch.setattr(reward_api, "enqueue", lambda run: tasks.run_scoring(run.pk))
    secret = {"prompt": "Who has which illness?", "completion": "yes!  1 " + "and " * 40 + "you"}
    failed = scoring_request(actor=None, project=project, items=[secret])
    at = timezone.now()
    Run.objects.filter(pk=failed.pk).update(
        state=Run.State.FAILED, started_at=at, finished_at=at, error="No memory."
    )
    told = api(lena).post("projects/kitchen/score", {"items": [secret]}).json()
    run = Run.objects.get(kind=Run.Kind.SCORING, state=Run.State.SUCCEEDED)
    (kept,) = run.params["items"]
    assert kept == {"completion": "yes! 1 " + "and " * 13 + "an"}
    assert told["items"] == run.result["items"]
    (row,) = uses_page.scored_told(project, str(run.pk)).rows
    assert row.label == "yes! 1 " + "and " * 13 + "…"
    assert row.value == run.result["items"][0]["criteria"]["overall"]["mean"]
    failed.refresh_from_db()
    assert failed.params["items"][0]["completion"] == secret["completion"]
    assert scoring_texts_forget() == 0


@pytest.mark.parametrize(
    ("items", "field"),
    [
        ([], "items"),
        ("all", "items"),
        ([{"prompt": "a", "completion": "b"}] * (MOST_ITEMS + 1), "items"),
        ([ITEMS[0], {"prompt": "a"}], "items[1].completion"),
        ([{"prompt": "", "completion": "b"}], "items[0].prompt"),
        ([{"completion": "b"}], "items[0]"),
        ([{"prompt": "a", "completion": "b", "text": "c"}], "items[0].text"),
        ([{"messages": [{"role": "robot", "content": "a"}], "completion": "b"}],
         "items[0].messages[0].role"),
        ([7], "items[0]"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(items, field):
    with pytest.raises(Invalid) as refused:
        checked_items(items)
    assert refused.value.field == field


def test_refusals_over_rest(api, lena, otto, project):
    body = {"items": ITEMS[:1]}
    assert error(api(lena).post("projects/kitchen/score", body))["message"] == (
        "No reward model is in use yet."
    )
    assert api(lena).post("projects/kitchen/score", {**body, "checkpoint": 9}).status_code == 404
    assert api(lena).post("projects/kitchen/score", {"items": [{}]}).status_code == 422
    assert api(otto).post("projects/kitchen/score", body).status_code == 404
    assert not Run.objects.filter(kind=Run.Kind.SCORING).exists()


def command(*arguments):
    result = CliRunner().invoke(score.command, list(map(str, arguments)))
    if isinstance(result.exception, AlignUIError):
        raise result.exception
    return result


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_a_worker_scores(api, lena, project, tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://tests/")
    checkpoint = make_deep_checkpoint(project)
    file = tmp_path / "texts.jsonl"
    file.write_text("".join(json.dumps(item) + "\n" for item in ITEMS))
    from rewardmodel.core import scored_items

    monkeypatch.setattr(score, "MOST_ITEMS", 2)
    assert scored_items.MOST_ITEMS > 2
    with worker("gpu"):
        lines = [json.loads(line) for line in command(project.slug, file).stdout.splitlines()]
        response = api(lena).post("projects/kitchen/score", {"items": ITEMS})
    assert [line["item"] for line in lines] == [0, 1, 2]
    assert response.status_code == 200
    told = response.json()
    assert told["checkpoint"] == lines[0]["checkpoint"] == checkpoint.pk
    for line, item in zip(lines, told["items"], strict=True):
        ours, theirs = line["criteria"]["overall"], item["criteria"]["overall"]
        assert ours["mean"] == pytest.approx(theirs["mean"], abs=1e-5)


@pytest.mark.django_db(transaction=True)
def test_the_command_refuses_in_words(project, tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://tests/")
    file = tmp_path / "texts.jsonl"
    file.write_text('{"prompt": "a", "completion": "b"}\n{half')
    with pytest.raises(Invalid, match="Line 2 is not JSON"):
        command(project.slug, file)
    with pytest.raises(Invalid, match="--prompt"):
        command(project.slug)
    with pytest.raises(Conflict, match="No reward model is in use"):
        command(project.slug, "--prompt", "a", "--completion", "b")
