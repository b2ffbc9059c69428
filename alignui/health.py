"""Three addresses for machines: am I alive, can I serve, and how much of everything there is."""

import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import redis
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu import Connection
from kombu.exceptions import OperationalError
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

import alignui
from alignui.celery import app
from annotation.models import Assignment, Comparison, Judgment, Run

QUEUES = ("default", "gpu")

Result = TypeVar("Result")


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked, so that a database outage restarts no one."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Whether people can be served: database there and migrated. A broker's absence is only said.

    Without a broker pages and judgments work; long jobs wait. Addresses stay out of the answer,
    which anybody may read; `alignui check` shows them.
    """
    problems = {"database": database_problem(), "broker": broker_problem()}
    parts = {
        name: problem.partition(":")[0] if problem else "ok" for name, problem in problems.items()
    }
    is_ready = problems["database"] is None
    return JsonResponse({"ready": is_ready, **parts}, status=200 if is_ready else 503)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, for whoever holds the token; without one, for this machine alone."""
    if not _may_read_metrics(request):
        return HttpResponse("Not allowed. See ALIGNUI_METRICS_TOKEN.\n", status=403)
    if problem := database_problem():
        return HttpResponse(f"The database {problem}.\n", status=503, content_type="text/plain")
    registry = CollectorRegistry()
    registry.register(StateCollector())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def database_problem() -> str | None:
    """What keeps the database from serving, in words, or None."""
    try:
        pending = pending_migrations()
    except DatabaseError as error:
        return f"does not answer: {' '.join(str(error).split())}"
    if pending:
        return f"{len(pending)} migrations are not applied: run `alignui start` or `migrate`"
    return None


def pending_migrations() -> list[str]:
    """Names of the migrations this code has and the database does not; raises DatabaseError."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def broker_problem() -> str | None:
    """What keeps the broker from taking work, in words, or None."""
    return _broker(lambda _: None)[1]


def queue_lengths() -> dict[str, int]:
    """How many tasks wait in each queue; empty where the broker does not answer."""

    def lengths(broker: Connection) -> dict[str, int]:
        with broker.channel() as channel:
            return {name: _length(channel, name) for name in QUEUES}

    return _broker(lengths)[0] or {}


def _broker(ask: Callable[[Connection], Result]) -> tuple[Result | None, str | None]:
    try:
        with app.connection_for_read() as broker:
            broker.ensure_connection(max_retries=1, timeout=2)
            return ask(broker), None
    except (OperationalError, OSError, redis.RedisError) as error:
        return None, f"does not answer: {' '.join(str(error).split())}"


def _length(channel: Any, queue: str) -> int:
    return int(channel.queue_declare(queue).message_count)


def _may_read_metrics(request: HttpRequest) -> bool:
    token = os.environ.get("ALIGNUI_METRICS_TOKEN", "")
    if token:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return secrets.compare_digest(given.encode(), token.encode())
    is_proxied = "X-Forwarded-For" in request.headers
    return not is_proxied and request.META.get("REMOTE_ADDR") in {"127.0.0.1", "::1", ""}


class StateCollector(Collector):
    """Reads each figure from where the truth is, at the moment it is asked for."""

    def collect(self) -> Iterable[Metric]:
        yield _gauge("alignui_info", "The running version.", {alignui.__version__: 1}, "version")
        yield _gauge("alignui_queue_length", "Tasks waiting.", queue_lengths(), "queue")
        yield _gauge("alignui_runs", "Long jobs by state.", _by_state(Run), "state")
        yield _gauge("alignui_assignments", "Assignments by state.", _by_state(Assignment), "state")
        yield _gauge("alignui_comparisons", "Comparisons by state.", _by_state(Comparison), "state")
        live = Judgment.objects.live().count()
        yield _gauge("alignui_judgments", "Judgments that count.", {"live": live}, "state")


def _by_state(model: type[Run] | type[Assignment] | type[Comparison]) -> dict[str, int]:
    rows = model._default_manager.order_by().values_list("state").annotate(n=Count("pk"))
    return dict.fromkeys((str(value) for value in model.State.values), 0) | dict(rows)


def _gauge(name: str, text: str, values: Mapping[str, float], label: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
