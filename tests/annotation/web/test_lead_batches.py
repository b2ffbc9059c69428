import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from annotation.models import Assignment, Dispute, Flag, Membership, Project, User
from tests.factories import claim, judge

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(lena: User) -> Client:
    client = Client()
    client.force_login(lena)
    return client


def post(desk: Client, address: str, pk: int, **fields: str) -> HttpResponse:
    return desk.post(reverse(f"annotation:{address}", args=[pk]), fields, follow=True)


def test_the_page_tells_how_far_when_done_and_who_has_what(
    desk: Client, project: Project, ana: User, ben: User
) -> None:
    judge(ana, project)
    judge(ana, project)
    lease = claim(ben, project)
    path = f"/projects/kitchen/batches/{project.batches.get().pk}/"
    page = desk.get(path).content.decode()
    assert "“First”: 2 of 8 judgments." in page
    assert "Estimated from 1 judgment in the last" in page
    assert reverse("annotation:lease-return", args=[lease.pk]) in page
    live = desk.get(path, headers={"HX-Request": "true"}).content.decode()
    assert live.lstrip().startswith('<div id="batch"')
    assert "Comparisons</h2>" not in live
    out = desk.get(f"{path}?show=out").content.decode()
    assert out.count('class="wide-cell"') == 2  # the lease, and its comparison
    rows = desk.get("/projects/kitchen/batches/", headers={"HX-Request": "true"}).content.decode()
    assert rows.lstrip().startswith('<div class="table-scroll" id="batches"')


def test_pages_of_comparisons_follow_each_other(
    desk: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("annotation.selectors.batch_pages.PAGE_SIZE", 3)
    path = f"/projects/kitchen/batches/{project.batches.get().pk}/"
    first = desk.get(path)
    assert len(first.context["rows"]) == 3
    second = desk.get(path, {"after": first.context["following"]})
    assert len(second.context["rows"]) == 1
    assert second.context["following"] is None
    seen = {c.pk for page in (first, second) for c in page.context["rows"]}
    assert seen == set(project.comparisons.values_list("pk", flat=True))


def test_a_batch_is_renamed_extended_and_closed_from_its_page(
    desk: Client, project: Project
) -> None:
    batch = project.batches.get()
    post(desk, "batch-name", batch.pk, name="Second")
    said = post(desk, "batch-more", batch.pk, by="2").content.decode()
    assert "4 comparisons can be judged again." in said
    assert "“Second”: 0 of 16 judgments." in said
    closed = post(desk, "batch-state", batch.pk, state="closed", **{"from": "batch"})
    assert "Closed: nobody is given anything of it." in closed.content.decode()
    assert "Reopen" in closed.content.decode()


def test_a_comparison_goes_from_one_person_to_another(
    desk: Client, project: Project, ana: User, ben: User
) -> None:
    lease = claim(ana, project)
    where = lease.comparison_id
    page = desk.get(f"/projects/kitchen/comparisons/{where}/").content.decode()
    assert "1 person has it now." in page
    fields = {"person": str(ben.pk), "hours": "5", "instead_of": str(lease.pk)}
    assert "It waits for Ben" in post(desk, "comparison-give", where, **fields).content.decode()
    assert {a.annotator: a.state for a in Assignment.objects.all()} == {
        ana: "released", ben: "leased"
    }  # fmt: skip
    refused = post(desk, "comparison-give", where, person=str(ben.pk))
    assert refused.status_code == 409
    assert "They have it already." in refused.content.decode()
    assert post(desk, "comparison-give", where, person="junk").status_code == 422
    taken = Assignment.objects.get(annotator=ben)
    assert "others can take" in post(desk, "lease-return", taken.pk).content.decode()


def test_a_comparison_is_retired_extended_and_put_before_a_reviewer(
    desk: Client, project: Project, ana: User
) -> None:
    comparison = project.comparisons.first()
    Flag.objects.create(project=project, comparison=comparison, kind="unclear", raised_by=ana)
    assert (
        "Retired."
        in post(desk, "comparison-state", comparison.pk, state="retired").content.decode()
    )
    post(desk, "comparison-state", comparison.pk, state="open")
    post(desk, "comparison-more", comparison.pk)
    post(desk, "comparison-dispute", comparison.pk, note="Is it covered?")
    comparison.refresh_from_db()
    assert (comparison.state, comparison.overlap) == ("open", 3)
    dispute = Dispute.objects.get()
    assert (dispute.reason, dispute.note) == ("flag", "Is it covered?")
    assert (
        "It waits for a reviewer."
        in desk.get(f"/projects/kitchen/comparisons/{comparison.pk}/").content.decode()
    )


def test_what_is_stuck_is_on_the_page(desk: Client, project: Project) -> None:
    Membership.objects.update(is_qualified=False)
    page = desk.get(f"/projects/kitchen/batches/{project.batches.get().pk}/").content.decode()
    assert "No pool of the project has a qualified member who judges." in page
    assert "4 comparisons" in page


def test_another_projects_address_shows_nothing(desk: Client, project: Project) -> None:
    key = project.comparisons.first().pk
    assert desk.get(f"/projects/bridges/comparisons/{key}/").status_code == 404
