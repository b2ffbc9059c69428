"""Rules on what is measured, what they have raised, and who took note of it."""

from collections.abc import Iterable

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import AlignUIError
from annotation.core.figures import Table
from annotation.models import Alert, AlertRule, Project
from annotation.selectors import alerts as selectors
from annotation.services.alerts import (
    alert_note,
    alert_rule_create,
    alert_rule_delete,
    alert_rule_state_set,
    alerts_check,
)
from annotation.tasks import send_alert_messages
from annotation.web.auth import person, signed_in
from annotation.web.lead import done, go, led, looked_at, page
from annotation.web.lead_forms import Field, read, shown, unplaced

PAGE_SIZE = 25
MOST_OPEN = 50
Signal = AlertRule.Signal
SHARES = (Signal.BIAS, Signal.DIVISION)
SIGNALS = (
    (Signal.AGREEMENT, gettext_lazy("Agreement (alpha) is below")),
    (Signal.BIAS, gettext_lazy("A bias shifts votes by at least … points")),
    (Signal.PERSON, gettext_lazy("People recommended to re-qualify or quarantine are at least")),
    (Signal.DIVISION, gettext_lazy("The share of divided pairs is above … %")),
)
PAGES = {
    Signal.AGREEMENT: "annotation:agreement",
    Signal.BIAS: "annotation:audits",
    Signal.PERSON: "annotation:people-quality",
    Signal.DIVISION: "annotation:pluralism",
}
USUAL = {"signal": Signal.AGREEMENT, "threshold": 0.4}


@signed_in
@require_safe
def alerts(request: HttpRequest, slug: str) -> HttpResponse:
    return _alerts(request, looked_at(request, slug))


@signed_in
@require_POST
def alert_rule_new(request: HttpRequest, slug: str) -> HttpResponse:
    """The rule is held against the newest figures at once, so that its lead sees what it does."""
    project = led(request, slug)
    try:
        given = read(_fields(project), request.POST)
        if given["signal"] in SHARES:
            given["threshold"] /= 100
        alert_rule_create(actor=person(request), project=project, **given)
    except AlignUIError as error:
        return _alerts(request, project, error=error)
    checked = alerts_check(project=project)
    send_alert_messages()
    words = ngettext(
        "The rule is set; it holds of %(n)s figure now.",
        "The rule is set; it holds of %(n)s figures now.",
        len(checked.opened),
    )
    return done(request, words % {"n": len(checked.opened)}, "annotation:alerts", slug)


@signed_in
@require_POST
def alert_rule_switch(request: HttpRequest, alert_rule_id: int) -> HttpResponse:
    user = person(request)
    rule = selectors.alert_rule_for_lead(user=user, rule_id=alert_rule_id)
    is_active = request.POST.get("active") == "yes"
    alert_rule_state_set(actor=user, rule=rule, is_active=is_active)
    if is_active:
        alerts_check(project=rule.project)
    send_alert_messages()
    return go(request, "annotation:alerts", rule.project.slug)


@signed_in
@require_POST
def alert_rule_remove(request: HttpRequest, alert_rule_id: int) -> HttpResponse:
    user = person(request)
    rule = selectors.alert_rule_for_lead(user=user, rule_id=alert_rule_id)
    alert_rule_delete(actor=user, rule=rule)
    words = _("The rule and its alerts are deleted; the log keeps what they were.")
    return done(request, words, "annotation:alerts", rule.project.slug)


@signed_in
@require_POST
def alert_seen(request: HttpRequest, alert_id: int) -> HttpResponse:
    user = person(request)
    alert = selectors.alert_for_lead(user=user, alert_id=alert_id)
    alert_note(actor=user, alert=alert)
    return go(request, "annotation:alerts", alert.rule.project.slug)


def _alerts(
    request: HttpRequest, project: Project, *, error: AlignUIError | None = None
) -> HttpResponse:
    fields = _fields(project)
    found, still = selectors.alerts(project), selectors.open_alerts(project)
    n_open = still.count()
    rules = list(selectors.alert_rules(project))
    return page(
        request,
        "lead/alerts.html",
        project,
        status=error.status if error else 200,
        tables=[_table(found)] if request.GET.get("csv") == "alerts" else (),
        sentence=_sentence(n_open, len(rules)),
        opened=[(each, _way(each)) for each in still[:MOST_OPEN]],
        n_more=max(n_open - MOST_OPEN, 0),
        rules=[(rule, _threshold_words(rule)) for rule in rules],
        paged=Paginator(found.filter(closed_at__isnull=False), PAGE_SIZE).get_page(
            request.GET.get("page")
        ),
        has_any=found.exists(),
        fields=shown(fields, dict(request.POST.items()) if error else USUAL, error),
        error=unplaced(error, fields),
        is_making=error is not None or not rules,
    )


def _fields(project: Project) -> tuple[Field, ...]:
    criteria = [(each.key, each.name) for each in project.criteria.all()]
    biases = [(key, _("bias by %(name)s") % {"name": key}) for key in
              selectors.known_biases(project)]  # fmt: skip
    return (
        Field("signal", _("When"), choices=SIGNALS),
        Field(
            "threshold", _("Threshold"), "number", step="any", required=True,
            hint=_("Alpha, points, a number of people, or per cent."),
        ),
        Field(
            "subject", _("Of"), choices=(("", _("any")), *criteria, *biases),
            hint=_("A criterion, or of a bias which one."),
        ),
        Field("emails", _("Tell by mail"), rows=2, hint=_("Addresses, one a line.")),
        Field(
            "webhook_url", _("Tell by webhook"),
            hint=_("Signed JSON is posted to this address."),
        ),
    )  # fmt: skip


def _sentence(n_open: int, n_rules: int) -> str:
    if n_open:
        return ngettext(
            "%(n)s alert is open.", "%(n)s alerts are open.", n_open
        ) % {"n": f"{n_open:,}"}  # fmt: skip
    if not n_rules:
        return _("No rule is set, so nothing raises an alert.")
    return _("All is within the rules, as far as the newest figures tell.")


def _way(alert: Alert) -> str:
    return reverse(PAGES[Signal(alert.rule.signal)], args=[alert.rule.project.slug])


def _threshold_words(rule: AlertRule) -> str:
    if rule.signal in SHARES:
        unit = _("%(n)s points") if rule.signal == Signal.BIAS else "%(n)s%%"
        return unit % {"n": f"{100 * rule.threshold:g}"}
    return f"{rule.threshold:g}"


def _table(found: Iterable[Alert]) -> Table:
    columns = (
        "signal", "subject", "statement", "value", "low", "high", "n", "opened", "closed",
        "seen", "seen_by",
    )  # fmt: skip
    rows = tuple(
        (
            each.rule.signal, each.subject, each.statement, each.value, each.low, each.high,
            each.n, each.opened_at.isoformat(),
            each.closed_at.isoformat() if each.closed_at else "",
            each.seen_at.isoformat() if each.seen_at else "",
            str(each.seen_by) if each.seen_by else "",
        )
        for each in found
    )  # fmt: skip
    return Table("alerts", _("Alerts"), columns, rows)
