"""A comparison that was leased a moment ago, as a fragment, quicker than a template can say it.

Such a comparison has no draft, no earlier answer and no error, so its markup is the same for all
comparisons of a project that ask the same in one language: the template is rendered once with marks
in place of what differs, and from then on the marks are replaced.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from uuid import uuid4

from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from annotation.models import Assignment, Flag, Project
from annotation.selectors.settled import settled_project
from annotation.selectors.work import LETTERS, Presentation, ShownCandidate, Turn, presented
from annotation.services.leasing import Lease
from annotation.web.requests import Request
from annotation.web.sheet import answer_sheet

MARK = "zq{}qz"
ASSIGNMENT_MARK = 990_000_000_000_000_017
EXPIRES_MARK = datetime(2999, 1, 2, 3, 4, 5, tzinfo=UTC)
_MARKS = re.compile(
    rf"zq([a-z0-9-]+)qz|({ASSIGNMENT_MARK})|({re.escape(EXPIRES_MARK.isoformat())})"
)

Shape = tuple[int, int, str, str, tuple[str, ...], str, str, int, bool, bool]


def fresh_comparison(
    request: Request, lease: Lease, shown: Presentation, progress: SafeString
) -> str:
    """The fragment `comparison` of a lease; `progress` is that fragment's own HTML."""
    parts = _skeleton(_shape(request, shown))
    values = _values(request, lease, shown, progress)
    return "".join(part if at % 2 == 0 else values[part] for at, part in enumerate(parts))


def _shape(request: Request, shown: Presentation) -> Shape:
    """All on which the markup depends: what differs otherwise is marked."""
    project = shown.project
    return (
        project.pk,
        project.revision,
        get_language() or "",
        shown.kind,
        tuple(turn.role for turn in shown.turns),
        shown.content_warning,
        shown.language,
        sum(1 << c.slot for c in shown.candidates if c.html) + (1 << shown.size),
        request.COOKIES.get("guideline") == "pinned",
        bool(shown.suggestion),
    )


def _values(
    request: Request, lease: Lease, shown: Presentation, progress: SafeString
) -> Mapping[str, str]:
    values = {
        "assignment": str(lease.assignment.pk),
        "expires": lease.assignment.expires_at.isoformat(),
        "token": str(uuid4()),
        "csrf": get_token(request),
        "progress": progress,
        "suggestion": escape(shown.suggestion),
    }
    for at, turn in enumerate(shown.turns):
        values[f"turn-{at}"] = turn.html
    for candidate in shown.candidates:
        values[f"html-{candidate.slot}"] = candidate.html
        values[f"text-{candidate.slot}"] = escape(candidate.text)
    return values


@lru_cache(maxsize=512)
def _skeleton(shape: Shape) -> tuple[str, ...]:
    """Text and the names of marks, in turn."""
    project = settled_project(shape[0], shape[1])
    html = _rendered(project, shape)
    parts: list[str] = []
    end = 0
    for found in _MARKS.finditer(html):
        name = found[1] or ("assignment" if found[2] else "expires")
        parts += [html[end : found.start()], name]
        end = found.end()
    return (*parts, html[end:])


def _rendered(project: Project, shape: Shape) -> str:
    _key, _revision, _language, kind, roles, warning, language, filled, is_pinned, suggests = shape
    size = filled.bit_length() - 1
    assignment = Assignment(pk=ASSIGNMENT_MARK, expires_at=EXPIRES_MARK)
    shown = presented(
        assignment,
        project,
        kind,
        warning=warning,
        language=language,
        turns=[Turn(role, _mark(f"turn-{at}"), "") for at, role in enumerate(roles)],
        candidates=[
            ShownCandidate(
                slot,
                LETTERS[slot],
                _mark(f"html-{slot}") if filled >> slot & 1 else "",
                _mark(f"text-{slot}"),
            )
            for slot in range(size)
        ],
    )
    if suggests:
        shown = replace(shown, suggestion=_mark("suggestion"))
    context = {
        "project": project,
        "shown": shown,
        "sheet": answer_sheet(shown, {}),
        "draft": None,
        "is_amendment": False,
        "is_guided": is_pinned,
        "token": _mark("token"),
        "csrf_token": _mark("csrf"),
        "progress_html": _mark("progress"),
        "skip_reasons": Assignment.SkipReason.choices,
        "flag_kinds": Flag.Kind.choices,
    }
    return render_to_string("annotation/comparison.html", context)


def _mark(name: str) -> SafeString:
    return mark_safe(MARK.format(name))
