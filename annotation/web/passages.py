"""Marked passages and the rewrite on the answer sheet: posted texts to inputs, and back.

`spans` holds a JSON list of objects (slot, start, end, quote, label, note), empty for none;
`rewrite` the text and `rewrite_slot` its response; `first_viewed_ms` times by slot: "120,,3400".
"""

import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from annotation.core.errors import Invalid
from annotation.models import Ask, Judgment, Rewrite
from annotation.services.passages import RewriteInput, SpanInput

Values = Mapping[str, str]


def read_spans(values: Values) -> tuple[SpanInput, ...]:
    """The marks in the order in which they were sent. Raises Invalid for anything else."""
    written = values.get("spans", "").strip()
    if not written:
        return ()
    try:
        return tuple(_span(each) for each in _list(json.loads(written)))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Invalid(
            _("Your marks cannot be read."), field="spans", hint=_("Mark the passages again.")
        ) from error


def read_rewrite(values: Values) -> RewriteInput | None:
    """The rewrite, if one was begun. Raises Invalid when it does not say of which response."""
    text, slot = values.get("rewrite", ""), values.get("rewrite_slot", "")
    if not text.strip():
        return None
    if not (slot.isdecimal() and len(slot) == 1):
        raise Invalid(_("Say which response you rewrote."), field="rewrite")
    return RewriteInput(slot=int(slot), text=text)


def read_first_views(values: Values, size: int) -> tuple[int | None, ...] | None:
    """When each response was first seen; what is unreadable is unknown, not a reason to refuse."""
    written = values.get("first_viewed_ms", "").split(",")
    if len(written) != size or not any(written):
        return None
    return tuple(int(ms) if ms.isdecimal() and len(ms) <= 9 else None for ms in written)


def passage_values(judgment: Judgment) -> dict[str, str]:
    """What the sheet would hold if it said what the judgment says."""
    project, order = judgment.comparison.project, judgment.assignment.display_order
    values = {}
    if project.spans != Ask.OFF:
        values["spans"] = _written(judgment, order)
    rewrite = Rewrite.objects.filter(judgment=judgment).select_related("candidate").first()
    if project.rewrite != Ask.OFF and rewrite is not None:
        values["rewrite"] = rewrite.text
        values["rewrite_slot"] = str(order.index(rewrite.candidate.position))
    return values


def _span(sent: Any) -> SpanInput:
    return SpanInput(
        slot=_whole(sent["slot"]),
        shown_start=_whole(sent["start"]),
        shown_end=_whole(sent["end"]),
        quote=_text(sent["quote"]),
        label=_text(sent["label"]),
        note=_text(sent.get("note", "")),
    )


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value.encode("utf-8", "replace").decode()


def _written(judgment: Judgment, order: list[int]) -> str:
    spans = [
        {
            "slot": order.index(span.candidate.position),
            "start": span.shown_start,
            "end": span.shown_end,
            "quote": span.quote,
            "label": span.label,
            "note": span.note,
        }
        for span in judgment.spans.select_related("candidate")
    ]
    return json.dumps(spans, ensure_ascii=False) if spans else ""
