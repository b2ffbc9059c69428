"""Every lead's page and action, tried by everybody: a new address is tried without being named."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import URLPattern, reverse
from django.utils import timezone

from annotation.models import (
    Alert,
    AlertRule,
    Export,
    Flag,
    Invitation,
    Membership,
    Pool,
    Project,
    ProjectRole,
    Run,
    User,
)
from annotation.services.audits import bias_audit
from annotation.services.gold import gold_create
from annotation.services.interventions import intervention_open
from annotation.services.known_answers import Known
from annotation.services.participations import participation_of
from annotation.services.qualifications import qualification_create, qualification_items_add
from annotation.services.quality_rules import quality_rule_create
from annotation.web import lead_urls
from tests.factories import claim, make_run, make_user
from tests.planted import report_with_group

pytestmark = pytest.mark.django_db

ADDRESSES = [pattern for pattern in lead_urls.urlpatterns if pattern.name]
# Reviewers and viewers see how a project goes, not who judges how, nor what leaves the house.
LEADS_ONLY = {
    "people", "person", "settings", "exports", "export", "export-download", "activity",
    "comparison", "audit-votes",
    "project-new",
    "qualifications", "qualification", "gold", "integrity", "integrity-compared",
    "integrity-person", "pool", "pools", "statement", "people-quality", "alike", "pluralism",
}  # fmt: skip

Things = dict[str, object]
Go = Callable[[User | None, URLPattern], tuple[int, int]]


@pytest.fixture
def things(project: Project, pool: Pool, lena: User, ana: User) -> Things:
    """One of everything that an address can name, all of Lena's project."""
    export = Export.objects.create(
        project=project, folder="kitchen/1", sha256="0" * 64, byte_size=10, rows=1, card="# Card"
    )
    invitation = Invitation.objects.create(
        pool=pool, token_digest="0" * 64, invited_by=lena,
        expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    assignment = claim(ana, project)
    alert_rule = AlertRule.objects.create(project=project, signal="agreement", threshold=0.4)
    return _things_of_integrity(project, lena, ana) | {
        "alert_rule_id": alert_rule.pk,
        "alert_id": Alert.objects.create(rule=alert_rule, statement="It is low.").pk,
        "slug": project.slug,
        "prompt_id": project.prompts.first().pk,
        "batch_id": project.batches.get(reason="manual").pk,
        "comparison_id": project.comparisons.first().pk,
        "assignment_id": assignment.pk,
        "user_id": ana.pk,
        "membership_id": Membership.objects.get(user=ana).pk,
        "invitation_id": invitation.pk,
        "export_id": export.pk,
        "pool_id": pool.pk,
        "role_id": ProjectRole.objects.create(
            project=project, user=make_user(), role=Membership.Role.VIEWER
        ).pk,
        "flag_id": Flag.objects.create(
            project=project, comparison=project.comparisons.first(), kind=Flag.Kind.OTHER
        ).pk,
        "run_id": make_run(project, Run.Kind.EXPORT, state="failed").pk,
        "people_report_id": report_with_group(project, ana, lena).pk,
        "audit_id": bias_audit(project=project)[0].pk,
        "number": 0,
    }


def _things_of_integrity(project: Project, lena: User, ana: User) -> Things:
    """A qualification and gold of the same two responses, a rule, and a warning of Ana."""
    prompt = project.prompts.first()
    completions = tuple(prompt.completions.order_by("pk").values_list("pk", flat=True))
    known = [Known(prompt.pk, completions, ((0,), (1,)))]
    settings = {"name": "Entrance", "test_size": 1}
    qualification = qualification_create(actor=lena, project=project, settings=settings)
    items = qualification_items_add(
        actor=lena, qualification=qualification, known=known, phase="test"
    )
    rule = quality_rule_create(
        actor=lena, project=project, signal="gold", threshold=0.5, action="warn"
    )
    warning = intervention_open(
        participation=participation_of(annotator=ana, project=project), action="warn",
        reason="Slowly.", actor=lena,
    )  # fmt: skip
    return {
        "qualification_id": qualification.pk,
        "item_id": items[0].pk,
        "gold_id": gold_create(actor=lena, project=project, known=known)[0].pk,
        "rule_id": rule.pk,
        "intervention_id": warning.pk,
    }


@pytest.fixture
def go(things: Things) -> Go:
    """The statuses that somebody gets by GET and by POST at an address."""

    def knock(user: User | None, pattern: URLPattern) -> tuple[int, int]:
        names = pattern.pattern.converters
        path = reverse(f"annotation:{pattern.name}", kwargs={name: things[name] for name in names})
        client = Client()
        if user is not None:
            client.force_login(user)
        return client.get(path).status_code, client.post(path).status_code

    return knock


@pytest.mark.parametrize("pattern", ADDRESSES, ids=lambda pattern: pattern.name)
def test_an_outsider_and_an_annotator_find_nothing(
    pattern: URLPattern, go: Go, otto: User, ana: User
) -> None:
    refused = {404, 405}
    if pattern.name not in {"projects", "project-new"}:  # Otto leads a project of his own
        assert set(go(otto, pattern)) <= refused
    assert set(go(ana, pattern)) <= refused
    assert 404 in go(ana, pattern)


@pytest.mark.parametrize("pattern", ADDRESSES, ids=lambda pattern: pattern.name)
def test_who_is_not_signed_in_is_sent_to_the_door(pattern: URLPattern, go: Go) -> None:
    assert set(go(None, pattern)) == {302}


@pytest.mark.parametrize("pattern", ADDRESSES, ids=lambda pattern: pattern.name)
def test_the_lead_gets_in(pattern: URLPattern, go: Go, lena: User, ana: User) -> None:
    found = set(go(lena, pattern))
    allowed = {200, 204, 302, 405, 409, 422}
    if pattern.name in {"export-download", "invitation-again"}:
        allowed.add(503)  # this release has no file; no mail is set up
    assert found <= allowed
    assert found & {200, 204, 302, 409, 422, 503}


@pytest.mark.parametrize("pattern", ADDRESSES, ids=lambda pattern: pattern.name)
def test_a_viewer_looks_and_changes_nothing(
    pattern: URLPattern, go: Go, pool: Pool, project: Project
) -> None:
    vera = make_user("vera")
    Membership.objects.create(pool=pool, user=vera, role=Membership.Role.VIEWER)
    got, posted = go(vera, pattern)
    assert posted in {404, 405}
    assert got in ({404} if pattern.name in LEADS_ONLY else {200, 204, 405})


def test_a_viewer_is_offered_no_button(pool: Pool, project: Project, things: Things) -> None:
    vera = make_user("vera")
    Membership.objects.create(pool=pool, user=vera, role=Membership.Role.VIEWER)
    client = Client()
    client.force_login(vera)
    for name in ("prompts", "policies", "batches", "agreement", "audits", "runs"):
        html = client.get(reverse(f"annotation:{name}", args=[project.slug])).content.decode()
        content = html[html.index("<main") :]
        assert 'method="post"' not in content, name
        assert reverse("annotation:settings", args=[project.slug]) not in html


def test_otto_cannot_reach_into_lenas_project_through_his_own(
    otto: User, things: Things, pool: Pool
) -> None:
    """Ids of Lena's things under the address of Otto's project name nothing."""
    client = Client()
    client.force_login(otto)
    slug = "bridges"
    for name, argument in (
        ("prompt", things["prompt_id"]),
        ("batch", things["batch_id"]),
        ("run", things["run_id"]),
        ("run-strip", things["run_id"]),
        ("person", things["user_id"]),
    ):
        assert client.get(reverse(f"annotation:{name}", args=[slug, argument])).status_code == 404
    path = reverse("annotation:member-change", args=[slug, things["membership_id"]])
    assert client.post(path, {"state": "removed"}).status_code == 404
    path = reverse("annotation:invitation-revoke", args=[slug, things["invitation_id"]])
    assert client.post(path).status_code == 404
    added = client.post(
        reverse("annotation:invite", args=[slug]), {"pool": pool.pk, "role": "owner", "days": "3"}
    )
    assert added.status_code == 404
    assert Invitation.objects.count() == 1
