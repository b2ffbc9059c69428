"""Where leads find comparisons with a known order: judged ones, any prompt's responses, a file.

Names on the forms: `rank-<completion>` (1 is best, the same rank twice is a tie, empty is left
out), `explanation`, `phase`, and `file` or `rows` for JSONL.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from annotation.core.errors import Invalid
from annotation.core.files import read_records
from annotation.core.known_answers import KnownAnswer, parse_known_answer
from annotation.core.rankings import Groups, ranks
from annotation.models import Completion, Project, Prompt
from annotation.selectors.gold import comparisons_agreed, prompts_to_choose
from annotation.services.known_answers import Known, known_answers_write
from annotation.web.lead import chosen

MOST_BYTES = 8 * 1024 * 1024
SOURCES = ("agreed", "prompts")
SHARES = ("0.6", "0.8", "1.0")


@dataclass(frozen=True, slots=True)
class Offer:
    """A prompt with responses that could be shown together; `rank` is proposed, by completion."""

    prompt: Prompt
    completions: list[tuple[Completion, int | None]]
    words: str = ""


def offers(request: HttpRequest, project: Project) -> dict[str, object]:
    """What templates/lead/known_sources.html takes."""
    source = chosen(request.GET, "from", SOURCES, "agreed")
    words = request.GET.get("q", "").strip()[:200]
    at_least = chosen(request.GET, "share", SHARES, "0.8")
    found = _agreed(project, words, float(at_least)) if source == "agreed" else _any(project, words)
    return {
        "source": source,
        "words": words,
        "share": at_least,
        "shares": [(share, f"{100 * float(share):.0f}%") for share in SHARES],
        "offers": found,
        "is_searched": "q" in request.GET or "from" in request.GET,
    }


def read_known(post: QueryDict) -> Known:
    """One comparison as the form says it. Raises Invalid naming the field."""
    given = sorted(
        (rank, int(name.removeprefix("rank-")))
        for name, value in post.items()
        if name.startswith("rank-") and name[5:].isdecimal() and (rank := _rank(value))
    )
    if len(given) < 2:
        raise Invalid(_("Give at least two responses a rank."), field="order")
    ids = tuple(sorted(key for _rank_of, key in given))
    groups: Groups = tuple(
        tuple(sorted(ids.index(key) for rank, key in given if rank == level))
        for level in sorted({rank for rank, _key in given})
    )
    prompt = post.get("prompt", "")
    return Known(
        prompt_id=int(prompt) if prompt.isdecimal() else 0,
        completion_ids=ids,
        groups=groups,
        explanation=post.get("explanation", ""),
        phase=post.get("phase") or None,
    )


def read_upload(request: HttpRequest, project: Project) -> list[Known]:
    """The rows of an uploaded file, stored. Raises FileInvalid naming row and field."""
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile):
        raise Invalid(_("Choose a file first."), field="file")
    if (file.size or 0) > MOST_BYTES:
        raise Invalid(_("The file is larger than 8 MB."), field="file", hint=_("Split it."))
    name = file.name or "rows.jsonl"
    suffix = "".join(Path(name.lower()).suffixes[-2:]) or ".jsonl"
    with tempfile.NamedTemporaryFile(suffix=suffix) as kept:
        for part in file.chunks():
            kept.write(part)
        kept.flush()
        rows: list[tuple[int, KnownAnswer]] = list(
            read_records(Path(kept.name), parse_known_answer, name=name)
        )
    return known_answers_write(project=project, rows=rows, name=name)


def _agreed(project: Project, words: str, at_least: float) -> list[Offer]:
    return [
        Offer(
            agreed.comparison.prompt,
            [
                (candidate.completion, rank)
                for candidate, rank in zip(
                    agreed.comparison.candidates.all(), ranks(agreed.groups), strict=True
                )
            ],
            _("%(right)s of %(n)s say %(order)s")
            % {
                "right": round((agreed.share.value or 0) * agreed.share.n),
                "n": agreed.share.n,
                "order": agreed.order,
            },
        )
        for agreed in comparisons_agreed(project, words=words, at_least=at_least)
    ]


def _any(project: Project, words: str) -> list[Offer]:
    return [
        Offer(prompt, [(completion, None) for completion in prompt.completions.all()])
        for prompt in prompts_to_choose(project, words=words)
    ]


def _rank(value: object) -> int | None:
    written = str(value).strip()
    if not written:
        return None
    if not (written.isdecimal() and 1 <= int(written) <= 9):
        raise Invalid(_("A rank is a number from 1 to 9."), field="order")
    return int(written)
