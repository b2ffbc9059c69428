"""Each guarantee of the database, attacked from outside the services, alone and by many at once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from annotation.models import (
    Assignment,
    AuditEntry,
    Batch,
    Candidate,
    Comparison,
    Completion,
    Criterion,
    CriterionAnswer,
    Export,
    Judgment,
    Policy,
    Project,
    Prompt,
    Rewrite,
    Run,
    Span,
    User,
)
from annotation.services.assignments import assignment_claim
from annotation.services.judgments import JudgmentInput, judgment_submit
from annotation.services.lanes import batch_queue
from annotation.services.runs import run_create_unless_live
from rewardmodel.models import Checkpoint, TrainingRun
from rewardmodel.services import training_start

pytestmark = pytest.mark.django_db(transaction=True)

CROWD = 12


def make_comparison(*, overlap: int = 3) -> Comparison:
    project = Project.objects.create(name="Held", slug=f"held-{uuid4().hex[:8]}", overlap=overlap)
    Criterion.objects.create(project=project, key="overall", name="Overall")
    prompt = Prompt.objects.create(
        project=project, messages=[{"role": "user", "content": "Why?"}], content_hash="0" * 64
    )
    policy = Policy.objects.create(project=project, name="one", provider="recorded")
    batch = Batch.objects.create(project=project, name="First", reason="manual", seed=1)
    comparison = Comparison.objects.create(
        project=project, batch=batch, prompt=prompt, kind="pairwise", overlap=overlap
    )
    for index in range(2):
        completion = Completion.objects.create(
            prompt=prompt, policy=policy, sample_index=index, text=f"Because {index}."
        )
        Candidate.objects.create(comparison=comparison, completion=completion, position=index)
    batch_queue(batch=batch)
    comparison.refresh_from_db()
    return comparison


def make_people(count: int) -> list[User]:
    return [User.objects.create_user(f"person-{uuid4().hex[:8]}") for _ in range(count)]


def lease(comparison: Comparison, annotator: User) -> Assignment:
    now = timezone.now()
    return Assignment.objects.create(
        comparison=comparison, annotator=annotator, display_order=[0, 1],
        leased_at=now, expires_at=now + timedelta(minutes=20),
    )  # fmt: skip


def judge(assignment: Assignment, **fields: object) -> Judgment:
    given: dict[str, object] = {
        "comparison": assignment.comparison, "annotator": assignment.annotator,
        "assignment": assignment, "idempotency_token": uuid4(), "groups": [[0], [1]],
        "source": "web",
    } | fields  # fmt: skip
    return Judgment.objects.create(**given)


def at_once(work: Callable[[int], object], count: int = CROWD) -> list[object]:
    """Runs `work` in threads that start together; an exception is a result like any other."""
    gate = threading.Barrier(count)

    def one(index: int) -> object:
        gate.wait()
        try:
            return work(index)
        except Exception as error:  # noqa: BLE001 - every outcome is what the test looks at
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))


def test_overlap_is_exact_when_leases_are_inserted_at_once() -> None:
    comparison = make_comparison(overlap=3)
    people = make_people(CROWD)

    outcomes = at_once(lambda index: lease(comparison, people[index]))

    assert sum(isinstance(outcome, Assignment) for outcome in outcomes) == 3
    assert sum(isinstance(outcome, IntegrityError) for outcome in outcomes) == CROWD - 3
    comparison.refresh_from_db()
    assert (comparison.taken, comparison.judged) == (3, 0)


def test_overlap_is_exact_when_annotators_claim_and_submit_at_once() -> None:
    comparison = make_comparison(overlap=5)
    people = make_people(CROWD)

    def claim_and_submit(index: int) -> Judgment | None:
        assignment = assignment_claim(annotator=people[index], project=comparison.project)
        if assignment is None:
            return None
        return judgment_submit(
            annotator=people[index], assignment=assignment, token=uuid4(),
            answer=JudgmentInput(groups=((0,), (1,))),
        )  # fmt: skip

    outcomes = at_once(claim_and_submit)

    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert outcomes.count(None) == CROWD - 5
    comparison.refresh_from_db()
    assert (comparison.taken, comparison.judged) == (5, 5)
    assert Judgment.objects.filter(comparison=comparison).count() == 5


def test_overlap_cannot_be_lowered_below_what_is_taken() -> None:
    comparison = make_comparison(overlap=2)
    for person in make_people(2):
        lease(comparison, person)

    with pytest.raises(IntegrityError, match="comparison_taken_within_overlap"):
        Comparison.objects.filter(pk=comparison.pk).update(overlap=1)


@pytest.mark.parametrize("state", ["expired", "released"])
def test_an_ended_lease_gives_its_place_back(state: str) -> None:
    comparison = make_comparison(overlap=1)
    first, second = make_people(2)
    assignment = lease(comparison, first)

    Assignment.objects.filter(pk=assignment.pk).update(state=state, closed_at=timezone.now())

    lease(comparison, second)
    with pytest.raises(IntegrityError, match="comparison_taken_within_overlap"):
        Assignment.objects.filter(pk=assignment.pk).update(state="leased", closed_at=None)


def test_deleting_an_assignment_gives_its_place_back() -> None:
    comparison = make_comparison(overlap=1)
    assignment = lease(comparison, make_people(1)[0])
    assignment.delete()
    comparison.refresh_from_db()
    assert comparison.taken == 0


def test_one_live_assignment_per_annotator_and_comparison() -> None:
    comparison = make_comparison(overlap=5)
    (person,) = make_people(1)

    outcomes = at_once(lambda index: lease(comparison, person))

    assert sum(isinstance(outcome, Assignment) for outcome in outcomes) == 1
    refused = [outcome for outcome in outcomes if isinstance(outcome, IntegrityError)]
    assert all("assignment_live_once" in str(outcome) for outcome in refused)
    comparison.refresh_from_db()
    assert comparison.taken == 1


def test_two_tabs_of_one_annotator_share_a_lease() -> None:
    comparison = make_comparison(overlap=5)
    (person,) = make_people(1)

    outcomes = at_once(lambda index: assignment_claim(annotator=person, project=comparison.project))

    assert len({outcome.pk for outcome in outcomes if isinstance(outcome, Assignment)}) == 1
    assert Assignment.objects.count() == 1


def test_an_assignment_keeps_what_was_shown() -> None:
    assignment = lease(make_comparison(), make_people(1)[0])
    with pytest.raises(IntegrityError, match="keeps its comparison, annotator, order and purpose"):
        Assignment.objects.filter(pk=assignment.pk).update(display_order=[1, 0])


def test_one_chain_of_judgments_per_annotator_and_comparison() -> None:
    assignment = lease(make_comparison(), make_people(1)[0])

    outcomes = at_once(lambda index: judge(assignment))

    assert sum(isinstance(outcome, Judgment) for outcome in outcomes) == 1
    assert Judgment.objects.live().count() == 1


def test_a_judgment_is_superseded_once() -> None:
    assignment = lease(make_comparison(), make_people(1)[0])
    root = judge(assignment)

    outcomes = at_once(lambda index: judge(assignment, supersedes=root, revision=1))

    assert sum(isinstance(outcome, Judgment) for outcome in outcomes) == 1
    assert Judgment.objects.live().get().supersedes == root


def test_an_amendment_cannot_skip_a_revision_or_stand_alone() -> None:
    assignment = lease(make_comparison(), make_people(1)[0])
    root = judge(assignment)
    with pytest.raises(IntegrityError, match="judgment_revision_supersedes"):
        judge(assignment, supersedes=root, revision=0)
    with pytest.raises(IntegrityError, match="judgment_revision_supersedes"):
        judge(assignment, revision=1)


def test_a_token_is_one_judgment_however_often_it_is_sent() -> None:
    assignment = lease(make_comparison(), make_people(1)[0])
    token = uuid4()

    outcomes = at_once(
        lambda index: judgment_submit(
            annotator=assignment.annotator, assignment=assignment, token=token,
            answer=JudgmentInput(groups=((1,), (0,)), strength=2),
        )
    )  # fmt: skip

    assert {getattr(outcome, "pk", outcome) for outcome in outcomes} == {Judgment.objects.get().pk}


def test_the_same_token_cannot_be_stored_twice() -> None:
    assignment = lease(make_comparison(), make_people(1)[0])
    root = judge(assignment)
    with pytest.raises(IntegrityError, match="judgment_submitted_once"):
        judge(assignment, idempotency_token=root.idempotency_token, supersedes=root, revision=1)


def test_a_judgment_names_an_assignment_of_its_own_comparison_and_annotator() -> None:
    comparison = make_comparison()
    first, second = make_people(2)
    assignment = lease(comparison, first)
    with pytest.raises(IntegrityError, match="judgment_of_its_assignment"):
        judge(assignment, annotator=second)


def test_a_judgment_supersedes_one_of_its_own_comparison_and_annotator() -> None:
    comparison = make_comparison()
    first, second = make_people(2)
    root = judge(lease(comparison, first))
    with pytest.raises(IntegrityError, match="judgment_supersedes_its_own"):
        judge(lease(comparison, second), supersedes=root, revision=1)


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"both_bad": True}, "judgment_both_bad_is_tie"),
        ({"strength": 4}, "judgment_strength_known"),
        ({"confidence": 6}, "judgment_confidence_known"),
        ({"is_withdrawal": True, "groups": []}, "judgment_withdraws_something"),
    ],
)
def test_a_judgment_that_contradicts_itself_is_refused(
    fields: dict[str, object], constraint: str
) -> None:
    assignment = lease(make_comparison(), make_people(1)[0])
    with pytest.raises(IntegrityError, match=constraint):
        judge(assignment, **fields)


def _a_judgment() -> Judgment:
    return judge(lease(make_comparison(), make_people(1)[0]))


def _an_answer() -> CriterionAnswer:
    judgment = _a_judgment()
    return CriterionAnswer.objects.create(
        judgment=judgment, criterion=judgment.comparison.project.criteria.get(), groups=[[0], [1]]
    )


def _a_span() -> Span:
    judgment = _a_judgment()
    candidate = judgment.comparison.candidates.first()
    assert candidate is not None
    return Span.objects.create(judgment=judgment, candidate=candidate, start=0, end=3, label="good")


def _a_rewrite() -> Rewrite:
    span = _a_span()
    return Rewrite.objects.create(judgment=span.judgment, candidate=span.candidate, text="Better.")


def _an_export() -> Export:
    return Export.objects.create(
        project=make_comparison().project, folder=uuid4().hex, sha256="0" * 64, byte_size=1,
        rows=1, card="",
    )  # fmt: skip


def _an_audit_entry() -> AuditEntry:
    return AuditEntry.objects.create(action="test")


@pytest.mark.parametrize(
    "make",
    [_a_judgment, _an_answer, _a_span, _a_rewrite, _an_export, _an_audit_entry],
    ids=lambda f: f.__name__,
)
def test_append_only_rows_are_neither_changed_nor_deleted(make: Callable[[], object]) -> None:
    row = make()
    manager = type(row).objects.filter(pk=row.pk)  # type: ignore[attr-defined]
    changed = {
        "Judgment": {"groups": [[1], [0]]}, "CriterionAnswer": {"groups": [[1], [0]]},
        "Span": {"note": "x"}, "Rewrite": {"text": "x"}, "Export": {"rows": 2},
        "AuditEntry": {"action": "x"},
    }[type(row).__name__]  # fmt: skip
    with pytest.raises(IntegrityError, match="append-only"):
        manager.update(**changed)
    with pytest.raises(IntegrityError, match="append-only"):
        manager._raw_delete("default")
    assert manager.exists()


def test_policies_and_completions_do_not_change_under_judgments() -> None:
    completion = Completion.objects.get(candidacies__comparison=make_comparison(), sample_index=0)
    with pytest.raises(IntegrityError, match="never edited in place"):
        Policy.objects.filter(pk=completion.policy_id).update(system_prompt="Be brief.")
    with pytest.raises(IntegrityError, match="keeps its text and origin"):
        Completion.objects.filter(pk=completion.pk).update(text="Something else")
    Policy.objects.filter(pk=completion.policy_id).update(is_active=False)
    Completion.objects.filter(pk=completion.pk).update(html="<p>Rendered again</p>")


def test_one_completion_per_prompt_policy_and_sample() -> None:
    first = Completion.objects.filter(candidacies__comparison=make_comparison()).first()
    assert first is not None

    outcomes = at_once(
        lambda index: Completion.objects.create(
            prompt=first.prompt, policy=first.policy, sample_index=7, text=str(index)
        )
    )

    assert sum(isinstance(outcome, Completion) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, IntegrityError) for outcome in outcomes) == CROWD - 1


def test_one_running_training_per_project() -> None:
    project = make_comparison().project
    asked = [Run.objects.create(project=project, kind="training") for _ in range(CROWD)]

    outcomes = at_once(
        lambda index: training_start(run=asked[index], trigger="manual", config={}, seed=1)
    )

    assert sum(isinstance(outcome, TrainingRun) for outcome in outcomes) == 1
    assert TrainingRun.objects.filter(project=project, state="running").count() == 1


def test_one_checkpoint_in_use_per_project() -> None:
    project = make_comparison().project
    for number in range(2):
        run = Run.objects.create(project=project, kind="training")
        training = TrainingRun.objects.create(
            project=project, criterion=project.criteria.get(), run=run, cutoff_judgment_id=0,
            seed=1, code_version="0", state="succeeded", finished_at=timezone.now(),
        )  # fmt: skip
        fields = {
            "project": project, "training_run": training, "state": "promoted", "reason": "first",
            "folder": f"{number}", "extractor": "x", "sha256": "0" * 64,
        }  # fmt: skip
        if number == 0:
            Checkpoint.objects.create(**fields)
        else:
            with pytest.raises(IntegrityError, match="checkpoint_one_in_use"):
                Checkpoint.objects.create(**fields)


def test_a_schedule_that_asks_twice_gets_one_run() -> None:
    project = make_comparison().project

    outcomes = at_once(
        lambda index: run_create_unless_live(actor=None, project=project, kind="audit")
    )

    assert sum(isinstance(outcome, Run) for outcome in outcomes) == 1
    assert outcomes.count(None) == CROWD - 1


def test_an_erased_person_leaves_their_judgments() -> None:
    judgment = _a_judgment()
    with pytest.raises(DatabaseError), transaction.atomic():
        judgment.annotator.delete()
    assert Judgment.objects.filter(pk=judgment.pk).exists()
