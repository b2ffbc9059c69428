"""The loop's steps tell how much there is and what is due, from the database alone."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from annotation.models import BiasAudit, Judgment, Pool, Project, Run, User
from annotation.selectors.overview import judgments_wanted, loop_state, pace, project_lines
from annotation.services.agreement import agreement_measure
from annotation.services.audits import bias_audit
from annotation.services.batches import batch_state_set
from annotation.services.judgments import JudgmentInput, judgment_submit
from tests.factories import claim, judge, make_project, make_prompt, make_run, make_user

pytestmark = pytest.mark.django_db


def states(project: Project) -> dict[str, tuple[str, str]]:
    return {step.key: (step.figure, step.state) for step in loop_state(project)}


def test_an_empty_project_has_nothing_anywhere(pool: Pool) -> None:
    found = states(make_project("Empty", pool=pool))
    assert found["prompts"] == ("0", "empty")
    assert found["completions"] == ("0", "empty")
    assert found["comparisons"] == ("0", "empty")
    assert found["assignments"] == ("0", "idle")
    assert found["agreement"] == ("–", "empty")
    assert found["export"] == ("0", "empty")


def test_each_step_counts_its_own(project: Project, ana: User, ben: User) -> None:
    judge(ana, project)
    claim(ben, project)
    found = states(project)
    assert found["prompts"] == ("4", "done")
    assert found["completions"] == ("8", "done")
    assert found["comparisons"] == ("4", "done")
    assert found["assignments"] == ("1", "running")
    assert found["judgments"] == ("1", "done")
    assert found["agreement"] == ("–", "due")


def test_simulated_judgments_stand_beside_and_not_among_those_of_people(
    project: Project, pool: Pool, ana: User
) -> None:
    robot = make_user("robot", kind=User.Kind.SIMULATED)
    pool.memberships.create(user=robot)
    judge(robot, project)
    judge(ana, project)
    step = next(step for step in loop_state(project) if step.key == "judgments")
    assert step.figure == "1"
    assert "1 by programs besides" in step.detail


def test_the_agreement_step_names_the_biases_that_audits_found(
    project: Project, ana: User, ben: User
) -> None:
    for person in (ana, ben):
        for _ in range(4):
            judge(person, project, groups=((0,), (1,)))
    agreement_measure(project=project, criterion=project.criteria.get(key="overall"))
    bias_audit(project=project)
    # All went for the first, but of two people only: no figure, so nothing is found.
    assert audit_words(project) == "n 4 · too little to audit"
    audits = BiasAudit.objects.filter(project=project)
    audits.filter(bias="position").update(status="found", estimate=0.03, low=0.01, high=0.05)
    audits.filter(bias="length").update(status="found", estimate=-0.09, low=-0.12, high=-0.06)
    audits.filter(bias="bold").update(status="hint")
    audits.filter(bias="drift:position").update(status="found")
    audits.filter(bias="refusal").update(bias="judge:acme:refusal", status="found")
    assert audit_words(project) == "n 4 · bias by length, position"
    audits.filter(status="found").update(status="none_found")
    assert audit_words(project) == "n 4 · no bias found"


def audit_words(project: Project) -> str:
    return next(step for step in loop_state(project) if step.key == "agreement").detail


def test_measuring_brings_agreement_up_to_date(project: Project, ana: User, ben: User) -> None:
    for person in (ana, ben):
        for groups in (((0,), (1,)), ((1,), (0,))):
            judge(person, project, groups=groups)
    overall = project.criteria.get(key="overall")
    agreement_measure(project=project, criterion=overall)
    assert states(project)["agreement"][1] == "done"
    judge(ana, project)
    assert states(project)["agreement"][1] == "due"


@pytest.mark.parametrize(
    ("state", "expected"), [("running", "running"), ("failed", "failed"), ("succeeded", "done")]
)
def test_a_run_shows_in_the_step_that_it_serves(
    project: Project, state: str, expected: str
) -> None:
    make_run(project, Run.Kind.GENERATION, state=state, done=3, total=10)
    step = next(step for step in loop_state(project) if step.key == "completions")
    assert step.state == expected
    assert ("30% done" in step.detail) == (state == "running")


def test_only_open_batches_want_judgments(project: Project, lena: User, ana: User) -> None:
    assert judgments_wanted(project) == 8
    judge(ana, project)
    assert judgments_wanted(project) == 7
    batch_state_set(actor=lena, batch=project.batches.get(), state="paused")
    assert judgments_wanted(project) == 0


def test_pace_tells_when_the_last_judgment_comes(project: Project, ana: User) -> None:
    now = timezone.now()
    assert pace(project, now).finishes_at is None
    for _ in range(2):
        judge(ana, project)
    found = pace(project, timezone.now())
    assert (found.per_hour, found.wanted) == (2.0, 6)
    assert found.finishes_at is not None
    assert abs((found.finishes_at - now).total_seconds() - 3 * 3600) < 60
    slower = pace(project, now + timedelta(hours=2))
    assert slower.per_hour == pytest.approx(2 / 24)


def test_imported_judgments_are_nobodys_pace(project: Project, ana: User) -> None:
    judgment_submit(
        annotator=ana, assignment=claim(ana, project), token=uuid4(),
        answer=JudgmentInput(groups=((0,), (1,))), source=Judgment.Source.IMPORT,
    )  # fmt: skip
    assert pace(project, timezone.now()).per_hour == 0


def test_a_list_of_projects_says_what_is_in_each(project: Project, ana: User) -> None:
    judge(ana, project)
    make_prompt(make_project("Other"))
    (line,) = project_lines([project])
    assert (line.n_prompts, line.n_judgments, line.n_wanted, line.n_people) == (4, 1, 7, 3)
    assert line.last_judged_at is not None
