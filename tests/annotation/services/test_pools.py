"""Pools' terms: what is kept, and that every wrong field is named."""

from datetime import time
from decimal import Decimal

import pytest

from annotation.core.errors import AlignUIError, Conflict, Forbidden
from annotation.models import AuditEntry, Membership, Pool, Project, ProjectRole, User
from annotation.selectors.access import (
    is_lead,
    project_for_annotator,
    project_for_lead,
    projects_reviewed,
    projects_visible,
    roles,
)
from annotation.services.pools import PoolTerms, pool_create, pool_update
from annotation.services.project_roles import project_role_remove, project_role_set
from tests.factories import make_pool

pytestmark = pytest.mark.django_db


def test_terms_are_kept_tidy_and_noted(lena: User, pool: Pool, project: Project) -> None:
    terms = PoolTerms(
        name=" Readers ", languages=("de", " en", "de", ""), skills=("Law",), daily_quota=5,
        total_quota=5, harmful_daily_cap=0, works_from=time(22), works_until=time(6),
        works_on=(7, 1, 1), time_zone="Europe/Berlin", pay_per_judgment=Decimal("0.0125"),
        pay_currency="eur", platform="mturk", completion_code=" X ",
    )  # fmt: skip
    pool_update(actor=lena, pool=pool, terms=terms)
    kept = Pool.objects.get(pk=pool.pk)
    assert (kept.name, kept.languages, kept.works_on) == ("Readers", ["de", "en"], [1, 7])
    assert (kept.pay_currency, kept.completion_code) == ("EUR", "X")
    noted = AuditEntry.objects.get(action="pool.update")
    assert {"name", "works_on", "pay_per_judgment"} <= set(noted.detail["changed"])
    assert "description" not in noted.detail["changed"]
    pool_update(actor=lena, pool=kept, terms=terms)
    assert AuditEntry.objects.filter(action="pool.update").count() == 1


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("name", {"name": " "}),
        ("name", {"name": "Engineers"}),
        ("name", {"name": "x" * 121}),
        ("languages", {"languages": ("german",)}),
        ("languages", {"languages": ("de-DE-1996-x-verylong",)}),
        ("skills", {"skills": ("s" * 65,)}),
        ("daily_quota", {"daily_quota": 0}),
        ("daily_quota", {"daily_quota": 9, "total_quota": 3}),
        ("total_quota", {"total_quota": 10**7}),
        ("harmful_daily_cap", {"harmful_daily_cap": -1}),
        ("works_until", {"works_from": time(9)}),
        ("works_from", {"works_until": time(9)}),
        ("works_on", {"works_on": (0,)}),
        ("time_zone", {"time_zone": "Mars/Olympus"}),
        ("pay_per_hour", {"pay_per_hour": Decimal("-1"), "pay_currency": "EUR"}),
        ("pay_per_hour", {"pay_per_hour": Decimal("NaN"), "pay_currency": "EUR"}),
        ("pay_per_judgment", {"pay_per_judgment": Decimal("0.00001"), "pay_currency": "EUR"}),
        ("pay_currency", {"pay_per_judgment": Decimal("0.1")}),
        ("pay_currency", {"pay_currency": "euro"}),
        ("platform", {"platform": "nowhere"}),
        ("total_quota", {"platform": "prolific", "completion_code": "C"}),
        ("completion_code", {"completion_code": "C" * 65}),
        ("return_url", {"return_url": "javascript:alert(1)", "total_quota": 1}),
        ("return_url", {"return_url": "https://x.org/" + "y" * 300, "total_quota": 1}),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_kept(
    lena: User, otto: User, pool: Pool, field: str, wrong: dict[str, object]
) -> None:
    before = Pool.objects.filter(pk=pool.pk).values().get()
    with pytest.raises(AlignUIError) as refused:
        pool_update(actor=lena, pool=pool, terms=PoolTerms(**{"name": "Cooks", **wrong}))
    assert refused.value.field == field
    assert Pool.objects.filter(pk=pool.pk).values().get() == before


def test_a_new_pool_may_serve_at_once(lena: User, project: Project) -> None:
    made = pool_create(actor=lena, name="Second", project=project)
    assert made in project.pools.all()
    assert made.memberships.get().role == Membership.Role.OWNER
    with pytest.raises(Conflict):
        pool_create(actor=lena, name="Second")


def test_a_role_in_the_project_counts_as_one_in_a_pool_does(
    project: Project, ranking_project: Project, otto: User
) -> None:
    for role, leads, annotates, reviews in [
        ("lead", True, True, True),
        ("reviewer", False, True, True),
        ("annotator", False, True, False),
        ("viewer", False, False, False),
    ]:
        project_role_set(actor=None, project=project, user=otto, role=role)
        assert roles(otto, project) == {role}
        assert projects_visible(otto).contains(project)
        assert projects_reviewed(otto).contains(project) == reviews
        for loader, allowed in ((project_for_lead, leads), (project_for_annotator, annotates)):
            try:
                found = loader(user=otto, slug=project.slug)
            except AlignUIError:
                found = None
            assert (found == project) == allowed, role
    assert not projects_visible(otto).contains(ranking_project)


def test_a_project_lead_has_no_right_over_owners(
    project: Project, lena: User, ana: User, ben: User
) -> None:
    project_role_set(actor=lena, project=project, user=ana, role="lead")
    assert is_lead(ana)
    with pytest.raises(Forbidden, match="Only an owner"):
        project_role_set(actor=ana, project=project, user=ana, role="owner")
    owner = project_role_set(actor=lena, project=project, user=ben, role="owner")
    with pytest.raises(Forbidden):
        project_role_remove(actor=ana, role=owner)
    project_role_remove(actor=lena, role=owner)
    assert ProjectRole.objects.count() == 1
    assert make_pool("Unserved") not in project.pools.all()
