"""What was judged, for leads and reviewers: who is a pseudonym here, and stays one."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers

from annotation.api.base import ListView, Strict, person
from annotation.models import CriterionAnswer, Judgment, User
from annotation.selectors import access
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


class JudgmentOut(serializers.ModelSerializer):
    """Groups hold positions in `completions`, best first; `shown` lists them as displayed."""

    annotator = serializers.CharField(source="annotator.pseudonym", help_text="A pseudonym.")
    is_simulated = serializers.SerializerMethodField()
    prompt = serializers.IntegerField(source="comparison.prompt_id")
    completions = serializers.SerializerMethodField()
    groups = serializers.ListField(child=Numbers())
    shown = Numbers(source="assignment.display_order")
    criteria = CriterionAnswerOut(source="answers", many=True)

    class Meta:
        model = Judgment
        fields = [
            "id", "comparison", "prompt", "completions", "annotator", "is_simulated", "groups",
            "shown", "strength", "both_bad", "criteria", "rationale", "confidence", "active_ms",
            "source", "revision", "judged_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_is_simulated(self, judgment: Judgment) -> bool:
        return judgment.annotator.kind == User.Kind.SIMULATED

    def get_completions(self, judgment: Judgment) -> list[int]:
        candidates = sorted(judgment.comparison.candidates.all(), key=lambda c: c.position)
        return [candidate.completion_id for candidate in candidates]


class JudgmentQuery(Strict):
    include_simulated = serializers.BooleanField(
        default=False, help_text="With what synthetic annotators judged."
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
        return (
            live(project, **query.validated_data)
            .select_related("annotator", "comparison", "assignment")
            .prefetch_related("comparison__candidates", "answers__criterion")
        )
