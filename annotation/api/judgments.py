"""What was judged, for leads and reviewers: who is a pseudonym here, and stays one."""

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers

from annotation.api.base import ListView, Strict, person
from annotation.models import CriterionAnswer, Judgment, Rewrite, Span, User
from annotation.selectors import access
from annotation.selectors.disputes import decisions_in_force
from annotation.selectors.judgments import live


class Numbers(serializers.ListField):
    child = serializers.IntegerField()


class CriterionAnswerOut(serializers.ModelSerializer):
    criterion = serializers.SlugField(source="criterion.key", read_only=True)
    groups = serializers.ListField(child=Numbers(), allow_null=True)
    ratings = Numbers(allow_null=True)

    class Meta:
        model = CriterionAnswer
        fields = ["criterion", "groups", "strength", "ratings"]
        read_only_fields = fields


class SpanOut(serializers.ModelSerializer):
    """A marked passage: `start` and `end` in the completion's text, the others in its rendering."""

    completion = serializers.IntegerField(source="candidate.completion_id")

    class Meta:
        model = Span
        fields = [
            "completion",
            "label",
            "start",
            "end",
            "shown_start",
            "shown_end",
            "quote",
            "note",
        ]
        read_only_fields = fields


class RewriteOut(serializers.ModelSerializer):
    completion = serializers.IntegerField(source="candidate.completion_id")

    class Meta:
        model = Rewrite
        fields = ["completion", "text"]
        read_only_fields = fields


class JudgmentOut(serializers.ModelSerializer):
    """Groups hold positions in `completions`, best first; `shown` lists them as displayed."""

    kind = serializers.SerializerMethodField(help_text="judgment, or adjudication: a decision.")
    annotator = serializers.CharField(source="annotator.pseudonym", help_text="A pseudonym.")
    is_simulated = serializers.SerializerMethodField()
    prompt = serializers.IntegerField(source="comparison.prompt_id")
    completions = serializers.SerializerMethodField()
    groups = serializers.ListField(child=Numbers())
    shown = Numbers(source="assignment.display_order")
    criteria = CriterionAnswerOut(source="answers", many=True)
    spans = SpanOut(many=True)
    rewrite = serializers.SerializerMethodField()

    class Meta:
        model = Judgment
        fields = [
            "id", "kind", "comparison", "prompt", "completions", "annotator", "is_simulated",
            "groups", "shown", "strength", "both_bad", "criteria", "spans", "rewrite", "rationale",
            "confidence", "active_ms", "first_viewed_ms", "sitting_ms", "pace", "source",
            "revision", "judged_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_kind(self, judgment: Judgment) -> str:
        return "adjudication" if judgment.is_adjudication else "judgment"

    def get_is_simulated(self, judgment: Judgment) -> bool:
        return judgment.annotator.kind == User.Kind.SIMULATED

    @extend_schema_field(RewriteOut(allow_null=True))
    def get_rewrite(self, judgment: Judgment) -> object:
        rewrite = getattr(judgment, "rewrite", None)
        return RewriteOut(rewrite).data if rewrite else None

    def get_completions(self, judgment: Judgment) -> list[int]:
        candidates = sorted(judgment.comparison.candidates.all(), key=lambda c: c.position)
        return [candidate.completion_id for candidate in candidates]


class JudgmentQuery(Strict):
    include_simulated = serializers.BooleanField(
        default=False, help_text="With what synthetic annotators judged."
    )
    with_quarantined = serializers.BooleanField(
        default=False, help_text="With what quarantined people judged, which is left out elsewhere."
    )
    with_repeats = serializers.BooleanField(
        default=False, help_text="With second answers to hidden repeats."
    )
    include_adjudications = serializers.BooleanField(
        default=False, help_text="With reviewers' decisions of disputes."
    )


@extend_schema_view(get=extend_schema(parameters=[JudgmentQuery], operation_id="judgments_list"))
class Judgments(ListView):
    """Each annotator's newest word on each comparison."""

    queryset = Judgment.objects.none()
    serializer_class = JudgmentOut

    def get_queryset(self) -> QuerySet[Judgment]:
        project = access.project_for_viewer(user=person(self.request), slug=self.kwargs["slug"])
        query = JudgmentQuery(data={k: v for k, v in self.request.query_params.items()
                                    if k in JudgmentQuery().fields})  # fmt: skip
        query.is_valid(raise_exception=True)
        options = dict(query.validated_data)
        with_decisions = options.pop("include_adjudications")
        judgments = live(project, **options)
        if with_decisions:
            decisions = decisions_in_force(
                project, include_simulated=bool(options.get("include_simulated"))
            )
            judgments = Judgment.objects.filter(
                Q(pk__in=judgments.values("pk")) | Q(pk__in=decisions.values("pk"))
            )
        return judgments.select_related(
            "annotator", "comparison", "assignment", "rewrite__candidate"
        ).prefetch_related("comparison__candidates", "answers__criterion", "spans__candidate")
