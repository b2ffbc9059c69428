"""The page on agreement: a sentence, every figure beside its interval, and what is behind it."""

import csv
import io
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.test import Client

from annotation.core.figures import Interval
from annotation.core.paired_figures import Pair, Tie, together_first
from annotation.models import (
    AgreementReport,
    AgreementSums,
    Membership,
    Participation,
    Project,
    Run,
    User,
)
from annotation.services.agreement import agreement_measure
from annotation.services.answers import JudgmentInput
from annotation.services.interventions import intervention_open
from annotation.services.judgments import judgment_submit
from annotation.templatetags.agreement_charts import heat_class, heat_map
from annotation.web.agreement_words import parts_sentence
from tests.factories import claim, judge, make_user

pytestmark = pytest.mark.django_db

PAGE = "/projects/kitchen/agreement/"


@pytest.fixture
def client(lena: User, project: Project) -> Client:
    cache.clear()
    client = Client()
    client.force_login(lena)
    return client


@pytest.fixture
def judged(project: Project, ana: User, ben: User) -> Project:
    """They part on the last pair."""
    places = {pk: at for at, pk in enumerate(project.comparisons.values_list("pk", flat=True))}
    for person, winners in ((ana, (0, 0, 1, 0)), (ben, (0, 0, 1, 1))):
        for _ in winners:
            assignment = claim(person, project)
            best = assignment.display_order.index(winners[places[assignment.comparison_id]])
            judgment_submit(
                annotator=person, assignment=assignment, token=uuid4(),
                answer=JudgmentInput(groups=((best,), (1 - best,))),
            )  # fmt: skip
    return project


@pytest.fixture
def measured(judged: Project) -> AgreementReport:
    return measure(judged)


def measure(project: Project, key: str = "overall", **options: object) -> AgreementReport:
    return agreement_measure(project=project, criterion=project.criteria.get(key=key), **options)


def rows(client: Client, key: str, **query: str) -> list[list[str]]:
    answer = client.get(PAGE, {"csv": key, **query})
    assert answer["Content-Type"].startswith("text/csv")
    return list(csv.reader(io.StringIO(answer.content.decode())))


def test_alpha_and_ac_stand_side_by_side(client: Client, measured: AgreementReport) -> None:
    page = client.get(PAGE).content.decode()
    assert "Too few to say yet: alpha" in page
    assert 'class="estimate hollow tone-third"' in page
    header, overall = rows(client, "agreement")
    assert header[:5] == ["name", "alpha", "alpha low", "alpha high", "AC"]
    assert float(overall[1]) == measured.estimate
    assert float(overall[4]) == measured.detail["figures"]["ac"]["value"]


def test_every_coefficient_is_explained(client: Client, measured: AgreementReport) -> None:
    page = client.get(PAGE).content.decode()
    for name in ("Krippendorff", "Gwet", "Fleiss", "Brennan-Prediger", "Same answer"):
        assert name in page
    told = {row[0]: row for row in rows(client, "agreement-coefficients")[1:]}
    assert float(told["Agreeing pairs of annotators, averaged over items"][1]) == 0.75
    assert len(told) == 5


def test_parts_are_chosen_by_a_link(client: Client, measured: AgreementReport) -> None:
    page = client.get(PAGE, {"by": "pair"}).content.decode()
    assert "terse / wordy" in page
    assert rows(client, "agreement-by-pair", by="pair")[1][0] == "terse / wordy"
    batch = measured.project.batches.get()
    assert (
        f'href="/projects/kitchen/batches/{batch.pk}/"'
        in client.get(PAGE, {"by": "batch"}).content.decode()
    )
    assert "No prompt has a tag." in client.get(PAGE, {"by": "tag"}).content.decode()
    assert client.get(PAGE, {"by": "'><script>"}).status_code == 200


def test_parts_that_stand_apart_are_named() -> None:
    whole = AgreementReport(estimate=0.3, low=0.27, high=0.33)

    def part(name: str, low: float, high: float, *, is_too_few: bool = False) -> Pair:
        alpha = Interval("alpha", (low + high) / 2, low, high, 90)
        return Pair(name, alpha, alpha, 90, is_too_few=is_too_few)

    parts = [
        part("like", 0.25, 0.35), part("low", 0.1, 0.2), part("high", 0.4, 0.6),
        part("few", 0.0, 0.1, is_too_few=True),
    ]  # fmt: skip
    said = parts_sentence(whole, parts)
    assert said == "Clearly below the whole: low (0.15). Clearly above it: high (0.50)."
    assert "No part stands apart" in parts_sentence(whole, [parts[0], parts[0]])
    many = parts_sentence(whole, [part(f"p{n}", 0.1, 0.2) for n in range(8)])
    assert "and 3 more" in many
    assert parts_sentence(AgreementReport(), parts) == ""


def test_contested_comparisons_lead_to_their_pages(
    client: Client, measured: AgreementReport
) -> None:
    contested = measured.project.comparisons.order_by("pk")[3]
    page = client.get(PAGE).content.decode()
    assert f'href="/projects/kitchen/comparisons/{contested.pk}/"' in page
    assert "on 3 everybody said the same" in page
    assert rows(client, "agreement-contested")[1][0] == str(contested.pk)


def test_people_are_drawn_and_written_out(
    client: Client, measured: AgreementReport, ana: User
) -> None:
    page = client.get(PAGE).content.decode()
    assert 'id="agreement-heat-t"' in page
    assert "Ana and Ben: kappa –, the same answer – of 4" in page
    assert f'href="/projects/kitchen/people/{ana.pk}/"' in page
    assert rows(client, "agreement-people")[1][:3] == ["Ana", "Ben", "4"]
    assert rows(client, "agreement-heat")[1][:3] == ["Ana", "Ben", "4"]


def test_who_may_only_look_sees_no_names(
    client: Client, measured: AgreementReport, ana: User
) -> None:
    viewer = make_user("vera")
    Membership.objects.create(pool=measured.project.pools.get(), user=viewer, role="viewer")
    client.force_login(viewer)
    page = client.get(PAGE).content.decode()
    assert "Ana" not in page
    assert "Measure now" not in page
    assert "/comparisons/" not in page
    assert rows(client, "agreement-people")[1][0] == ana.pseudonym[:8]


def test_what_came_in_since_is_told_as_of_now(
    client: Client, project: Project, ana: User, ben: User
) -> None:
    for person in (ana, ben):
        for groups in (((0,), (1,)), ((1,), (0,)), ((0, 1),)):
            judge(person, project, groups=groups)
    measure(project)
    assert "As of now" not in client.get(PAGE).content.decode()
    judge(ana, project)
    judge(ben, project)
    page = client.get(PAGE).content.decode()
    assert "2 judgments are newer." in page
    assert "As of now: alpha" in page
    assert "on 4 items." in page
    assert AgreementSums.objects.filter(criterion__project=project).count() == 2


def test_quarantined_people_are_counted_on_a_page_of_their_own(
    client: Client, judged: Project, ben: User, lena: User
) -> None:
    part = Participation.objects.get(annotator=ben, project=judged)
    intervention_open(participation=part, action="quarantine", reason="Seen.", actor=lena)
    measure(judged)
    measure(judged, with_quarantined=True)
    assert "It cannot be told yet." in client.get(PAGE).content.decode()
    page = client.get(PAGE, {"quarantined": "with"}).content.decode()
    assert "on 4 items" in page
    assert "Quarantined people are counted here." in page
    client.post(f"{PAGE}measure/", {"quarantined": "with"})
    assert Run.objects.get(kind="agreement").params == {"with_quarantined": True}


@pytest.mark.parametrize(
    ("low", "estimate", "high", "words"),
    [
        (0.81, 0.9, 0.95, "Closely: alpha 0.90"),
        (0.5, 0.85, 0.88, "Moderately: alpha 0.85"),
        (-0.1, 0.1, 0.2, "No more than by chance, as far as can be told: alpha 0.10"),
        (-0.4, -0.3, -0.2, "Less than by chance: alpha −0.30"),
    ],
)
def test_the_sentence_promises_what_the_lower_end_holds(
    client: Client, project: Project, low: float, estimate: float, high: float, words: str
) -> None:
    AgreementReport.objects.create(
        project=project, criterion=project.criteria.get(key="overall"), estimate=estimate, low=low,
        high=high, n_judgments=900, n_annotators=9, n_comparisons=300, method="m", seed=1,
        code_version="1",
    )  # fmt: skip
    assert words in client.get(PAGE).content.decode()


def test_a_snapshot_of_an_older_version_is_still_shown(client: Client, judged: Project) -> None:
    AgreementReport.objects.create(
        project=judged, criterion=judged.criteria.get(key="overall"), estimate=0.5, low=0.4,
        high=0.6, n_judgments=900, n_annotators=9, n_comparisons=300, method="m", seed=1,
        code_version="1", detail={"percent_agreement": {"value": 0.7, "low": 0.6, "high": 0.8,
        "n": 300}},
    )  # fmt: skip
    page = client.get(PAGE).content.decode()
    assert "Moderately: alpha 0.50" in page
    assert "70.0% of the time" in page


def test_whole_rankings_have_their_own_coefficients(
    lena: User, ranking_project: Project, ana: User, ben: User
) -> None:
    for person in (ana, ben):
        for groups in (((0,), (1,), (2,), (3,)), ((0, 1), (2, 3))):
            judge(person, ranking_project, groups=groups)
    measure(ranking_project)
    client = Client()
    client.force_login(lena)
    page = client.get("/projects/menus/agreement/").content.decode()
    for name in (
        "Kendall&#x27;s tau-b",
        "Kendall&#x27;s W",
        "Rank-biased overlap",
        "Implied pairs",
    ):
        assert name in page
    table = client.get("/projects/menus/agreement/?csv=agreement-rankings").content.decode()
    assert len(table.splitlines()) == 5


def test_people_stand_beside_llm_judges(client: Client, judged: Project, ben: User) -> None:
    User.objects.filter(pk=ben.pk).update(judge_model="<gpt-4>")
    measure(judged)
    page = client.get(PAGE).content.decode()
    assert "People and LLM judges" in page
    assert "&lt;gpt-4&gt;" in page
    own, model = rows(client, "agreement-judges")[1:]
    assert own[0] == "People among themselves"
    assert "Only one annotator" in own[5]
    assert float(model[1]) == pytest.approx(0.5)


def test_another_criterion_is_chosen_by_a_link(client: Client, judged: Project) -> None:
    for key in ("overall", "honest"):
        measure(judged, key)
    page = client.get(PAGE, {"criterion": "honest", "by": "pair"}).content.decode()
    assert 'href="?criterion=overall&amp;by=pair"' in page
    assert "Nothing has been judged yet." in page
    assert rows(client, "agreement-coefficients", criterion="honest")[1:] == []


def test_nothing_is_said_in_words(client: Client, project: Project, ana: User) -> None:
    measure(project)
    page = client.get(PAGE).content.decode()
    assert "Nothing has been judged yet." in page
    assert "nan" not in page.lower().replace("annan", "")
    judge(ana, project)
    measure(project)
    page = client.get(PAGE).content.decode()
    assert "Only one annotator has judged so far" in page
    assert 'class="estimate' not in page
    assert "No comparison has been judged by two people yet." in page


def test_who_agrees_most_stands_first_and_shades_follow_kappa() -> None:
    ties = [Tie(0, 1, 9, 0.9, 0.1), Tie(1, 2, 9, 0.9, 0.7), Tie(0, 2, 2, None, None)]
    assert together_first(4, ties) == [2, 1, 0, 3]
    shades = [heat_class(kappa) for kappa in (None, -0.1, 0.0, 0.2, 0.79, 1.0)]
    assert shades == ["heat-none", "heat-0", "heat-1", "heat-2", "heat-4", "heat-5"]
    drawn = heat_map("key", ["<b>", "B", "C", "D"], ties, title="Kappa")
    assert "&lt;b&gt;" in drawn
    assert "<b>" not in drawn
    assert drawn.count("<rect") == 3
