"""The demo: what it loads, that it loads it once, and that it opens work while responses come."""

import json
import stat
from collections import Counter

import pytest
from django.core.management import call_command
from django.db.models import F
from django.test import override_settings
from django.utils import timezone

from alignui.demo import live, load, people, projects, sources
from annotation.models import (
    Assignment,
    Comparison,
    Completion,
    Judgment,
    Project,
    Prompt,
    Run,
    User,
)
from annotation.selectors.judgments import live as live_judgments
from annotation.selectors.judgments import preferences
from annotation.services.agreement import agreement_measure
from annotation.services.audits import bias_audit
from annotation.services.people_reports import people_measure
from tests.alignui.crowd_study import assert_agreed, assert_audited
from tests.factories import make_completion

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module", autouse=True)
def cast(django_db_setup, django_db_blocker, tmp_path_factory):
    """Everything is loaded once for all tests of this module, and removed after them."""
    var = tmp_path_factory.mktemp("var")
    (var / "uploads").mkdir()
    with override_settings(
        VAR_DIR=var,
        UPLOADS_DIR=var / "uploads",
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ):
        with django_db_blocker.unblock():
            cast = people.cast_load()
            load.load(cast, say=lambda text: None, is_generating=False)
        yield cast
        with django_db_blocker.unblock():
            call_command("flush", interactive=False, verbosity=0, reset_sequences=False)


def test_the_logins_are_secret_and_stay(cast):
    file = people.logins_file()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    drawn = json.loads(file.read_text())
    assert people.logins() == drawn
    assert len(set(drawn.values())) == len(drawn) == 3
    for name, password in drawn.items():
        assert User.objects.get(username=name).check_password(password)
    roles = dict(cast.pool.memberships.values_list("user__username", "role"))
    assert roles == {"lead": "owner", "annotator": "annotator", "annotator2": "annotator"}


def test_the_crowds_votes_are_judgments_of_its_workers():
    project = Project.objects.get(slug=projects.CROWD)
    judgments = live_judgments(project)
    workers = User.objects.filter(kind="imported", judgments__in=judgments).distinct()
    assert (judgments.count(), workers.count()) == (8931, 124)
    comparisons = Comparison.objects.filter(project=project)
    assert comparisons.count() == 2139
    assert not comparisons.exclude(overlap=F("judged")).exists()
    assert Completion.objects.filter(prompt__project=project).count() == 750
    assert Prompt.objects.filter(project=project).count() == 13
    assert Completion.objects.filter(prompt__project=project, text="").exists()


def test_two_llm_judges_stand_beside_the_workers():
    project = Project.objects.get(slug=projects.CROWD)
    everybody = live_judgments(project, include_simulated=True)
    assert everybody.count() == 8931 + 4278
    judged = Counter(everybody.values_list("annotator__judge_model", "annotator__kind"))
    assert judged == {
        ("", "imported"): 8931,
        ("GPT 4", "simulated"): 2139,
        ("GPT 3.5 Turbo", "simulated"): 2139,
    }


def test_the_crowd_and_its_judges_are_audited():
    """Both go left; the crowd prefers the shorter."""
    found = {a.bias: a for a in bias_audit(project=Project.objects.get(slug=projects.CROWD))}
    assert found["judge:GPT 4:position"].status == "found"
    assert_audited(found)


def test_the_crowds_agreement_is_the_published_one():
    project = Project.objects.get(slug=projects.CROWD)
    assert_agreed(agreement_measure(project=project, criterion=project.criteria.get(key="overall")))


def test_the_side_that_was_shown_is_kept():
    """The source counts 2,911 votes for the left response, 2,549 for the right, 3,471 ties."""
    project = Project.objects.get(slug=projects.CROWD)
    sides = Counter()
    rows = live_judgments(project).select_related("assignment")
    for judgment in rows:
        if len(judgment.groups) == 1:
            sides["tie"] += 1
        else:
            order = judgment.assignment.display_order
            sides[("left", "right")[order.index(judgment.groups[0][0])]] += 1
    assert sides == {"left": 2911, "right": 2549, "tie": 3471}


def test_a_vote_chooses_what_the_worker_chose():
    project = Project.objects.get(slug=projects.CROWD)
    vote = next(v for v in sources.crowd_judgments() if len(v["groups"]) == 2)
    chosen = vote["completions"][vote["groups"][0][0]]
    judgment = Judgment.objects.get(
        comparison__project=project, comparison__external_id=vote["id"],
        annotator__name=vote["annotator"],
    )  # fmt: skip
    position = judgment.groups[0][0]
    winner = judgment.comparison.candidates.get(position=position).completion
    assert (winner.policy.name, winner.text) == (chosen["policy"], chosen["text"])


def test_who_can_be_relied_upon_among_the_crowds_workers():
    project = Project.objects.get(slug=projects.CROWD)
    report = people_measure(project=project, criterion=project.criteria.get(key="overall"))
    assert (report.n_annotators, report.n_judgments) == (124, 8931)
    rows = list(report.people.all())
    actions = Counter(row.action for row in rows)
    assert actions["keep"] > 80
    assert 0 < actions["quarantine"] + actions["requalify"] < 20
    accused = [row for row in rows if row.action == "quarantine"]
    assert all(row.reliability_low < 0.5 and row.reliability_n >= 20 for row in accused)
    assert report.detail["kinds"].keys() == {"coin", "leaning"}
    assert len(report.detail["influence"]["policies"]) == 59
    assert any(row.influence["ranks_moved"] for row in rows)


def test_preferences_come_out_of_it():
    project = Project.objects.get(slug=projects.CROWD)
    assert len(preferences(project)) == 8931


def test_four_responses_stand_in_each_ranking_balanced_over_policies():
    project = Project.objects.get(slug=projects.RANKING)
    comparisons = project.comparisons.prefetch_related("candidates__completion")
    sizes = Counter(len(c.candidates.all()) for c in comparisons)
    assert sizes == {4: 100}
    shown = Counter(k.completion.policy_id for c in comparisons for k in c.candidates.all())
    assert len(shown) == 12
    assert max(shown.values()) - min(shown.values()) <= 1
    policy = project.policies.get(name="pythia-1b k50")
    assert policy.model == "theblackcat102/pythia-1b-deduped-sft"
    assert policy.decoding["top_k"] == 50


def test_loading_again_changes_nothing(cast):
    def counts():
        kinds = (User, Project, Prompt, Completion, Comparison, Judgment, Assignment, Run)
        return [kind.objects.count() for kind in kinds]

    before = counts()
    load.load(people.cast_load(), say=lambda text: None, is_generating=False)
    assert counts() == before


def test_a_lost_import_is_taken_up_again(cast):
    """A start that was killed leaves a run that nobody executes; the next start finishes it."""
    project = Project.objects.get(slug=projects.LIVE)
    Run.objects.filter(project=project, kind=Run.Kind.IMPORT).update(
        state=Run.State.RUNNING, finished_at=None
    )
    runs = Run.objects.count()
    projects.live_load(cast)
    run = Run.objects.get(project=project, kind=Run.Kind.IMPORT)
    assert (run.state, Run.objects.count()) == (Run.State.SUCCEEDED, runs)


def test_generation_is_asked_for_once_first_prompts_first(cast):
    project = Project.objects.get(slug=projects.LIVE)
    live.generation_ask(cast, project)
    live.generation_ask(cast, project)
    asked = Run.objects.filter(project=project, kind=Run.Kind.GENERATION).order_by("id")
    sizes = [run.params["prompt_ids"] and len(run.params["prompt_ids"]) for run in asked]
    assert sizes == [4, 12, 30, None]
    assert {len(run.params["policy_ids"]) for run in asked} == {3}


def test_comparisons_open_while_responses_come(cast, monkeypatch):
    monkeypatch.setattr(live, "EVERY_SECONDS", 0)
    project = Project.objects.get(slug=projects.LIVE)
    live.generation_ask(cast, project)
    policies = list(project.policies.all())
    for prompt in project.prompts.order_by("id")[:5]:
        for policy in policies:
            make_completion(prompt, policy)
    half_written = project.prompts.order_by("id")[7]
    make_completion(half_written, policies[0])
    make_completion(half_written, policies[1])
    opened = []

    def end_of_writing(text):
        opened.append(project.comparisons.count())
        project.runs.update(state=Run.State.SUCCEEDED, finished_at=timezone.now(),
                            started_at=timezone.now())  # fmt: skip

    live.generation_follow(cast, project, end_of_writing)
    assert opened == [5, 6]
    assert project.comparisons.filter(prompt=half_written).exists()
    assert {batch.name for batch in project.batches.all()} == {"First responses", "More responses"}


def test_the_data_is_small_and_carries_its_licences():
    folders = [path for path in sources.DATA.iterdir() if path.is_dir()]
    attribution = (sources.DATA / "ATTRIBUTION.md").read_text()
    for folder in folders:
        assert (folder / "LICENSE.txt").stat().st_size > 5_000
        assert f"`{folder.name}`" in attribution
    size = sum(path.stat().st_size for path in sources.DATA.rglob("*") if path.is_file())
    assert size < 4_000_000
