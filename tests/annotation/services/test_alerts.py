"""Rules on figures: opened once, kept up to date, closed when over, and each time in the log."""

from collections.abc import Callable

import pytest

from annotation.core.errors import Conflict, Invalid, Unavailable
from annotation.models import (
    AgreementReport,
    Alert,
    AlertMessage,
    AlertRule,
    BiasAudit,
    PeopleReport,
    PersonReport,
    PluralismReport,
    Project,
    User,
)
from annotation.services.alerts import (
    alert_note,
    alert_rule_create,
    alert_rule_delete,
    alert_rule_state_set,
    alerts_check,
)
from tests.factories import make_user

pytestmark = pytest.mark.django_db

Figures = dict[str, object]


@pytest.fixture(autouse=True)
def mail_server(settings: object) -> None:
    settings.EMAIL_IS_SET_UP = True


@pytest.fixture
def kept(project: Project) -> Callable[..., object]:
    """Keeps a snapshot: kept(AgreementReport, 0.2, 0.1, 0.3)."""

    def keep(
        model: type, value: float | None, low: float | None, high: float | None, **more: object
    ):
        criterion = project.criteria.get(key=more.pop("criterion", "overall"))
        counts = {"n_comparisons": 90} if model is AgreementReport else {}
        if model is PluralismReport:
            counts = {"n_compared": 90}
        return model.objects.create(
            project=project, criterion=criterion, estimate=value, low=low, high=high,
            n_judgments=180, n_annotators=9, method="m", seed=1, code_version="1",
            **{**counts, **more},
        )  # fmt: skip

    return keep


def rule(lena: User, project: Project, signal: str = "agreement", threshold: float = 0.4, **more):
    return alert_rule_create(
        actor=lena, project=project, signal=signal, threshold=threshold, **more
    )


def test_an_alert_opens_once_wavers_and_closes(lena: User, project: Project, kept) -> None:
    rule(lena, project, emails="lena@example.org, ops@example.org")
    kept(AgreementReport, 0.2, 0.1, 0.3)
    (opened,) = alerts_check(project=project).opened
    assert opened.statement == (
        "Agreement on “Overall” is surely below 0.40: alpha 0.20 [0.10, 0.30] on 90 items."
    )
    assert alerts_check(project=project).opened == ()
    assert opened.messages.count() == 2
    AlertMessage.objects.update(state="sent", attempts=3)
    kept(AgreementReport, 0.38, 0.3, 0.45)
    assert alerts_check(project=project).closed == ()
    opened.refresh_from_db()
    assert (opened.value, opened.high) == (0.38, 0.45)
    assert "may be still" in opened.statement
    kept(AgreementReport, 0.5, 0.35, 0.6)
    (closed,) = alerts_check(project=project).closed
    assert closed.pk == opened.pk
    assert "back at 0.40" in closed.statement
    assert set(AlertMessage.objects.values_list("state", "attempts")) == {("waiting", 0)}
    log = list(
        project.audit_entries.filter(action__startswith="alert").values_list("action", flat=True)
    )
    assert log == ["alert.close", "alert.open", "alert_rule.create"]


def test_a_figure_that_cannot_be_told_changes_nothing(lena: User, project: Project, kept) -> None:
    rule(lena, project)
    kept(AgreementReport, None, None, None)
    assert alerts_check(project=project).opened == ()
    kept(AgreementReport, 0.2, 0.1, 0.3)
    alerts_check(project=project)
    kept(AgreementReport, None, None, None)
    alerts_check(project=project)
    assert Alert.objects.get().value == 0.2
    assert Alert.objects.get().closed_at is None


def test_each_criterion_is_a_subject_of_its_own(lena: User, project: Project, kept) -> None:
    rule(lena, project)
    rule(lena, project, subject="honest", threshold=0.1)
    kept(AgreementReport, 0.2, 0.1, 0.3)
    kept(AgreementReport, 0.25, 0.2, 0.3, criterion="honest")
    assert {alert.subject for alert in alerts_check(project=project).opened} == {
        "overall",
        "honest",
    }
    assert Alert.objects.count() == 2


def test_biases_people_and_divisions(
    lena: User, project: Project, ana: User, ben: User, kept
) -> None:
    rule(lena, project, "bias", 0.05)
    rule(lena, project, "person", 1)
    rule(lena, project, "division", 0.1)
    kept(BiasAudit, 0.09, 0.06, 0.12, bias="length", status="found")
    kept(BiasAudit, 0.09, 0.06, 0.12, bias="position", status="hint")
    kept(BiasAudit, 0.09, 0.06, 0.12, bias="judge:acme:length", status="found")
    report = kept(PeopleReport, None, None, None)
    PersonReport.objects.create(report=report, annotator=ana, n=9, action="requalify")
    PersonReport.objects.create(report=report, annotator=ben, n=9, action="watch")
    kept(PluralismReport, 0.3, 0.2, 0.4)
    found = {a.rule.signal: a.statement for a in alerts_check(project=project).opened}
    assert found == {
        "bias": "The bias by length is surely beyond 5.0 points: 9.0 points "
        "[6.0 points, 12.0 points] on 180 judgments.",
        "person": "1 of 2 people is recommended to re-qualify or to be quarantined on “Overall”; "
        "the rule asks for 1 or more.",
        "division": "The share of divided pairs on “Overall” is surely beyond 10.0%: 30.0% "
        "[20.0%, 40.0%] on 90 compared pairs.",
    }
    # A judge's lean is no bias of people: only who asks for it by name hears of it.
    rule(lena, project, "bias", 0.05, subject="judge:acme:length")
    (opened,) = alerts_check(project=project).opened
    assert opened.subject == "judge:acme:length"


def test_snapshots_that_leave_nobody_out_raise_nothing(lena: User, project: Project, kept) -> None:
    rule(lena, project)
    kept(AgreementReport, 0.2, 0.1, 0.3, includes_quarantined=True)
    assert alerts_check(project=project).opened == ()


def test_switching_off_closes_and_deleting_leaves_a_line(
    lena: User, project: Project, kept
) -> None:
    made = rule(lena, project)
    kept(AgreementReport, 0.2, 0.1, 0.3)
    alerts_check(project=project)
    alert_rule_state_set(actor=lena, rule=made, is_active=False)
    assert Alert.objects.get().closed_at is not None
    assert alerts_check(project=project).opened == ()
    with pytest.raises(Conflict):
        alert_rule_state_set(actor=lena, rule=made, is_active=False)
    alert_rule_delete(actor=lena, rule=made)
    assert not AlertRule.objects.exists()
    entry = project.audit_entries.get(action="alert_rule.delete")
    assert entry.detail["alerts"] == 1
    assert entry.detail["newest"][0]["subject"] == "overall"


def test_taking_note_is_on_record_once(lena: User, project: Project, kept) -> None:
    rule(lena, project)
    kept(AgreementReport, 0.2, 0.1, 0.3)
    (alert,) = alerts_check(project=project).opened
    assert alert_note(actor=lena, alert=alert).seen_by == lena
    with pytest.raises(Conflict):
        alert_note(actor=make_user("nils"), alert=alert)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"threshold": 3}, "threshold"), ({"signal": "mood"}, "signal"),
        ({"subject": "kind"}, "subject"), ({"emails": "nobody"}, "emails"),
        ({"webhook_url": "ftp://example.org"}, "webhook_url"),
        ({"webhook_url": "http://127.0.0.1/hook"}, "webhook_url"),
        ({"webhook_url": "http://localhost:8000/"}, "webhook_url"),
        ({"webhook_url": "http://[::ffff:10.0.0.1]/"}, "webhook_url"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_work_is_refused(lena: User, project: Project, wrong, field) -> None:
    with pytest.raises(Invalid) as refused:
        rule(lena, project, **wrong)
    assert refused.value.field == field
    assert not AlertRule.objects.exists()


def test_a_project_has_only_so_many_rules(lena: User, project: Project) -> None:
    AlertRule.objects.bulk_create(
        AlertRule(project=project, signal="person", threshold=n + 1) for n in range(50)
    )
    with pytest.raises(Conflict, match="at most 50 rules"):
        rule(lena, project)


def test_without_a_mail_server_nobody_is_promised_a_mail(lena, project, settings) -> None:
    settings.EMAIL_IS_SET_UP = False
    with pytest.raises(Unavailable):
        rule(lena, project, emails="lena@example.org")
