"""How people work, gold, rules, and what is done about somebody: for leads and their programs."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.base import ListView, Strict, View, documented, person, read
from annotation.core.errors import FileInvalid, Invalid, NotFound, RowProblem
from annotation.core.known_answers import parse_known_answer
from annotation.models import Comparison, Intervention, Participation, Project, QualityRule
from annotation.selectors import access, gold, integrity, interventions
from annotation.services.gold import gold_create, gold_retire
from annotation.services.integrity_figures import figures_compared
from annotation.services.interventions import (
    intervention_lift,
    intervention_open,
    quarantine_replay,
)
from annotation.services.known_answers import known_answers_write
from annotation.services.quality_rules import quality_rule_create, quality_rule_state_set
from annotation.tasks import send_quality

MOST_ROWS = 1_000


class QualityOut(serializers.ModelSerializer):
    """`signals` holds each figure with value, low, high and n."""

    annotator = serializers.CharField(source="annotator.pseudonym", help_text="A pseudonym.")
    username = serializers.CharField(source="annotator.username")
    signals = serializers.JSONField()

    class Meta:
        model = Participation
        fields = [
            "annotator", "username", "state", "qualified_at", "judged", "skipped", "quality",
            "quality_low", "quality_high", "quality_n", "signals", "measured_at",
        ]  # fmt: skip
        read_only_fields = fields


class GoldOut(serializers.ModelSerializer):
    prompt = serializers.IntegerField(source="prompt_id")
    groups = serializers.JSONField(source="gold_groups")
    explanation = serializers.CharField(source="gold_reason")

    class Meta:
        model = Comparison
        fields = ["id", "prompt", "kind", "groups", "explanation", "state"]
        read_only_fields = fields


class GoldRowsIn(Strict):
    rows = serializers.ListField(
        child=serializers.DictField(), min_length=1, max_length=MOST_ROWS,
        help_text="prompt (or messages, prompt_id), completions, order, explanation.",
    )  # fmt: skip


class ReasonIn(Strict):
    reason = serializers.CharField(max_length=2_000)


class RuleOut(serializers.ModelSerializer):
    class Meta:
        model = QualityRule
        fields = ["id", "signal", "threshold", "least_cases", "action", "is_active", "created_at"]
        read_only_fields = fields


class RuleIn(Strict):
    signal = serializers.CharField()
    threshold = serializers.FloatField(help_text="A share in 0..1, seconds, or a run's length.")
    least_cases = serializers.IntegerField(default=10)
    action = serializers.CharField()


class RuleStateIn(Strict):
    is_active = serializers.BooleanField()


class InterventionOut(serializers.ModelSerializer):
    annotator = serializers.CharField(source="participation.annotator.pseudonym")
    decided_by = serializers.CharField(source="decided_by.username", default=None)
    evidence = serializers.JSONField()

    class Meta:
        model = Intervention
        fields = [
            "id", "annotator", "action", "reason", "evidence", "rule", "decided_by", "created_at",
            "seen_at", "leaves_out_from", "replayed_at", "lifted_at", "lift_reason",
        ]  # fmt: skip
        read_only_fields = fields


class InterventionIn(Strict):
    annotator = serializers.CharField(help_text="The pseudonym.")
    action = serializers.CharField(help_text="warn, retrain, pause or quarantine.")
    reason = serializers.CharField(max_length=2_000)
    leaves_out_from = serializers.DateTimeField(default=None, allow_null=True)


class SideOut(serializers.Serializer):
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField(allow_null=True)
    note = serializers.CharField()


class ComparedOut(serializers.Serializer):
    name = serializers.CharField()
    without = SideOut()
    with_them = SideOut()


class ReplayOut(serializers.Serializer):
    comparisons = serializers.IntegerField()


class Quality(ListView):
    """Each person's score and signals, as measured last."""

    queryset = Participation.objects.none()
    serializer_class = QualityOut

    def get_queryset(self) -> QuerySet[Participation]:
        project = access.project_for_lead(user=person(self.request), slug=self.kwargs["slug"])
        return Participation.objects.filter(project=project).select_related("annotator")


class QualityMeasure(View):
    @documented(code=202, operation_id="quality_measure")
    def post(self, request: Request, slug: str) -> Response:
        """Measures everybody now, and applies the rules."""
        send_quality(_led(request, slug))
        return Response(status=status.HTTP_202_ACCEPTED)


class FiguresCompared(View):
    @documented(ComparedOut(many=True), operation_id="integrity_figures")
    def get(self, request: Request, slug: str) -> Response:
        """The project's figures with and without what quarantines leave out."""
        found = figures_compared(_led(request, slug))
        return Response(ComparedOut(found, many=True).data)


class Gold(ListView):
    queryset = Comparison.objects.none()
    serializer_class = GoldOut

    def get_queryset(self) -> QuerySet[Comparison]:
        project = access.project_for_lead(user=person(self.request), slug=self.kwargs["slug"])
        return gold.gold_comparisons(project)

    @documented(GoldOut(many=True), body=GoldRowsIn, code=201, operation_id="gold_create")
    def post(self, request: Request, slug: str) -> Response:
        """Adds gold, all rows or none; a problem names its row (from 1) and field."""
        project = _led(request, slug)
        given = _parsed(read(GoldRowsIn, request)["rows"])
        known = known_answers_write(project=project, rows=given, name="rows")
        made = gold_create(actor=person(request), project=project, known=known)
        return Response(GoldOut(made, many=True).data, status=status.HTTP_201_CREATED)


class GoldRetire(View):
    @documented(GoldOut, body=ReasonIn, operation_id="gold_retire")
    def post(self, request: Request, pk: int) -> Response:
        """Nobody gets it any more, and it counts in nobody's score."""
        comparison = gold.gold_for_lead(user=person(request), comparison_id=pk)
        retired = gold_retire(
            actor=person(request), comparison=comparison, **read(ReasonIn, request)
        )
        return Response(GoldOut(retired).data)


class Rules(ListView):
    queryset = QualityRule.objects.none()
    serializer_class = RuleOut

    def get_queryset(self) -> QuerySet[QualityRule]:
        project = access.project_for_lead(user=person(self.request), slug=self.kwargs["slug"])
        return integrity.quality_rules(project)

    @documented(RuleOut, body=RuleIn, code=201, operation_id="rules_create")
    def post(self, request: Request, slug: str) -> Response:
        """Sets a rule; it holds from the next measuring on."""
        rule = quality_rule_create(
            actor=person(request), project=_led(request, slug), **read(RuleIn, request)
        )
        return Response(RuleOut(rule).data, status=status.HTTP_201_CREATED)


class RuleState(View):
    @documented(RuleOut, body=RuleStateIn, operation_id="rules_switch")
    def post(self, request: Request, pk: int) -> Response:
        """Switches a rule on or off."""
        rule = interventions.rule_for_lead(user=person(request), rule_id=pk)
        changed = quality_rule_state_set(
            actor=person(request), rule=rule, **read(RuleStateIn, request)
        )
        return Response(RuleOut(changed).data)


class Interventions(ListView):
    """What was done about anybody's work, newest first."""

    queryset = Intervention.objects.none()
    serializer_class = InterventionOut

    def get_queryset(self) -> QuerySet[Intervention]:
        return integrity.timeline(
            access.project_for_lead(user=person(self.request), slug=self.kwargs["slug"])
        )

    @documented(InterventionOut, body=InterventionIn, code=201, operation_id="intervene")
    def post(self, request: Request, slug: str) -> Response:
        """Warns, retrains, pauses or quarantines somebody, who reads the reason."""
        project = _led(request, slug)
        given = read(InterventionIn, request)
        participation = _participation(project, given.pop("annotator"))
        if given["leaves_out_from"] and given["leaves_out_from"] > timezone.now():
            raise Invalid("Nothing is left out from the future on.", field="leaves_out_from")
        done = intervention_open(participation=participation, actor=person(request), **given)
        return Response(InterventionOut(done).data, status=status.HTTP_201_CREATED)


class InterventionLift(View):
    @documented(InterventionOut, body=ReasonIn, operation_id="interventions_lift")
    def post(self, request: Request, pk: int) -> Response:
        """Takes it back; what a quarantine left out counts again."""
        found = interventions.intervention_for_lead(user=person(request), intervention_id=pk)
        lifted = intervention_lift(
            actor=person(request), intervention=found, **read(ReasonIn, request)
        )
        return Response(InterventionOut(lifted).data)


class InterventionReplay(View):
    @documented(ReplayOut, operation_id="interventions_replay")
    def post(self, request: Request, pk: int) -> Response:
        """Asks others for one judgment more of each comparison that a quarantine leaves out."""
        found = interventions.intervention_for_lead(user=person(request), intervention_id=pk)
        n = quarantine_replay(actor=person(request), intervention=found)
        return Response({"comparisons": n})


def _led(request: Request, slug: str) -> Project:
    return access.project_for_lead(user=person(request), slug=slug)


def _participation(project: Project, pseudonym: str) -> Participation:
    found = Participation.objects.filter(project=project, annotator__pseudonym=pseudonym).first()
    if found is None:
        raise NotFound("Nobody of this pseudonym has worked in the project.")
    return found


def _parsed(rows: list[dict[str, Any]]) -> list[tuple[int, Any]]:
    known, problems = [], []
    for number, row in enumerate(rows, start=1):
        try:
            known.append((number, parse_known_answer(row)))
        except Invalid as refusal:
            problems.append(RowProblem(number, refusal.field, refusal.message))
    if problems:
        raise FileInvalid("rows", problems)
    return known
