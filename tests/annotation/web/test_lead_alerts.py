"""Alerts: setting a rule, seeing what it raised, taking note, and the strip above the figures."""

import pytest
from django.core.cache import cache
from django.test import Client

from annotation.models import (
    AgreementReport,
    Alert,
    AlertMessage,
    AlertRule,
    Membership,
    Pool,
    Project,
    User,
)

pytestmark = pytest.mark.django_db
PAGE = "/projects/kitchen/alerts/"
RULE = {"signal": "agreement", "threshold": "0.4", "subject": "", "emails": "", "webhook_url": ""}


@pytest.fixture
def client(lena: User, project: Project) -> Client:
    cache.clear()
    client = Client()
    client.force_login(lena)
    return client


@pytest.fixture
def low(project: Project) -> AgreementReport:
    return AgreementReport.objects.create(
        project=project, criterion=project.criteria.get(key="overall"), estimate=0.2, low=0.1,
        high=0.3, n_comparisons=90, n_judgments=180, n_annotators=9, method="m", seed=1,
        code_version="1",
    )  # fmt: skip


def test_without_rules_the_page_offers_one(client: Client) -> None:
    page = client.get(PAGE).content.decode()
    assert "No rule is set, so nothing raises an alert." in page
    assert '<details class="fold" open>' in page


def test_a_rule_is_held_against_the_figures_at_once(client: Client, low: AgreementReport) -> None:
    answer = client.post(f"{PAGE}rules/", RULE | {"webhook_url": "https://example.org/hook"})
    assert answer.status_code == 302
    page = client.get(PAGE).content.decode()
    assert "1 alert is open." in page
    assert "Agreement on “Overall” is surely below 0.40" in page
    assert "Alerts (1)" in page
    assert AlertRule.objects.get().secret in page
    strip = client.get("/projects/kitchen/agreement/").content.decode()
    assert 'class="alert-strip"' in strip
    assert 'class="alert-strip"' not in client.get("/projects/kitchen/prompts/").content.decode()
    assert "opened" in client.get(f"{PAGE}?csv=alerts").content.decode().splitlines()[0]


def test_points_and_per_cent_are_read_as_such(client: Client) -> None:
    client.post(f"{PAGE}rules/", RULE | {"signal": "bias", "threshold": "5"})
    client.post(f"{PAGE}rules/", RULE | {"signal": "division", "threshold": "12.5"})
    assert list(AlertRule.objects.values_list("threshold", flat=True)) == [0.05, 0.125]
    page = client.get(PAGE).content.decode()
    assert "5 points" in page
    assert "12.5%" in page


def test_what_is_wrong_is_named_and_kept_in_the_form(client: Client) -> None:
    answer = client.post(f"{PAGE}rules/", RULE | {"webhook_url": "http://10.0.0.1/hook"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="http://10.0.0.1/hook"' in page
    assert 'id="error_webhook_url"' in page
    assert "public addresses only" in page
    assert client.post(f"{PAGE}rules/", RULE | {"threshold": "x"}).status_code == 422


def test_taking_note_switching_and_deleting(
    client: Client, lena: User, low: AgreementReport
) -> None:
    client.post(f"{PAGE}rules/", RULE)
    alert, rule = Alert.objects.get(), AlertRule.objects.get()
    client.post(f"/alerts/{alert.pk}/seen/")
    assert "Lena took note of it" in client.get(PAGE).content.decode()
    client.post(f"/alert-rules/{rule.pk}/", {"active": "no"})
    page = client.get(PAGE).content.decode()
    assert "All is within the rules" in page
    assert "The rule was switched off" in page
    client.post(f"/alert-rules/{rule.pk}/", {"active": "yes"})
    assert Alert.objects.filter(closed_at__isnull=True).count() == 1
    client.post(f"/alert-rules/{rule.pk}/delete/")
    assert not AlertRule.objects.exists()


def test_how_messages_fare_is_shown(client: Client, low: AgreementReport) -> None:
    client.post(f"{PAGE}rules/", RULE | {"webhook_url": "https://example.org/hook"})
    AlertMessage.objects.update(attempts=2, error="The answer was <503>")
    page = client.get(PAGE).content.decode()
    assert "2 tries failed, again at" in page
    assert "&lt;503&gt;" in page
    AlertMessage.objects.update(state="failed")
    assert "given up" in client.get(PAGE).content.decode()


def test_others_can_do_nothing(client: Client, otto: User, ana: User, low: object) -> None:
    client.post(f"{PAGE}rules/", RULE)
    alert, rule = Alert.objects.get(), AlertRule.objects.get()
    for user in (otto, ana):
        client.force_login(user)
        for path in (
            f"{PAGE}rules/", f"/alerts/{alert.pk}/seen/", f"/alert-rules/{rule.pk}/",
            f"/alert-rules/{rule.pk}/delete/",
        ):  # fmt: skip
            assert client.post(path, RULE).status_code == 404
        assert client.get(PAGE).status_code == 404


def test_a_viewer_reads_alerts_but_not_who_is_told(
    client: Client, pool: Pool, low: AgreementReport
) -> None:
    client.post(f"{PAGE}rules/", RULE | {"webhook_url": "https://example.org/hook"})
    viewer = User.objects.create_user("vera", "x")
    Membership.objects.create(pool=pool, user=viewer, role="viewer")
    client.force_login(viewer)
    page = client.get(PAGE).content.decode()
    assert "Agreement on “Overall” is surely below 0.40" in page
    assert "example.org" not in page
    assert AlertRule.objects.get().secret not in page
    assert "Set a rule" not in page
