"""The whole loop through a real worker, a real broker and a real language model.

Prompts in, completions written by SmolLM2, comparisons judged, agreement and audit measured, a
reward model trained, the next batch acquired, and a dataset out: each step by the services and
tasks that pages and commands use, in another process.
"""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from annotation.models import (
    AgreementReport,
    Batch,
    BiasAudit,
    Completion,
    Export,
    Judgment,
    Policy,
    Project,
    Run,
    User,
)
from annotation.services.assignments import assignment_claim
from annotation.services.batches import batch_open, selections_sample
from annotation.services.imports import records_import
from annotation.services.judgments import JudgmentInput, judgment_submit
from annotation.services.projects import policy_create
from annotation.services.runs import run_create
from annotation.tasks import enqueue
from rewardmodel import selectors, services
from rewardmodel.models import AcquisitionRound, Checkpoint, Score, TrainingRun
from tests.factories import make_project, make_user
from tests.workers import wait_for, worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.model, pytest.mark.services]

QUESTIONS = (
    "Name a fruit.", "What is two plus two?", "Say hello.", "Name a colour.", "What is rain?",
    "Name a city.",
)  # fmt: skip
SHORT = {"temperature": 0.9, "max_new_tokens": 12}


def ask(run: Run) -> Run:
    """Sends the run to the worker and waits for a good end."""
    enqueue(run)
    ended = wait_for(run)
    assert ended.state == Run.State.SUCCEEDED, f"{ended}: {ended.error}\n{ended.log}"
    return ended


def import_prompts(project: Project, folder: Path) -> None:
    path = folder / "prompts.jsonl"
    path.write_text("".join(json.dumps({"prompt": q}) + "\n" for q in QUESTIONS))
    run = run_create(
        actor=None, project=project, kind=Run.Kind.IMPORT,
        params={"path": str(path), "name": path.name, "kind": "prompts"},
    )  # fmt: skip
    assert ask(run).result["prompts"] == len(QUESTIONS)


def generate(project: Project) -> list[Policy]:
    policies = [
        policy_create(
            actor=None, project=project, name=name, model="smollm2", system_prompt=system,
            decoding=SHORT,
        )
        for name, system in (("plain", ""), ("brief", "Answer in one word."))
    ]  # fmt: skip
    run = services.generation_request(actor=None, project=project, policies=policies, samples=2)
    assert ask(run).result == {"written": 2 * 2 * len(QUESTIONS), "failed": 0}
    return policies


def judge_everything(project: Project, people: list[User]) -> None:
    """Everybody prefers the longer response, and one of them not always."""
    for number, person in enumerate(people):
        count = 0
        while assignment := assignment_claim(annotator=person, project=project):
            texts = {
                c.position: c.completion.text
                for c in assignment.comparison.candidates.select_related("completion")
            }
            first, second = (len(texts[position]) for position in assignment.display_order)
            count += 1
            prefers_first = (first >= second) != (number == 0 and count % 4 == 0)
            groups = ((0,), (1,)) if prefers_first else ((1,), (0,))
            judgment_submit(
                annotator=person, assignment=assignment, token=uuid4(),
                answer=JudgmentInput(groups=groups),
            )  # fmt: skip


def test_the_loop_closes(tmp_path: Path) -> None:
    project = make_project("Loop", overlap=2, acquisition_size=6, held_out_fraction=0.25)
    people = [make_user(), make_user()]
    with worker("default", "gpu"):
        import_prompts(project, tmp_path)
        generate(project)
        written = Completion.objects.filter(prompt__project=project)
        assert written.filter(seed__isnull=False, mean_logprob__lt=0).exists()

        selections = selections_sample(project=project, per_prompt=3, seed=1)
        batch_open(
            actor=None, project=project, name="First", reason=Batch.Reason.MANUAL,
            selections=selections,
        )  # fmt: skip
        judge_everything(project, people)
        assert Judgment.objects.live().count() == 2 * len(selections)

        for kind in (Run.Kind.AGREEMENT, Run.Kind.AUDIT):
            ask(run_create(actor=None, project=project, kind=kind))
        report = AgreementReport.objects.get(project=project)
        assert report.n_annotators == 2
        assert report.low <= report.estimate <= report.high
        audits = {audit.bias: audit for audit in BiasAudit.objects.filter(project=project)}
        assert audits["length"].detail["share"]["value"] > 0.7

        ask(services.training_request(actor=None, project=project))
        checkpoint = Checkpoint.objects.get(project=project)
        assert checkpoint.state == Checkpoint.State.PROMOTED
        assert Score.objects.filter(checkpoint=checkpoint).count() == written.count()
        assert TrainingRun.objects.get().data_hash

        ask(services.acquisition_request(actor=None, project=project))
        opened = AcquisitionRound.objects.get(project=project)
        assert opened.checkpoint == checkpoint
        arms = (opened.batch, opened.control_batch, opened.evaluation_batch)
        assert sum(arm.comparisons.count() for arm in arms) == 6
        chosen = opened.considered.exclude(arm="passed")
        assert not chosen.filter(prompt__is_held_out=True).exists()
        assert assignment_claim(annotator=people[0], project=project) is not None

        ask(run_create(actor=None, project=project, kind=Run.Kind.EXPORT))
    export = Export.objects.get(project=project)
    assert export.rows == 2 * len(selections)
    assert not selectors.projects_due_for_training(report.created_at)


def test_a_policy_whose_model_cannot_load_says_so() -> None:
    project = make_project("Broken")
    records_import(project=project, kind="prompts", rows=[{"prompt": "Hello?"}])
    policy = policy_create(actor=None, project=project, name="ghost", model="/nowhere/at/all")
    run = services.generation_request(actor=None, project=project, policies=[policy])
    with worker("gpu"):
        enqueue(run)
        ended = wait_for(run)
    assert ended.state == Run.State.FAILED
    assert "/nowhere/at/all" in ended.error
    assert "directory" in ended.error
