"""The leads' pages of qualification, gold and integrity, and what annotators are told."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from annotation.models import (
    Comparison,
    Intervention,
    Judgment,
    Participation,
    Project,
    Qualification,
    QualityRule,
    User,
)
from annotation.services.participations import participation_of
from tests.factories import judge_for

pytestmark = pytest.mark.django_db

ROW = {"prompt": "Boil or fry?", "completions": ["Boil.", "Burn."], "order": "A > B"}


@pytest.fixture
def client(lena: User, project: Project) -> Client:
    client = Client()
    client.force_login(lena)
    return client


def file(*rows: dict[str, object]) -> SimpleUploadedFile:
    text = "\n".join(json.dumps(row) for row in rows)
    return SimpleUploadedFile("items.jsonl", text.encode())


def test_a_qualification_is_made_filled_and_opened(
    client: Client, project: Project, ana: User
) -> None:
    form = {"name": "Entrance", "introduction": "", "pass_mark": "50", "test_size": "1",
            "attempts_allowed": "2", "hours_between": "0"}  # fmt: skip
    client.post("/projects/kitchen/qualification/new/", form)
    made = Qualification.objects.get()
    assert made.pass_mark == 0.5
    here = f"/qualifications/{made.pk}/"
    refused = client.post(f"{here}open/", {"open": "yes"})
    assert refused.status_code == 422
    assert "asks for 1 items and has 0" in refused.content.decode()
    client.post(f"{here}items/", {"file": file(ROW | {"phase": "test"}), "phase": "training"})
    assert made.items.get().phase == "test"
    client.post(f"{here}open/", {"open": "yes"})
    page = client.get(here).content.decode()
    assert "Boil or fry?" in page
    home = Client()
    home.force_login(ana)
    assert "Go to the qualification" in home.get("/").content.decode()
    assert home.get("/judge/kitchen/").status_code == 200
    client.post(f"{here}person/", {"username": "ana", "reason": "Wrote the guide.", "pass": "yes"})
    assert Participation.objects.get(annotator=ana).qualified_at is not None
    assert "Go to the qualification" not in home.get("/").content.decode()
    unknown = client.post(f"{here}person/", {"username": "otto", "reason": "x", "pass": "yes"})
    assert unknown.status_code == 422


def test_an_item_comes_from_any_prompts_responses(client: Client, project: Project) -> None:
    client.post(
        "/projects/kitchen/qualification/new/",
        {"name": "E", "pass_mark": "80", "test_size": "1", "attempts_allowed": "1",
         "hours_between": "0"},
    )  # fmt: skip
    made = Qualification.objects.get()
    page = client.get(f"/qualifications/{made.pk}/?from=prompts&q=fennel").content.decode()
    assert "What goes well with fennel?" in page
    assert "Can I freeze soup?" not in page
    prompt = project.prompts.get(messages__0__content="What goes well with fennel?")
    first, second = prompt.completions.order_by("pk")
    form = {"prompt": prompt.pk, f"rank-{first.pk}": "2", f"rank-{second.pk}": "1",
            "explanation": "More.", "phase": "training"}  # fmt: skip
    client.post(f"/qualifications/{made.pk}/items/", form)
    item = made.items.get()
    assert item.comparison.gold_groups == [[1], [0]]
    again = client.post(f"/qualifications/{made.pk}/items/", form)
    assert again.status_code == 422
    client.post(f"/qualification-items/{item.pk}/", {"is_active": "no", "explanation": "Longer."})
    item.refresh_from_db()
    assert not item.is_active


def test_a_bad_file_names_row_and_field_and_keeps_nothing(client: Client, project: Project) -> None:
    answer = client.post(
        "/projects/kitchen/gold/new/", {"file": file(ROW, ROW | {"order": "A < B"})}
    )
    assert answer.status_code == 422
    assert "items.jsonl: row 2, field order" in answer.content.decode()
    assert not Comparison.objects.filter(gold_groups__isnull=False).exists()


def test_gold_is_added_explained_and_retired(client: Client, project: Project) -> None:
    client.post("/projects/kitchen/gold/new/", {"file": file(ROW)})
    item = Comparison.objects.get(gold_groups__isnull=False)
    assert (item.overlap, item.lane is not None) == (32_000, True)
    client.post(f"/gold/{item.pk}/", {"explanation": "Burnt food is bad."})
    page = client.get("/projects/kitchen/gold/").content.decode()
    assert "Burnt food is bad." in page
    refused = client.post(f"/gold/{item.pk}/", {"retire": "yes", "reason": ""})
    assert refused.status_code == 422
    client.post(f"/gold/{item.pk}/", {"retire": "yes", "reason": "Both can be right."})
    item.refresh_from_db()
    assert item.state == "retired"
    rows = client.get("/projects/kitchen/gold/?csv=gold").content.decode().splitlines()
    assert "retired" in rows[1]


def test_a_rule_is_set_measured_and_told(client: Client, project: Project, ana: User) -> None:
    for _ in range(4):
        judge_for(ana, project, 0, active_ms=900)
    rule = {"signal": "speed", "threshold": "2", "least_cases": "3", "action": "pause"}
    client.post("/projects/kitchen/integrity/rules/", rule)
    refused = client.post("/projects/kitchen/integrity/rules/", rule | {"threshold": "0"})
    assert refused.status_code == 422
    client.post("/projects/kitchen/integrity/measure/")
    done = Intervention.objects.get()
    page = client.get("/projects/kitchen/integrity/").content.decode()
    assert "1 of 1 people is kept from work." in page
    assert "the rule asks for 2" in page
    told = Client()
    told.force_login(ana)
    assert "Your work in Kitchen is paused." in told.get("/").content.decode()
    told.post(f"/notices/{done.pk}/seen/", {"to": "judge"})
    done.refresh_from_db()
    assert done.seen_at is not None
    client.post(f"/interventions/{done.pk}/lift/", {"reason": "They are quick."})
    assert "They are quick." in client.get("/projects/kitchen/integrity/").content.decode()
    rows = client.get("/projects/kitchen/integrity/?csv=timeline").content.decode()
    assert "They are quick." in rows
    client.post(f"/rules/{QualityRule.objects.get().pk}/", {"active": "no"})
    assert not QualityRule.objects.get().is_active


def test_figures_stand_beside_each_other(
    client: Client, project: Project, ana: User, ben: User
) -> None:
    for person, winner in ((ana, 0), (ben, 1)):
        for _ in range(4):
            judge_for(person, project, winner)
    path = f"/projects/kitchen/integrity/people/{ben.pk}/intervene/"
    assert client.post(path, {"action": "quarantine", "reason": ""}).status_code == 422
    client.post(path, {"action": "quarantine", "reason": "Opposite.", "since": ""})
    client.post(f"/interventions/{Intervention.objects.get().pk}/replay/")
    compared = client.get("/projects/kitchen/integrity/compared/").content.decode()
    cells = [line.strip() for line in compared.splitlines() if "<td>" in line]
    assert "<td>4</td><td>8</td>" in cells[-1]
    page = client.get(f"/projects/kitchen/integrity/people/{ben.pk}/").content.decode()
    assert "Opposite." in page
    assert Judgment.objects.count() == 8


@pytest.mark.parametrize(
    "path",
    ["projects/kitchen/qualification/", "projects/kitchen/gold/", "projects/kitchen/integrity/",
     "projects/kitchen/integrity/compared/"],
)  # fmt: skip
def test_these_pages_are_for_leads(path: str, project: Project, ana: User, otto: User) -> None:
    for person in (ana, otto):
        client = Client()
        client.force_login(person)
        assert client.get(f"/{path}").status_code == 404


def test_nobody_acts_on_another_leads_people(
    project: Project, ana: User, otto: User, lena: User
) -> None:
    participation_of(annotator=ana, project=project)
    client = Client()
    client.force_login(otto)
    path = f"/projects/kitchen/integrity/people/{ana.pk}/intervene/"
    assert client.post(path, {"action": "pause", "reason": "x"}).status_code == 404
    assert not Intervention.objects.exists()
