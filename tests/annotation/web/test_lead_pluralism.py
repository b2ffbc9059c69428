"""Who prefers what: the sentence, the map, the pairs with their ways, and the files."""

import csv
import io

import pytest
from django.core.cache import cache
from django.test import Client

from annotation.models import (
    Membership,
    PluralismReport,
    Pool,
    Project,
    Run,
    SelfDescription,
    User,
)
from annotation.services.pluralism import pluralism_measure
from tests.camps import CAMP, DIVIDING, camps_project, people

pytestmark = pytest.mark.django_db
PAGE = "/projects/kitchen/pluralism/"


@pytest.fixture
def client(lena: User, project: Project) -> Client:
    cache.clear()
    client = Client()
    client.force_login(lena)
    return client


@pytest.fixture
def report(project: Project) -> PluralismReport:
    camps_project(project=project)
    return pluralism_measure(project=project, criterion=project.criteria.get(key="overall"))


def rows(client: Client, key: str) -> list[dict[str, str]]:
    answer = client.get(f"{PAGE}?csv={key}")
    assert answer["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_before_anybody_looked_the_page_says_what_to_do(client: Client) -> None:
    page = client.get(PAGE).content.decode()
    assert "Nobody has looked yet." in page
    assert "Open a batch first." in page


def test_the_page_answers_its_question(client: Client, report: PluralismReport) -> None:
    page = client.get(PAGE).content.decode()
    assert "On 6 of 12 compared pairs groups of people reliably want different things" in page
    assert "50.0%" in page
    assert page.count('class="place') >= 2 * CAMP
    assert "People fall clearly into 2 camps" in page
    assert page.count("<article") == DIVIDING
    assert page.count(">reliable<") == DIVIDING
    pair = report.detail["groupings"][0]["divisions"][0]
    assert f"/projects/kitchen/comparisons/{pair['comparison']}/" in page
    assert "Borda" in page
    assert "NaN" not in page


def test_groups_that_want_the_same_are_a_sentence_too(client: Client, project: Project) -> None:
    camps_project(project=project, described=False)
    for at, voter in enumerate(people(project)):
        SelfDescription.objects.create(user=voter, gender="woman" if at % 2 else "man")
    report = pluralism_measure(project=project, criterion=project.criteria.get(key="overall"))
    page = client.get(PAGE).content.decode()
    assert f"On none of {report.n_compared} compared pairs do groups of people differ" in page
    assert "not more than chance" in page
    assert page.count("<article") == 2


def test_only_leads_learn_of_groups(client: Client, pool: Pool, report: PluralismReport) -> None:
    viewer = User.objects.create_user("vera", "x")
    Membership.objects.create(pool=pool, user=viewer, role="viewer")
    client.force_login(viewer)
    assert client.get(PAGE).status_code == 404
    assert "pluralism" not in client.get("/projects/kitchen/agreement/").content.decode()


def test_files_hold_every_row(client: Client, report: PluralismReport) -> None:
    assert len(rows(client, "map")) == 2 * CAMP
    divided = rows(client, "divided")
    # Two groups on twelve pairs, by region, by law, and by camp.
    assert len(divided) == 2 * 12 * 3
    assert sum(row["reliably"] == "yes" for row in divided) == 2 * 2 * DIVIDING
    assert {row["lowest group"] for row in rows(client, "agreed")} >= {"North"}
    assert {row["policy"] for row in rows(client, "choices")} == {"terse", "wordy"}


def test_what_was_measured_before_is_a_line(
    client: Client, project: Project, report: PluralismReport
) -> None:
    assert "Over time" not in client.get(PAGE).content.decode()
    pluralism_measure(project=project, criterion=project.criteria.get(key="overall"))
    assert "Over time" in client.get(PAGE).content.decode()
    assert [row["share"] for row in rows(client, "pluralism-history")] == ["0.5", "0.5"]


def test_a_grouping_is_chosen_and_nonsense_is_not(client: Client, report: PluralismReport) -> None:
    page = client.get(f"{PAGE}?by=expertise:law&criterion=nothing").content.decode()
    assert 'by=expertise%3Alaw#divided" aria-current="true"' in page
    assert "Shares on 12 items" in client.get(f"{PAGE}?by=camp").content.decode()


def test_quarantined_people_stand_in_a_report_of_their_own(
    client: Client, project: Project, report: PluralismReport
) -> None:
    page = client.get(f"{PAGE}?quarantined=with").content.decode()
    assert "Nobody has looked yet." in page
    assert 'name="quarantined" value="with"' in page
    assert client.post(f"{PAGE}measure/", {"quarantined": "with"}).status_code == 302
    assert Run.objects.get(kind="pluralism").params == {"with_quarantined": True}
    assert client.post(f"{PAGE}measure/").status_code == 409


def test_others_do_not_see_it(client: Client, otto: User, ana: User) -> None:
    for user in (otto, ana):
        client.force_login(user)
        assert client.get(PAGE).status_code == 404
        assert client.post(f"{PAGE}measure/").status_code == 404
