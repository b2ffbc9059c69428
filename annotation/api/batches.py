"""Batches over REST: opening them, how far they are, what is stuck, and what a lead does about it.

Every change goes through the same services as the pages.
"""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.base import ListView, Strict, View, documented, person, read
from annotation.core.errors import NotFound
from annotation.models import Assignment, Batch, Comparison, Project, User
from annotation.models.project import draw_seed
from annotation.selectors import access
from annotation.selectors.batch_work import (
    BatchProgress,
    batch_progress,
    finishes,
    one_batch_progress,
    people_at_work,
    people_to_ask,
)
from annotation.selectors.stuck import Stuck, stuck
from annotation.services.batches import (
    batch_extend,
    batch_open,
    batch_rename,
    batch_state_set,
    selections_sample,
)
from annotation.services.comparisons import (
    comparison_give,
    comparison_state_set,
    lease_take_back,
)
from annotation.services.suggestions import suggestions_set

MOST_SUGGESTIONS = 10_000


class BatchOut(serializers.ModelSerializer):
    comparisons = serializers.SerializerMethodField()
    judgments_wanted = serializers.SerializerMethodField()
    judged = serializers.SerializerMethodField()

    class Meta:
        model = Batch
        fields = [
            "id", "name", "reason", "state", "seed", "comparisons", "judgments_wanted", "judged",
            "created_at", "closed_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_comparisons(self, batch: Batch) -> int:
        return int(self.context["progress"][batch.pk].n_comparisons)

    def get_judgments_wanted(self, batch: Batch) -> int:
        return int(self.context["progress"][batch.pk].wanted)

    def get_judged(self, batch: Batch) -> int:
        return int(self.context["progress"][batch.pk].judged)


class FinishOut(serializers.Serializer):
    """When the last judgment comes, with its 95 % interval, and what that rests on."""

    at = serializers.DateTimeField()
    soonest = serializers.DateTimeField()
    latest = serializers.DateTimeField(allow_null=True)
    per_hour = serializers.FloatField(source="rate.per_hour")
    low = serializers.FloatField(source="rate.low")
    high = serializers.FloatField(source="rate.high")
    n = serializers.IntegerField(source="rate.n", help_text="Judgments that it is estimated from.")
    hours = serializers.FloatField(source="rate.hours", help_text="In so much time.")


class BatchDetailOut(BatchOut):
    finish = serializers.SerializerMethodField()
    people_at_work = serializers.SerializerMethodField()
    waiting = serializers.SerializerMethodField(help_text="Comparisons with room for a judge.")
    done = serializers.SerializerMethodField()
    retired = serializers.SerializerMethodField()
    leased = serializers.SerializerMethodField(help_text="Judgments that are being made.")

    class Meta(BatchOut.Meta):
        fields = [*BatchOut.Meta.fields, "waiting", "done", "retired", "leased", "people_at_work",
                  "finish"]  # fmt: skip

    @extend_schema_field(FinishOut(allow_null=True))
    def get_finish(self, batch: Batch) -> object:
        found = finishes(batch.project, [self._progress(batch)]).get(batch.pk)
        return FinishOut(found).data if found else None

    def get_people_at_work(self, batch: Batch) -> int:
        return people_at_work(batch)

    def get_waiting(self, batch: Batch) -> int:
        return self._progress(batch).n_waiting

    def get_done(self, batch: Batch) -> int:
        return self._progress(batch).n_done

    def get_retired(self, batch: Batch) -> int:
        return self._progress(batch).n_retired

    def get_leased(self, batch: Batch) -> int:
        return self._progress(batch).leased

    def _progress(self, batch: Batch) -> BatchProgress:
        found: BatchProgress = self.context["progress"][batch.pk]
        return found


class BatchIn(Strict):
    name = serializers.CharField(max_length=160)
    size = serializers.IntegerField(min_value=1, max_value=10_000, help_text="Comparisons at most.")
    per_prompt = serializers.IntegerField(min_value=1, max_value=100, default=1)
    overlap = serializers.IntegerField(min_value=1, max_value=500, required=False)
    seed = serializers.IntegerField(
        min_value=0, max_value=2**62, required=False, help_text="Drawn and recorded when absent."
    )


class BatchChangeIn(Strict):
    name = serializers.CharField(max_length=160, required=False)
    state = serializers.ChoiceField(Batch.State.choices, required=False)


class ExtendIn(Strict):
    by = serializers.IntegerField(min_value=1, max_value=500, default=1)
    comparisons = serializers.ListField(
        child=serializers.IntegerField(),
        required=False,
        max_length=10_000,
        help_text="Ids of open comparisons of the batch; all of them when absent.",
    )


class ExtendedOut(serializers.Serializer):
    comparisons = serializers.IntegerField(help_text="Of how many one asks more.")


class StuckLaneOut(serializers.Serializer):
    language = serializers.CharField(source="lane.language")
    skills = serializers.ListField(source="lane.skills", child=serializers.CharField())
    is_harmful = serializers.BooleanField(source="lane.is_harmful")
    waiting = serializers.IntegerField(source="n_waiting")
    reason = serializers.CharField()


class StuckItemOut(serializers.Serializer):
    comparison = serializers.IntegerField(source="comparison.pk")
    reasons = serializers.ListField(child=serializers.CharField())


class StuckOut(serializers.Serializer):
    lanes = StuckLaneOut(many=True)
    items = StuckItemOut(many=True)
    looked_at = serializers.IntegerField(source="n_looked_at")


class ComparisonOut(serializers.ModelSerializer):
    class Meta:
        model = Comparison
        fields = [
            "id", "batch", "prompt", "kind", "state", "overlap", "taken", "judged", "utility",
        ]  # fmt: skip
        read_only_fields = fields


class ComparisonChangeIn(Strict):
    state = serializers.ChoiceField(Comparison.State.choices)


class GiveIn(Strict):
    username = serializers.CharField(max_length=150)
    hours = serializers.IntegerField(min_value=1, max_value=336, default=24)


class LeaseOut(serializers.ModelSerializer):
    class Meta:
        model = Assignment
        fields = ["id", "comparison", "state", "leased_at", "expires_at"]
        read_only_fields = fields


class Batches(ListView):
    queryset = Batch.objects.none()
    serializer_class = BatchOut

    def get_queryset(self) -> QuerySet[Batch]:
        project = access.project_for_viewer(user=person(self.request), slug=self.kwargs["slug"])
        return project.batches.all()

    def get_serializer_context(self) -> Mapping[str, Any]:
        context = super().get_serializer_context()
        if "slug" not in self.kwargs:
            return context
        project = access.project_for_viewer(user=person(self.request), slug=self.kwargs["slug"])
        return {**context, "progress": _progress(project)}

    @documented(BatchOut, body=BatchIn, code=201)
    def post(self, request: Request, slug: str) -> Response:
        """Opens comparisons of completions not shown together yet, balanced over policies."""
        actor = person(request)
        project = access.project_for_lead(user=actor, slug=slug)
        given = read(BatchIn, request)
        seed = given.get("seed", draw_seed())
        selections = selections_sample(project=project, per_prompt=given["per_prompt"], seed=seed)
        batch = batch_open(
            actor=actor,
            project=project,
            name=given["name"],
            reason=Batch.Reason.MANUAL,
            selections=selections[: given["size"]],
            overlap=given.get("overlap"),
            seed=seed,
        )
        answer = BatchOut(batch, context={"progress": _progress(project)})
        return Response(answer.data, status=status.HTTP_201_CREATED)


class BatchDetail(View):
    @documented(BatchDetailOut, operation_id="batches_retrieve")
    def get(self, request: Request, pk: int) -> Response:
        """How far the batch is, and when it will be done."""
        return _detail(access.batch_for_lead(user=person(request), batch_id=pk))

    @documented(BatchDetailOut, body=BatchChangeIn, operation_id="batches_change")
    def patch(self, request: Request, pk: int) -> Response:
        """Renames, pauses, closes or reopens it. Leases of a batch that is not open return."""
        actor = person(request)
        batch = access.batch_for_lead(user=actor, batch_id=pk)
        given = read(BatchChangeIn, request)
        if "name" in given:
            batch = batch_rename(actor=actor, batch=batch, name=given["name"])
        if "state" in given:
            batch = batch_state_set(actor=actor, batch=batch, state=given["state"])
        return _detail(batch)


class BatchExtend(View):
    @documented(ExtendedOut, body=ExtendIn, operation_id="batches_extend")
    def post(self, request: Request, pk: int) -> Response:
        """Asks for more judgments of all open comparisons, or of those chosen."""
        actor = person(request)
        batch = access.batch_for_lead(user=actor, batch_id=pk)
        given = read(ExtendIn, request)
        count = batch_extend(
            actor=actor, batch=batch, by=given["by"], comparison_ids=given.get("comparisons")
        )
        return Response(ExtendedOut({"comparisons": count}).data)


class SuggestionIn(Strict):
    comparison = serializers.IntegerField()
    groups = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField(min_value=0, max_value=8)),
        help_text="Canonical positions of the candidates, best first; ties share a group.",
    )


class SuggestionsIn(Strict):
    by = serializers.CharField(help_text="Who suggests, for instance the name of a model.")
    suggestions = SuggestionIn(many=True, help_text="At most 10,000 at a time.")

    def validate_suggestions(self, given: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len(given) > MOST_SUGGESTIONS:
            raise serializers.ValidationError(f"Send {MOST_SUGGESTIONS:,} at most at a time.")
        return given


class SuggestedOut(serializers.Serializer):
    comparisons = serializers.IntegerField(help_text="How many have a suggestion now.")


class BatchSuggestions(View):
    @documented(SuggestedOut, body=SuggestionsIn, operation_id="batches_suggest")
    def post(self, request: Request, pk: int) -> Response:
        """Gives comparisons that nobody has taken an answer to suggest.

        The project's `suggestion_share` of those who judge see it, drawn at random and recorded, so
        that audits can tell how far suggestions pull votes.
        """
        actor = person(request)
        batch = access.batch_for_lead(user=actor, batch_id=pk)
        given = read(SuggestionsIn, request)
        suggestions = {each["comparison"]: each["groups"] for each in given["suggestions"]}
        n = suggestions_set(actor=actor, batch=batch, by=given["by"], suggestions=suggestions)
        return Response(SuggestedOut({"comparisons": n}).data)


class BatchStuck(View):
    @documented(StuckOut, operation_id="batches_stuck")
    def get(self, request: Request, pk: int) -> Response:
        """What waits although there is work to do, with the reason."""
        found: Stuck = stuck(access.batch_for_lead(user=person(request), batch_id=pk))
        return Response(StuckOut(found).data)


class ComparisonDetail(View):
    @documented(ComparisonOut, operation_id="comparisons_retrieve")
    def get(self, request: Request, pk: int) -> Response:
        """How many judges it wants and has."""
        found = access.comparison_for_lead(user=person(request), comparison_id=pk)
        return Response(ComparisonOut(found).data)

    @documented(ComparisonOut, body=ComparisonChangeIn, operation_id="comparisons_change")
    def patch(self, request: Request, pk: int) -> Response:
        """Retires it, so that nobody is given it any more, or restores it."""
        actor = person(request)
        found = access.comparison_for_lead(user=actor, comparison_id=pk)
        changed = comparison_state_set(
            actor=actor, comparison=found, **read(ComparisonChangeIn, request)
        )
        return Response(ComparisonOut(changed).data)


class ComparisonGive(View):
    @documented(LeaseOut, body=GiveIn, code=201, operation_id="comparisons_give")
    def post(self, request: Request, pk: int) -> Response:
        """Leases it to a person of the project by name; refused with the reason."""
        actor = person(request)
        found = access.comparison_for_lead(user=actor, comparison_id=pk)
        given = read(GiveIn, request)
        lease = comparison_give(
            actor=actor,
            comparison=found,
            person=_person(found.project, given["username"]),
            hours=given["hours"],
        )
        return Response(LeaseOut(lease).data, status=status.HTTP_201_CREATED)


class LeaseReturn(View):
    @documented(LeaseOut, operation_id="assignments_return")
    def post(self, request: Request, pk: int) -> Response:
        """Ends somebody's lease, for a lead: the comparison can be claimed again."""
        actor = person(request)
        lease = access.leased_for_lead(user=actor, assignment_id=pk)
        return Response(LeaseOut(lease_take_back(actor=actor, assignment=lease)).data)


def _person(project: Project, username: str) -> User:
    found = next((u for u in people_to_ask(project) if u.username == username), None)
    if found is None:
        raise NotFound(f"“{username}” is not in a pool of this project.", field="username")
    return found


def _detail(batch: Batch) -> Response:
    context = {"progress": {batch.pk: one_batch_progress(batch)}}
    return Response(BatchDetailOut(batch, context=context).data)


def _progress(project: Project) -> dict[int, BatchProgress]:
    return {row.batch.pk: row for row in batch_progress(project)}
