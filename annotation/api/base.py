"""What the views share: who is asking, strict JSON in, pages by cursor out."""

from typing import Any, cast

from django.http import Http404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, pagination, parsers, serializers, status
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.api.errors import Error
from annotation.models import Run, User
from annotation.tasks import enqueue

REFUSED = OpenApiResponse(Error, description="Refused, and why.")


class Json(parsers.JSONParser):
    """JSON; what is nested beyond reason is refused, not fatal."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError("This JSON is nested too deeply.") from error


class Strict(serializers.Serializer):
    """Input whose unknown fields are refused: a misspelt option must not be ignored in silence."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                known = ", ".join(self.fields) or "none"
                raise serializers.ValidationError(
                    {unknown[0]: f"There is no such field; there are: {known}."}
                )
        return super().to_internal_value(data)


class Cursor(pagination.CursorPagination):
    page_size = 100
    max_page_size = 500
    page_size_query_param = "limit"
    ordering = "-id"


class View(APIView):
    parser_classes = [Json]


class ListView(generics.ListAPIView):
    """Subclasses name a loader's objects in `get_queryset`, and so hold no rule of their own."""

    parser_classes = [Json]
    pagination_class = Cursor


class Nothing(View):
    """Any address that is not there: an error that programs can read, not a page."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise Http404


def person(request: Request) -> User:
    return cast(User, request.user)


def read(serializer: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    """The request's body, checked."""
    given = serializer(data=request.data)
    given.is_valid(raise_exception=True)
    return cast(dict[str, Any], given.validated_data)


class RunOut(serializers.ModelSerializer):
    project = serializers.SlugField(source="project.slug", read_only=True)

    class Meta:
        model = Run
        fields = [
            "id", "project", "kind", "state", "done", "total", "message", "params", "result",
            "error", "log", "attempt", "retry_of", "created_at", "started_at", "finished_at",
        ]  # fmt: skip
        read_only_fields = fields


def accepted(run: Run) -> Response:
    """202: the run waits for a worker; its address is in the Location header."""
    enqueue(run)
    return Response(
        RunOut(run).data,
        status=status.HTTP_202_ACCEPTED,
        headers={"Location": f"/api/v1/runs/{run.pk}"},
    )


def documented(answer: object = None, *, body: object = None, code: int = 200, **more: Any) -> Any:
    """`extend_schema` with what all our endpoints have in common."""
    return extend_schema(request=body, responses={code: answer, "4XX": REFUSED}, **more)
