"""The page of audits: the biggest first, a hint is no finding, and groups are for leads."""

import csv
import io
import re

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from annotation.models import BiasAudit, Pool, Project, Run, User
from annotation.selectors.reports import latest_audits
from annotation.services.audits import audit_work, bias_audit
from annotation.services.runs import run_execute
from annotation.web.audit_words import plainly
from tests.crowds import leaning_crowd, leaning_judge
from tests.factories import make_user

pytestmark = pytest.mark.django_db

PAGE = "/projects/kitchen/audits/"


@pytest.fixture
def client(lena: User, project: Project) -> Client:
    cache.clear()
    client = Client()
    client.force_login(lena)
    return client


@pytest.fixture
def audited(project: Project) -> Project:
    leaning_crowd(project, describe=True)
    bias_audit(project=project)
    return project


def text(client: Client, path: str = PAGE) -> str:
    return client.get(path).content.decode()


def table(client: Client, key: str, path: str = PAGE) -> list[dict[str, str]]:
    answer = client.get(path, {"csv": key})
    assert answer["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_what_was_found_is_the_sentence_and_the_picture(client: Client, audited: Project) -> None:
    page = text(client)
    side = BiasAudit.objects.get(bias="position")
    assert side.status == "found"
    assert "Besides quality, votes favour the response shown first (" in page
    assert side.detail["verdict"].replace("'", "&#x27;") in page
    told = [audit for audit in latest_audits(audited) if audit.detail.get("odds_ratio")]
    assert page.count('class="estimate') == page.count("<circle") >= len(told)
    assert "Benjamini-Hochberg" in page
    assert not re.search(r"\bnan\b", page, re.IGNORECASE)
    unsaid = BiasAudit.objects.get(bias="anchoring")
    assert unsaid.detail["verdict"] in page


def test_every_figure_is_in_the_file(client: Client, audited: Project) -> None:
    rows = {row["bias"]: row for row in table(client, "audits")}
    side = BiasAudit.objects.get(bias="position")
    assert float(rows["position"]["shift"]) == pytest.approx(side.estimate)
    assert float(rows["position"]["odds_ratio"]) > 1
    assert rows["anchoring"]["status"] == "untold"
    assert {row["group"] for row in table(client, "groups")} == {"woman", "man"}
    assert len(table(client, "drift-position")) == len(
        BiasAudit.objects.get(bias="drift:position").detail["path"]
    )


def test_a_history_of_two_is_drawn(client: Client, audited: Project) -> None:
    assert "trend-position" not in text(client)
    bias_audit(project=audited)
    assert "trend-position" in text(client)
    assert len(table(client, "trend-position")) == 2


def test_the_votes_behind_an_effect(client: Client, audited: Project, ana: User) -> None:
    side = BiasAudit.objects.get(bias="position")
    path = f"{PAGE}{side.pk}/votes/"
    assert path in text(client)
    rows = table(client, "votes", path)
    assert len(rows) == 200
    assert {row["shown"] for row in rows} <= {"terse | wordy", "wordy | terse"}
    assert "200 judgments out of 384 votes" in text(client, path)
    other = Client()
    other.force_login(ana)
    assert other.get(path).status_code == 404


def test_groups_are_hidden_from_who_only_looks(
    client: Client, audited: Project, pool: Pool
) -> None:
    assert "Groups of annotators" in text(client)
    viewer = make_user("vera")
    pool.memberships.create(user=viewer, role="viewer")
    client.force_login(viewer)
    page = text(client)
    assert "Groups of annotators" not in page
    assert "gender" not in page
    assert "/votes/" not in page
    assert table(client, "groups") == []


def test_a_judge_has_a_section_and_changes_nothing_above_it(
    client: Client, audited: Project
) -> None:
    assert "LLM judges" not in text(client)
    before = table(client, "audits")
    leaning_judge(audited, model="<b>terse</b>")
    bias_audit(project=audited)
    page = text(client)
    assert 'id="judges"' in page
    assert "&lt;b&gt;terse&lt;/b&gt; prefers the response shown first (" in page
    assert "<b>terse" not in page
    assert [row for row in before if row["bias"] != "own_family"] == table(client, "audits")
    rows = {row["bias"].split(":")[2]: row for row in table(client, "audits-judges")}
    assert len(rows) == 8
    assert {row["judge"] for row in rows.values()} == {"<b>terse</b>"}
    side = BiasAudit.objects.get(bias="judge:<b>terse</b>:position")
    assert float(rows["position"]["shift"]) == pytest.approx(side.estimate)
    assert (side.n_judgments, side.n_annotators) == (128, 1)
    assert "terse" in text(client, f"{PAGE}{side.pk}/votes/")
    assert "trend-judge" not in page
    judge = User.objects.get(judge_model="<b>terse</b>")
    assert "LLM judge" in text(client, f"/projects/kitchen/people/{judge.pk}/")


def test_with_quarantined_people_is_a_page_of_its_own(
    client: Client, audited: Project, monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:  # fmt: skip
    assert "Nobody has looked yet." in text(client, f"{PAGE}?quarantined=with")
    monkeypatch.setattr(
        "annotation.web.lead.enqueue", lambda run: run_execute(run_id=run.pk, work=audit_work)
    )
    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"{PAGE}measure/", {"quarantined": "with"})
    assert Run.objects.get(kind="audit").params == {"with_quarantined": True}
    page = text(client, f"{PAGE}?quarantined=with")
    assert "votes favour the response shown first" in page
    assert "?quarantined=with&amp;csv=audits" in page


def test_audits_of_nothing_say_so(client: Client, project: Project) -> None:
    assert "Nobody has looked yet." in text(client)
    bias_audit(project=project)
    page = text(client)
    assert "There is too little to tell yet." in page
    assert "There is no decided vote yet." in page


def test_hints_are_told_apart(client: Client, audited: Project) -> None:
    told = BiasAudit.objects.exclude(estimate=None)
    told.exclude(kind="position").update(status="unclear")
    told.filter(kind="position").update(status="hint")
    page = text(client)
    assert "No bias was found in" in page
    assert "1 hint" in page
    assert "a hint only" in page


def test_what_counting_alone_says_is_said_where_the_model_is_less_sure() -> None:
    share = {"value": 0.41, "low": 0.35, "high": 0.48}
    detail = {"share": share, "favours": "the longer response", "opposes": "the shorter response"}
    unclear = BiasAudit(status="unclear", detail=detail)
    assert plainly(unclear).startswith(
        "Counted plainly, the shorter response wins 59.0% of the votes that differ [52.0%, 65.0%];"
    )
    assert plainly(BiasAudit(status="found", detail=detail)) == ""
    assert plainly(BiasAudit(status="unclear", detail={"share": share | {"high": 0.51}})) == ""
    assert plainly(BiasAudit(status="untold", detail={"share": None})) == ""
