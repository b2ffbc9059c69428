"""What is judged: prompts and their import, policies and what they wrote."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import AlignUIError, Invalid, NotFound, Unavailable
from annotation.core.rendering import render_markdown
from annotation.models import (
    Candidate,
    Comparison,
    Completion,
    Judgment,
    Project,
    Prompt,
    Run,
)
from annotation.selectors.overview import latest_runs
from annotation.services.imports import KINDS
from annotation.services.projects import policy_create
from annotation.services.runs import run_create
from annotation.web.auth import person, signed_in
from annotation.web.lead import done, led, looked_at, page, send
from annotation.web.lead_forms import Field, read, shown, unplaced

PAGE_SIZE = 50
RESPONSES_SHOWN = 12
SUFFIXES = (".jsonl", ".jsonl.gz", ".ndjson", ".csv", ".parquet")
PART = 1024 * 1024

IMPORTS = (
    ("prompts", gettext_lazy("Prompts")),
    ("completions", gettext_lazy("Responses written elsewhere")),
    ("judgments", gettext_lazy("Judgments collected elsewhere")),
)

WHO_WROTE = Prefetch(
    "candidates__completion",
    queryset=Completion.objects.select_related("policy").defer("text", "html"),
)

POLICY = (
    Field("name", gettext_lazy("Name"), required=True,
          hint=gettext_lazy("The name of an existing policy makes its next version.")),
    Field("model", gettext_lazy("Model"), required=True,
          hint=gettext_lazy("“smollm2”, a transformers directory, or a hub id.")),
    Field("family", gettext_lazy("Family"),
          hint=gettext_lazy("Models of one origin share it, so that audits can tell whether a "
                            "judge prefers its own. May stay empty.")),
    Field("system_prompt", gettext_lazy("System prompt"), rows=3),
    Field("temperature", gettext_lazy("Temperature"), "number", min=0, max=5, step="0.05"),
    Field("top_p", gettext_lazy("Top p"), "number", min=0, max=1, step="0.01"),
    Field("max_new_tokens", gettext_lazy("Most new tokens"), "whole", min=1, max=8192),
)  # fmt: skip


@signed_in
@require_safe
def prompts(request: HttpRequest, slug: str) -> HttpResponse:
    return _prompts(request, looked_at(request, slug))


@signed_in
@require_safe
def prompt(request: HttpRequest, slug: str, prompt_id: int) -> HttpResponse:
    """One prompt with what was written for it and how people judged that."""
    project = looked_at(request, slug)
    found = Prompt.objects.filter(project=project, pk=prompt_id).first()
    if found is None:
        raise NotFound(_("There is no such prompt in this project."))
    comparisons = (
        found.comparisons.select_related("batch").prefetch_related(WHO_WROTE).order_by("pk")
    )
    completions = found.completions.select_related("policy").order_by("policy", "sample_index")
    return page(
        request,
        "lead/prompt.html",
        project,
        prompt=found,
        turns=[(m["role"], render_markdown(str(m["content"]))) for m in found.messages],
        paged=Paginator(completions, RESPONSES_SHOWN).get_page(request.GET.get("page")),
        votes=_votes(comparisons),
    )


@signed_in
@require_POST
def import_file(request: HttpRequest, slug: str) -> HttpResponse:
    """Keeps the file and asks a worker to read it; what is wrong in it appears with the run."""
    project = led(request, slug)
    try:
        run = _import_request(request, project)
    except AlignUIError as error:
        return _prompts(request, project, error=error)
    send(run)
    return done(request, _("The file is being read."), "annotation:prompts", slug)


@signed_in
@require_safe
def policies(request: HttpRequest, slug: str) -> HttpResponse:
    return _policies(request, looked_at(request, slug))


@signed_in
@require_POST
def policy_new(request: HttpRequest, slug: str) -> HttpResponse:
    project = led(request, slug)
    try:
        values = read(POLICY, request.POST)
        decoding = {key: values.pop(key) for key in ("temperature", "top_p", "max_new_tokens")}
        made = policy_create(actor=person(request), project=project, decoding=decoding, **values)
    except AlignUIError as error:
        return _policies(request, project, error=error)
    words = _("“%(policy)s” is ready to write.") % {"policy": made}
    return done(request, words, "annotation:policies", slug)


def _prompts(
    request: HttpRequest, project: Project, *, error: AlignUIError | None = None
) -> HttpResponse:
    everything = Prompt.objects.filter(project=project)
    counts = everything.aggregate(n=Count("pk"), held_out=Count("pk", filter=Q(is_held_out=True)))
    wanted, only = request.GET.get("q", "").strip(), request.GET.get("only", "")
    found = (
        _filtered(everything, wanted, only)
        .annotate(
            n_completions=Count("completions", distinct=True),
            n_comparisons=Count("comparisons", distinct=True),
        )
        .order_by("pk")
    )
    return page(
        request,
        "lead/prompts.html",
        project,
        status=error.status if error else 200,
        paged=Paginator(found, PAGE_SIZE).get_page(request.GET.get("page")),
        counts=counts,
        wanted=wanted,
        only=only,
        query=urlencode({"q": wanted, "only": only}) + "&",
        imports=IMPORTS,
        suffixes=",".join(SUFFIXES),
        run=latest_runs(project).get(Run.Kind.IMPORT),
        error=error,
    )


def _filtered(found: QuerySet[Prompt], wanted: str, only: str) -> QuerySet[Prompt]:
    if wanted:
        found = found.filter(
            Q(messages__icontains=wanted) | Q(external_id=wanted) | Q(tags__contains=[wanted])
        )
    if only == "held_out":
        return found.filter(is_held_out=True)
    if only == "unanswered":
        return found.filter(completions__isnull=True)
    return found


def _import_request(request: HttpRequest, project: Project) -> Run:
    kind = request.POST.get("kind", "")
    if kind not in KINDS:
        raise Invalid(_("Say what the file holds."), field="kind")
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile):
        raise Invalid(_("Choose a file first."), field="file")
    path = _keep(file)
    params = {
        "path": str(path),
        "name": file.name,
        "kind": kind,
        "allow_empty": "allow_empty" in request.POST,
    }
    return run_create(actor=person(request), project=project, kind=Run.Kind.IMPORT, params=params)


def _keep(file: UploadedFile) -> Path:
    """The upload under a name of our own. Raises Invalid for a kind of file that is not read."""
    name = (file.name or "").lower()
    suffix = next((s for s in SUFFIXES if name.endswith(s)), None)
    if suffix is None:
        raise Invalid(
            _("“%(name)s” is none of the kinds of file that are read.") % {"name": file.name},
            field="file",
            hint=_("JSONL (also gzipped), CSV or Parquet."),
        )
    path = Path(settings.UPLOADS_DIR, f"{uuid4().hex}{suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as kept:
            for part in file.chunks(PART):
                kept.write(part)
            kept.flush()
            os.fsync(kept.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise Unavailable(
            _("The file could not be stored: %(why)s.") % {"why": error.strerror or error},
            hint=_("Free some space on the server and try again; nothing was imported."),
        ) from error
    return path


def _policies(
    request: HttpRequest, project: Project, *, error: AlignUIError | None = None
) -> HttpResponse:
    n_prompts = Prompt.objects.filter(project=project).count()
    found = project.policies.annotate(
        n_completions=Count("completions"),
        n_cut=Count("completions", filter=Q(completions__finish_reason="length")),
        n_answered=Count("completions__prompt", distinct=True),
    ).order_by("-is_active", "name", "-version")
    values: dict[str, object] = (
        dict(request.POST.items())
        if error
        else {
            "model": settings.DEFAULT_MODEL, "temperature": 0.7, "top_p": 0.95,
            "max_new_tokens": 256,
        }
    )  # fmt: skip
    return page(
        request,
        "lead/policies.html",
        project,
        status=error.status if error else 200,
        policies=found,
        writers=[p for p in found if p.is_active and p.provider == "transformers"],
        n_prompts=n_prompts,
        n_completions=sum(p.n_completions for p in found),
        fields=shown(POLICY, values, error),
        run=latest_runs(project).get(Run.Kind.GENERATION),
        error=unplaced(error, POLICY),
        is_open=error is not None,
    )


@dataclass(frozen=True, slots=True)
class Votes:
    """How often each candidate was somebody's only best."""

    comparison: Comparison
    firsts: list[tuple[Candidate, int]]
    n: int


def _votes(comparisons: Iterable[Comparison]) -> list[Votes]:
    """For each comparison, from one look at all of their live judgments."""
    kept = list(comparisons)
    firsts: dict[int, Counter[int]] = {comparison.pk: Counter() for comparison in kept}
    judged: Counter[int] = Counter()
    answers = Judgment.objects.live().filter(comparison__in=kept)
    for comparison_id, groups in answers.values_list("comparison_id", "groups"):
        judged[comparison_id] += 1
        if groups and len(groups[0]) == 1:
            firsts[comparison_id][groups[0][0]] += 1
    return [
        Votes(
            comparison=each,
            firsts=[(c, firsts[each.pk][c.position]) for c in each.candidates.all()],
            n=judged[each.pk],
        )
        for each in kept
    ]
