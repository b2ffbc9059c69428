"""Reading a posted answer sheet as a judgment, and a judgment as the values of an answer sheet.

Names on the sheet: `choice` ("0:3" is slot 0 much better, "tie", "both_bad"), `rank-<slot>`,
`criterion-<key>` or `criterion-<key>-<slot>`, `rationale`, `confidence`, `active_ms`, `token`, and
those of passages.py.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from django.utils.translation import gettext as _

from annotation.core.errors import Invalid
from annotation.core.rankings import Groups, as_shown, ranks
from annotation.models import ComparisonKind, Criterion, Judgment
from annotation.selectors.judgments import groups_of_ratings
from annotation.selectors.work import LETTERS, Presentation
from annotation.services.answers import CriterionInput, JudgmentInput
from annotation.web.passages import passage_values, read_first_views, read_rewrite, read_spans

TIE, BOTH_BAD = "tie", "both_bad"


class AskedCriterion(Protocol):
    @property
    def key(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def scale(self) -> str: ...


class Asks(Protocol):
    """What a sheet asks, as far as reading it goes."""

    @property
    def kind(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def criteria(self) -> Sequence[AskedCriterion]: ...


Values = Mapping[str, str]


def token_of(values: Values) -> UUID:
    """The idempotency token of the sheet. Raises Invalid when the sheet was tampered with."""
    try:
        return UUID(values.get("token", ""))
    except ValueError as error:
        raise Invalid(
            _("This page is out of date."), field="token", hint=_("Load it again and submit.")
        ) from error


def read_draft(body: bytes) -> dict[str, Any]:
    """What the page keeps of a sheet: fields, active_ms, version, amends. Raises Invalid."""
    try:
        sent = json.loads(body)
        amends = sent.get("amends")
        return {
            "fields": {str(name): str(value) for name, value in sent["fields"].items()},
            "active_ms": int(sent.get("active_ms", 0)),
            "version": int(sent.get("version", 0)),
            "amends": None if amends is None else int(amends),
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Invalid(_("This is not an answer sheet."), field="fields") from error


def read_answer(values: Values, shown: Asks) -> JudgmentInput:
    """The answer in slots as displayed. Raises Invalid that names what is missing or unreadable."""
    groups, strength, both_bad = _read_overall(values, shown)
    return JudgmentInput(
        groups=groups,
        strength=strength,
        both_bad=both_bad,
        criteria=dict(_read_criteria(values, shown)),
        rationale=values.get("rationale", ""),
        confidence=_number(values, "confidence"),
        active_ms=_active_ms(values),
        first_viewed_ms=read_first_views(values, shown.size),
        spans=read_spans(values),
        rewrite=read_rewrite(values),
    )


def values_of(judgment: Judgment | None, shown: Presentation) -> dict[str, str]:
    """What the sheet would hold if it said what the judgment says; empty for none."""
    if judgment is None:
        return {}
    order = shown.assignment.display_order
    groups = as_shown(_tuples(judgment.groups), order)
    values = {"rationale": judgment.rationale, **passage_values(judgment)}
    if judgment.confidence is not None:
        values["confidence"] = str(judgment.confidence)
    if judgment.both_bad:
        values["choice"] = BOTH_BAD
    elif shown.kind == ComparisonKind.PAIRWISE:
        values["choice"] = _choice(groups, judgment.strength)
    else:
        values |= _placed("rank", groups)
    for answer in judgment.answers.all():
        name = f"criterion-{answer.criterion.key}"
        if answer.ratings is not None:
            values |= {f"{name}-{slot}": str(answer.ratings[at]) for slot, at in enumerate(order)}
        elif shown.kind == ComparisonKind.PAIRWISE:
            values[name] = _choice(as_shown(_tuples(answer.groups), order), answer.strength)
        else:
            values |= _placed(name, as_shown(_tuples(answer.groups), order))
    return values


def _read_overall(values: Values, shown: Asks) -> tuple[Groups, int | None, bool]:
    size = shown.size
    choice = values.get("choice", "")
    if choice == BOTH_BAD:
        return (tuple(range(size)),), None, True
    if shown.kind == ComparisonKind.PAIRWISE:
        if not choice:
            raise Invalid(_("Choose an answer first."), field="groups")
        return *_read_choice(choice, "groups"), False
    return _read_ranks(values, "rank", size, "groups"), None, False


def _read_choice(choice: str, field: str) -> tuple[Groups, int | None]:
    if choice == TIE:
        return ((0, 1),), None
    winner, _colon, strength = choice.partition(":")
    if winner not in {"0", "1"} or not (strength == "" or strength.isdecimal()):
        raise Invalid(_("“%(choice)s” is not an answer.") % {"choice": choice[:40]}, field=field)
    return ((int(winner),), (1 - int(winner),)), int(strength) if strength else None


def _read_ranks(values: Values, name: str, size: int, field: str) -> Groups:
    """Ranks as groups, best first; equal ranks tie, and a rank that nobody has is passed over."""
    placed = [_number(values, f"{name}-{slot}") for slot in range(size)]
    given = [rank for rank in placed if rank is not None]
    if len(given) < size:
        absent = [LETTERS[slot] for slot, rank in enumerate(placed) if rank is None]
        raise Invalid(
            _("Not ranked yet: %(letters)s.") % {"letters": ", ".join(absent)}, field=field
        )
    best_first = groups_of_ratings([-rank for rank in given])
    return tuple(tuple(group) for group in best_first)


def _read_criteria(values: Values, shown: Asks) -> Iterator[tuple[str, CriterionInput]]:
    for criterion in shown.criteria:
        given = _read_criterion(values, criterion, shown)
        if given is not None:
            yield criterion.key, given


def _read_criterion(
    values: Values, criterion: AskedCriterion, shown: Asks
) -> CriterionInput | None:
    """None where nothing was said; half an answer is refused, so that nobody loses it unawares."""
    name, size = f"criterion-{criterion.key}", shown.size
    is_rating = criterion.scale == Criterion.Scale.RATING
    if shown.kind == ComparisonKind.PAIRWISE and not is_rating:
        if not values.get(name):
            return None
        groups, strength = _read_choice(values[name], criterion.key)
        return CriterionInput(groups=groups, strength=strength)
    given = [_number(values, f"{name}-{slot}") for slot in range(size)]
    if all(value is None for value in given):
        return None
    if any(value is None for value in given):
        raise Invalid(
            _("“%(name)s” is answered for some responses only.") % {"name": criterion.name},
            field=criterion.key,
            hint=_("Answer it for every response, or for none."),
        )
    if is_rating:
        return CriterionInput(ratings=tuple(value for value in given if value is not None))
    return CriterionInput(groups=_read_ranks(values, name, size, criterion.key))


def _number(values: Values, name: str) -> int | None:
    written = values.get(name, "").strip()
    if not written:
        return None
    if not (written.isdecimal() and len(written) <= 9):
        raise Invalid(_("“%(text)s” is not a number.") % {"text": written[:40]}, field=name)
    return int(written)


def _active_ms(values: Values) -> int | None:
    """The time that the page measured; an unreadable one is unknown, not a reason to refuse."""
    written = values.get("active_ms", "")
    return int(written) if written.isdecimal() and len(written) <= 9 else None


def _tuples(groups: list[list[int]] | None) -> Groups:
    return tuple(tuple(group) for group in groups or ())


def _choice(groups: Groups, strength: int | None) -> str:
    if len(groups) == 1:
        return TIE
    return f"{groups[0][0]}:{strength}" if strength else str(groups[0][0])


def _placed(name: str, groups: Groups) -> dict[str, str]:
    return {f"{name}-{slot}": str(rank) for slot, rank in enumerate(ranks(groups))}
