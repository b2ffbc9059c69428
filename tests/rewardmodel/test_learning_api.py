"""What was learned and chosen over REST, and the switch that pauses the loop."""

import pytest
from django.utils import timezone

from annotation.models import ProjectRole, Run
from rewardmodel import selectors, services
from rewardmodel.models import Checkpoint, SavingsReport
from tests.factories import judge, make_completion, make_policy, make_run, make_user
from tests.rest import error


@pytest.fixture
def checkpoint(project) -> Checkpoint:
    run = make_run(project, Run.Kind.TRAINING, state="succeeded")
    training = services.training_start(run=run, trigger="due", config={}, seed=1)
    return services.training_succeed(
        training=training, n_judgments=9, n_preferences=9, data_hash="d" * 64,
        folder=f"kitchen/{run.pk}", extractor="x", sha256="c" * 64,
        metrics={"held_out": {"accuracy": {"value": 0.7}}, "people": {"pulls": []}},
        is_promoted=True, reason="The first.",
    )  # fmt: skip


@pytest.fixture
def opened(project):
    third = make_policy(project, "third")
    for prompt in project.prompts.all():
        make_completion(prompt, third)
    pairs = selectors.uncompared_pairs(project)
    return services.round_open(
        run=make_run(project, Run.Kind.ACQUISITION, state="succeeded"), checkpoint=None,
        function="random", seed=3, n_considered=len(pairs), seconds=0.1,
        choices=[
            services.Choice(pair, 1 - at / 10, "acquired" if at < 2 else "passed")
            for at, pair in enumerate(pairs)
        ],
    )  # fmt: skip


def test_a_checkpoint_is_read_and_promoted(api, lena, project, checkpoint):
    caller = api(lena)
    found = caller.get(f"projects/kitchen/checkpoints/{checkpoint.pk}").json()
    assert found["metrics"]["held_out"]["accuracy"]["value"] == 0.7
    checkpoint.state = "retired"
    checkpoint.save()
    response = caller.post(f"projects/kitchen/checkpoints/{checkpoint.pk}/promote")
    assert (response.status_code, response.json()["state"]) == (200, "promoted")
    assert project.audit_entries.filter(action="checkpoint.promote", actor=lena).exists()
    assert caller.get("projects/kitchen/checkpoints/999999").status_code == 404
    assert caller.post("projects/kitchen/checkpoints/999999/promote").status_code == 404


def test_whose_votes_move_it_is_told_to_leads_only(api, lena, project, checkpoint):
    viewer = make_user("vera")
    ProjectRole.objects.create(project=project, user=viewer, role="viewer")
    for who, is_told in ((lena, True), (viewer, False)):
        (listed,) = api(who).get("projects/kitchen/checkpoints").json()["results"]
        one = api(who).get(f"projects/kitchen/checkpoints/{checkpoint.pk}").json()
        assert ("people" in listed["metrics"], "people" in one["metrics"]) == (is_told, is_told)
        assert one["metrics"]["held_out"]["accuracy"]["value"] == 0.7


def test_a_round_tells_what_it_weighed_page_by_page(api, lena, opened):
    caller = api(lena)
    found = caller.get(f"projects/kitchen/rounds/{opened.pk}").json()
    assert (found["function"], found["detail"]) == ("random", {})
    page = caller.get(f"projects/kitchen/rounds/{opened.pk}/considered?limit=3").json()
    assert [row["utility"] for row in page["results"]] == [1.0, 0.9, 0.8]
    assert [row["arm"] for row in page["results"]] == ["acquired", "acquired", "passed"]
    assert page["next"]
    assert caller.get("projects/kitchen/rounds/999999/considered").status_code == 404


def test_savings_say_what_cannot_be_said(api, lena, project, checkpoint):
    SavingsReport.objects.create(
        project=project, training_run=checkpoint.training_run, function="portfolio",
        cutoff_judgment_id=0, n_acquired=3, n_control=1, verdict="Too early to say.", seed=1,
        code_version="1",
    )  # fmt: skip
    (found,) = api(lena).get("projects/kitchen/savings").json()["results"]
    assert (found["saved"], found["verdict"]) == (None, "Too early to say.")


def test_the_loop_is_paused_and_goes_on(api, lena, ana, project):
    caller = api(lena)
    judge(ana, project)
    before = caller.get("projects/kitchen/loop").json()
    assert (before["is_paused"], before["new_judgments"], before["training_is_due"]) == (
        False, 1, None
    )  # fmt: skip
    assert caller.post("projects/kitchen/loop/pause").json()["is_paused"] is True
    project.refresh_from_db()
    assert project.loop_paused
    assert not selectors.projects_due_for_training(timezone.now())
    assert caller.post("projects/kitchen/loop/resume").json()["is_paused"] is False
    assert project.audit_entries.filter(action="project.update", actor=lena).count() == 2


@pytest.mark.parametrize("who", ["ana", "otto"])
def test_nobody_else_sees_or_pauses(api, request, project, checkpoint, opened, who):
    caller = api(request.getfixturevalue(who))
    for read in ("loop", "savings", f"checkpoints/{checkpoint.pk}", f"rounds/{opened.pk}",
                 f"rounds/{opened.pk}/considered"):  # fmt: skip
        assert caller.get(f"projects/kitchen/{read}").status_code == 404, read
    for act in ("loop/pause", "loop/resume", f"checkpoints/{checkpoint.pk}/promote"):
        error(caller.post(f"projects/kitchen/{act}"))
    project.refresh_from_db()
    assert not project.loop_paused
