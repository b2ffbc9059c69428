"""Rules on measured figures, the alerts that they raise, and taking note of one."""

from django.db.models import QuerySet
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.base import ListView, Strict, View, documented, person, read
from annotation.models import Alert, AlertMessage, AlertRule
from annotation.selectors import access
from annotation.selectors import alerts as selectors
from annotation.services.alerts import (
    alert_note,
    alert_rule_create,
    alert_rule_delete,
    alert_rule_state_set,
    alerts_check,
)
from annotation.tasks import send_alert_messages


class AlertRuleOut(serializers.ModelSerializer):
    emails = serializers.ListField(child=serializers.EmailField())
    secret = serializers.CharField(help_text="Signs what is posted to webhook_url.")

    class Meta:
        model = AlertRule
        fields = [
            "id", "signal", "subject", "threshold", "emails", "webhook_url", "secret",
            "is_active", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class AlertRuleIn(Strict):
    signal = serializers.CharField(help_text="agreement, bias, person or division.")
    threshold = serializers.FloatField(
        help_text="Alpha; a shift of 0 to 0.5; a number of people; a share of 0 to 1."
    )
    subject = serializers.CharField(
        default="", allow_blank=True, help_text="Key of a criterion or a bias; empty for any."
    )
    emails = serializers.ListField(child=serializers.EmailField(), default=list, max_length=20)
    webhook_url = serializers.CharField(default="", allow_blank=True)


class AlertRuleStateIn(Strict):
    is_active = serializers.BooleanField()


class AlertMessageOut(serializers.ModelSerializer):
    class Meta:
        model = AlertMessage
        fields = ["channel", "address", "state", "attempts", "next_try_at", "sent_at", "error"]
        read_only_fields = fields


class AlertOut(serializers.ModelSerializer):
    """`closed_at` is empty as long as the rule holds."""

    rule = serializers.IntegerField(source="rule_id", read_only=True)
    seen_by = serializers.CharField(source="seen_by.username", default=None, read_only=True)
    messages = AlertMessageOut(many=True, read_only=True)

    class Meta:
        model = Alert
        fields = [
            "id", "rule", "subject", "statement", "value", "low", "high", "n", "opened_at",
            "seen_at", "seen_by", "closed_at", "messages",
        ]  # fmt: skip
        read_only_fields = fields


class AlertRules(ListView):
    """The project's rules on measured figures, with the secrets that sign their messages."""

    queryset = AlertRule.objects.none()
    serializer_class = AlertRuleOut

    def get_queryset(self) -> QuerySet[AlertRule]:
        return selectors.alert_rules(
            access.project_for_lead(user=person(self.request), slug=self.kwargs["slug"])
        )

    @documented(AlertRuleOut, body=AlertRuleIn, code=201, operation_id="alert_rules_create")
    def post(self, request: Request, slug: str) -> Response:
        """Sets a rule and holds it against the newest figures at once."""
        project = access.project_for_lead(user=person(request), slug=slug)
        given = read(AlertRuleIn, request)
        given["emails"] = "\n".join(given["emails"])
        rule = alert_rule_create(actor=person(request), project=project, **given)
        alerts_check(project=project)
        send_alert_messages()
        return Response(AlertRuleOut(rule).data, status=status.HTTP_201_CREATED)


class AlertRuleDetail(View):
    @documented(AlertRuleOut, body=AlertRuleStateIn, operation_id="alert_rules_switch")
    def post(self, request: Request, pk: int) -> Response:
        """Switches a rule on or off; off, its open alerts are closed."""
        rule = selectors.alert_rule_for_lead(user=person(request), rule_id=pk)
        given = read(AlertRuleStateIn, request)
        switched = alert_rule_state_set(actor=person(request), rule=rule, **given)
        alerts_check(project=rule.project)
        send_alert_messages()
        return Response(AlertRuleOut(switched).data)

    @documented(None, code=204, operation_id="alert_rules_delete")
    def delete(self, request: Request, pk: int) -> Response:
        """Takes the rule and its alerts away; the activity log keeps what they were."""
        rule = selectors.alert_rule_for_lead(user=person(request), rule_id=pk)
        alert_rule_delete(actor=person(request), rule=rule)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Alerts(ListView):
    """What rules have raised, newest first, with how telling people of it went."""

    queryset = Alert.objects.none()
    serializer_class = AlertOut

    def get_queryset(self) -> QuerySet[Alert]:
        return selectors.alerts(
            access.project_for_lead(user=person(self.request), slug=self.kwargs["slug"])
        )


class AlertSeen(View):
    @documented(AlertOut, operation_id="alerts_seen")
    def post(self, request: Request, pk: int) -> Response:
        """Takes note of an alert in your name."""
        alert = selectors.alert_for_lead(user=person(request), alert_id=pk)
        return Response(AlertOut(alert_note(actor=person(request), alert=alert)).data)
