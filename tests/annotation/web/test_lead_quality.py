"""The page of people's quality: its sentence, its table, its ways to act, and what others see."""

import csv
import io

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from annotation.models import (
    Intervention,
    PeopleReport,
    PersonReport,
    Pool,
    Project,
    Run,
    User,
)
from annotation.selectors.people_reports import SORTS
from annotation.services.people_reports import people_measure
from annotation.web.quality_words import sentence
from tests.planted import planted_project

pytestmark = pytest.mark.django_db

PAGE = "/projects/planted/quality/"


@pytest.fixture
def client(lena: User) -> Client:
    client = Client()
    client.force_login(lena)
    return client


@pytest.fixture
def planted(pool: Pool) -> Project:
    return planted_project(items=30, pool=pool)


@pytest.fixture
def report(planted: Project) -> PeopleReport:
    return people_measure(project=planted, criterion=planted.criteria.get(key="overall"))


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def person(report: PeopleReport, name: str) -> PersonReport:
    return report.people.get(annotator__name=name)


def told(n: int, kinds: dict[str, int], *, n_told: int = 9, watch: int = 0) -> str:
    detail = {"kinds": kinds, "n_told": n_told, "actions": {"watch": watch}}
    return sentence(PeopleReport(n_annotators=n, detail=detail, note="Nobody shares an item."))


def test_the_sentence_answers_whatever_was_found() -> None:
    assert sentence(None).endswith("Nobody has been looked at yet.")
    assert told(0, {}).endswith("Nobody has judged yet.")
    assert told(4, {}, n_told=0).endswith("It cannot be told yet. Nobody shares an item.")
    assert told(9, {}) == "Nothing speaks clearly against any of 9 annotators."
    assert told(1, {}) == "Nothing speaks clearly against the only annotator."
    assert told(9, {}, watch=1).endswith("9 annotators; 1 is worth watching.")
    assert told(9, {"coin": 1}) == "Of 9 annotators 1 answers regardless of what is shown."
    assert told(1240, {"gold": 2, "flipped": 1, "coin": 3}, watch=4) == (
        "Of 1,240 annotators 3 answer regardless of what is shown, 1 answers the wrong way round "
        "and 2 should qualify again for other reasons; 4 are worth watching."
    )


def test_it_opens_with_the_sentence_and_names_the_worst(
    client: Client, report: PeopleReport
) -> None:
    html = client.get(PAGE).content.decode()
    assert "Of 13 annotators" in html
    assert "answer regardless of what is shown" in html
    assert "1 answers the wrong way round" in html
    assert "Answers the wrong way round" in html, "the evidence behind the fold"
    assert 'role="img"' in html
    assert "Have them" in html or "Quarantine them" in html


def test_the_csv_has_everybody_with_intervals_and_evidence(
    client: Client, report: PeopleReport
) -> None:
    rows = rows_of(client.get(f"{PAGE}?csv=people").content.decode())
    assert len(rows) == 13
    flipped = next(row for row in rows if row["name"] == "flipped")
    assert flipped["recommendation"] == "quarantine"
    assert float(flipped["reliability_low"]) <= float(flipped["reliability"])
    assert "the wrong way round" in flipped["evidence"]
    assert flipped["judged"] == "30"
    pairs = rows_of(client.get(f"{PAGE}?csv=alike").content.decode())
    assert [{row["one"], row["other"]} for row in pairs] == [{"twin 1", "twin 2"}]


def test_the_table_is_filtered_sorted_and_costs_the_same_for_many(
    client: Client, report: PeopleReport, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    kept = client.get(f"{PAGE}?action=keep").content.decode()
    table = kept[kept.index("<table") :]
    assert "honest 0" in table
    assert "flipped</a>" not in table
    assert "Nobody fits" in client.get(f"{PAGE}?q=nobody-of-that-name").content.decode()
    for sort in SORTS:
        with django_assert_max_num_queries(30):
            assert client.get(f"{PAGE}?sort={sort}&order=reverse").status_code == 200
    for nonsense in ("?sort=;drop", "?action=fire", "?page=99", "?criterion=none", "?q=%00"):
        assert client.get(f"{PAGE}{nonsense}").status_code == 200


def test_a_button_opens_the_form_with_the_evidence_and_does_nothing_itself(
    client: Client, report: PeopleReport
) -> None:
    flipped = person(report, "flipped")
    form = f"/projects/planted/integrity/people/{flipped.annotator_id}/"
    assert f"{form}?evidence=1#act" in client.get(PAGE).content.decode()
    html = client.get(f"{form}?evidence=1").content.decode()
    assert '<option value="quarantine" selected>' in html
    assert "the wrong way round" in html
    assert "twin" not in html, "nobody else is named to the person"
    assert not Intervention.objects.exists()
    plain = client.get(form).content.decode()
    assert "This was seen" not in plain
    kept = person(report, "honest 0")
    client.get(f"/projects/planted/integrity/people/{kept.annotator_id}/?evidence=1")
    client.post(f"{form}intervene/", {"action": "quarantine", "reason": "Seen."})
    assert Intervention.objects.get().participation.annotator_id == flipped.annotator_id
    assert "quarantined" in client.get(PAGE).content.decode()


def test_what_a_group_shared_is_listed(client: Client, report: PeopleReport) -> None:
    path = f"/people-reports/{report.pk}/alike/0/"
    assert path in client.get(PAGE).content.decode()
    html = client.get(path).content.decode()
    assert "2 people gave one answer to 30 of the 30 comparisons" in html
    assert "of them against most others." in html
    assert "Question 3?" in html
    rows = rows_of(client.get(f"{path}?csv=shared").content.decode())
    assert len(rows) == 60
    assert {row["annotator"] for row in rows} == {"twin 1", "twin 2"}
    assert client.get(f"/people-reports/{report.pk}/alike/7/").status_code == 404


def test_before_anything_is_measured_it_says_so_and_can_be_asked(
    client: Client, planted: Project
) -> None:
    assert "Nobody has been looked at yet" in client.get(PAGE).content.decode()
    answer = client.post(f"{PAGE}measure/", {"quarantined": "with"})
    assert answer["Location"] == f"{PAGE}?quarantined=with"
    run = Run.objects.get(project=planted, kind=Run.Kind.PEOPLE)
    assert run.params == {"with_quarantined": True}
    assert client.post(f"{PAGE}measure/").status_code == 409


def test_an_empty_project_and_a_single_judge_get_a_sentence(
    client: Client, project: Project
) -> None:
    people_measure(project=project, criterion=project.criteria.get(key="overall"))
    html = client.get("/projects/kitchen/quality/").content.decode()
    assert "Nobody has judged yet" in html
    assert "nan" not in html.lower().replace("annan", "")


def test_names_are_hostile(client: Client, report: PeopleReport) -> None:
    User.objects.filter(name="twin 1").update(name="<script>alert(1)</script>")
    for path in (PAGE, f"/people-reports/{report.pk}/alike/0/"):
        assert "<script>alert(1)" not in client.get(path).content.decode()
    User.objects.filter(name="flipped").update(name="=cmd()")
    assert "\n=cmd()" not in client.get(f"{PAGE}?csv=people").content.decode()
    assert ",=cmd()" not in client.get(f"{PAGE}?csv=people").content.decode()


def test_a_person_s_page_says_how_reliable_they_are(client: Client, report: PeopleReport) -> None:
    flipped = person(report, "flipped")
    html = client.get(f"/projects/planted/people/{flipped.annotator_id}/").content.decode()
    assert "A preference of theirs is right in" in html
    assert "Leaderboard without them" in html


def test_others_find_nothing(report: PeopleReport, ana: User, otto: User) -> None:
    for user in (ana, otto):
        client = Client()
        client.force_login(user)
        assert client.get(PAGE).status_code == 404
        assert client.get(f"/people-reports/{report.pk}/alike/0/").status_code == 404
