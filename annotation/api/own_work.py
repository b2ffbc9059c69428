"""An annotator's own desk by REST: drafts, undoing a skip, and the history of what they judged."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.base import ListView, Strict, View, documented, person, read
from annotation.api.work import AssignmentOut, Slots
from annotation.core.rankings import as_shown
from annotation.models import Draft, Judgment
from annotation.selectors import access
from annotation.selectors.judgments import judgment_history
from annotation.services.assignments import assignment_unskip
from annotation.services.drafts import draft_save


class DraftIn(Strict):
    """The fields of a sheet by any names that the client likes; they come back as they were."""

    fields_ = serializers.DictField(child=serializers.CharField(allow_blank=True))
    active_ms = serializers.IntegerField(default=0, min_value=0)
    version = serializers.IntegerField(
        default=0, min_value=0, help_text="Of the draft on which this one builds; 0 for none."
    )
    amends = serializers.IntegerField(
        required=False, allow_null=True, help_text="The judgment that this draft would amend."
    )

    def get_fields(self) -> dict[str, serializers.Field]:
        """The field is called `fields`, a word that serializers keep for themselves."""
        declared: dict[str, serializers.Field] = super().get_fields()
        return {"fields" if name == "fields_" else name: f for name, f in declared.items()}


class DraftOut(serializers.Serializer):
    version = serializers.IntegerField()
    active_ms = serializers.IntegerField()
    saved_at = serializers.DateTimeField()
    amends = serializers.IntegerField(source="amends_id", allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field]:
        declared: dict[str, serializers.Field] = super().get_fields()
        return declared | {"fields": serializers.DictField(child=serializers.CharField())}


class OwnJudgmentOut(serializers.ModelSerializer):
    """What you answered, in the slots in which it was shown to you."""

    project = serializers.SlugField(source="comparison.project.slug")
    groups = serializers.SerializerMethodField(help_text="Slots, best first; ties share a group.")

    class Meta:
        model = Judgment
        fields = [
            "id", "assignment", "project", "revision", "groups", "strength", "both_bad",
            "rationale", "confidence", "active_ms", "judged_at",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=Slots()))
    def get_groups(self, judgment: Judgment) -> list[list[int]]:
        groups = tuple(map(tuple, judgment.groups))
        order = judgment.assignment.display_order
        return [list(group) for group in (as_shown(groups, order) if order else groups)]


class AssignmentDraft(View):
    @documented(DraftOut, operation_id="assignments_draft")
    def get(self, request: Request, pk: int) -> Response:
        """What you began on it; 204 where there is nothing."""
        assignment = access.assignment_for_annotator(user=person(request), assignment_id=pk)
        draft = Draft.objects.filter(assignment=assignment).first()
        if draft is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(_draft(draft))

    @documented(DraftOut, body=DraftIn, operation_id="assignments_draft_save")
    def put(self, request: Request, pk: int) -> Response:
        """Keeps what you began. 409 when another device has saved or answered since."""
        assignment = access.assignment_for_annotator(user=person(request), assignment_id=pk)
        given = read(DraftIn, request)
        draft = draft_save(annotator=person(request), assignment=assignment, **given)
        return Response(_draft(draft))


class AssignmentUnskip(View):
    @documented(AssignmentOut, operation_id="assignments_unskip")
    def post(self, request: Request, pk: int) -> Response:
        """Takes a skip back within its minute; the comparison is leased to you again."""
        assignment = access.assignment_for_annotator(user=person(request), assignment_id=pk)
        leased = assignment_unskip(annotator=person(request), assignment=assignment)
        return Response(AssignmentOut(leased).data)


@extend_schema_view(get=extend_schema(operation_id="history_list"))
class History(ListView):
    """Your own judgments that stand, newest first."""

    serializer_class = OwnJudgmentOut

    def get_queryset(self) -> QuerySet[Judgment]:
        project = access.project_for_annotator(
            user=person(self.request), slug=self.kwargs.get("slug", "")
        )
        return judgment_history(person(self.request), project=project)


def _draft(draft: Draft) -> dict[str, Any]:
    return {
        "version": draft.version,
        "active_ms": draft.active_ms,
        "saved_at": draft.saved_at,
        "amends": draft.amends_id,
        "fields": draft.fields,
    }
