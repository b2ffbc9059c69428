"""The answer sheet of a comparison: what its project asks, with what is filled in already."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.models import Ask, ComparisonKind, Criterion, Span
from annotation.selectors.work import LETTERS, Presentation, ShownCriterion
from annotation.web.forms import BOTH_BAD, TIE, Values

SIGNS = {1: "≥", 2: ">", 3: "≫"}
PREFERENCES = {
    1: gettext_lazy("%(letter)s slightly better"),
    2: gettext_lazy("%(letter)s better"),
    3: gettext_lazy("%(letter)s much better"),
}
SPAN_WORDS = {
    "good": gettext_lazy("Good"),
    "bad": gettext_lazy("Bad"),
    "false": gettext_lazy("False"),
}


@dataclass(frozen=True, slots=True)
class Option:
    """One button of a row: `label` in full, `sign` for where there is little room."""

    value: str
    label: str
    sign: str
    is_chosen: bool
    key: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A group of options that are posted under one name."""

    name: str
    label: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class CriterionRows:
    """One row, or one for each response."""

    criterion: ShownCriterion
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    scale: tuple[Option, ...]
    both_bad: Option | None
    ranks: tuple[Row, ...]
    criteria: tuple[CriterionRows, ...]
    confidence: Row | None
    asks_rationale: bool
    needs_rationale: bool
    rationale: str
    asks_spans: bool
    needs_spans: bool
    spans: str
    span_labels: tuple[tuple[str, str], ...]
    asks_rewrite: bool
    needs_rewrite: bool
    rewrite: str
    rewrite_slots: tuple[Option, ...]
    first_viewed_ms: str

    @property
    def has_details(self) -> bool:
        asks = self.asks_rationale or self.asks_spans or self.asks_rewrite
        return bool(asks or self.criteria or self.confidence)


def answer_sheet(shown: Presentation, values: Values) -> Sheet:
    project = shown.project
    is_pairwise = shown.kind == ComparisonKind.PAIRWISE
    return Sheet(
        scale=_scale(shown, values) if is_pairwise else (),
        both_bad=_both_bad(shown, values) if project.allow_both_bad else None,
        ranks=() if is_pairwise else _rank_rows("rank", shown, values),
        criteria=tuple(_criterion(criterion, shown, values) for criterion in shown.criteria),
        confidence=None if project.confidence == Ask.OFF else _confidence(values),
        asks_rationale=project.rationale != Ask.OFF,
        needs_rationale=project.rationale == Ask.REQUIRED,
        rationale=values.get("rationale", ""),
        asks_spans=project.spans != Ask.OFF,
        needs_spans=project.spans == Ask.REQUIRED,
        spans=values.get("spans", ""),
        span_labels=tuple((value, str(SPAN_WORDS[value])) for value in Span.Label.values),
        asks_rewrite=project.rewrite != Ask.OFF,
        needs_rewrite=project.rewrite == Ask.REQUIRED,
        rewrite=values.get("rewrite", ""),
        rewrite_slots=_rewrite_slots(shown, values),
        first_viewed_ms=values.get("first_viewed_ms", ""),
    )


def preference_in_words(letter: str, strength: int | None = None) -> str:
    """ "A much better"; without a strength "A better"."""
    return str(PREFERENCES[strength or 2] % {"letter": letter})


def _scale(shown: Presentation, values: Values) -> tuple[Option, ...]:
    """From "A much better" over a tie to "B much better", as far as the project's scale goes."""
    strengths: tuple[int | None, ...] = shown.strengths or (None,)
    steps = [_preference(0, strength) for strength in reversed(strengths)]
    steps += [_preference(1, strength) for strength in strengths]
    if shown.project.allow_tie:
        steps.insert(len(steps) // 2, (TIE, _("Tie"), "="))
    chosen = values.get("choice", "")
    return tuple(
        Option(value, label, sign, value == chosen, key=str(number))
        for number, (value, label, sign) in enumerate(steps, start=1)
    )


def _preference(slot: int, strength: int | None) -> tuple[str, str, str]:
    letter = LETTERS[slot]
    if strength is None:
        return str(slot), preference_in_words(letter), letter
    return f"{slot}:{strength}", preference_in_words(letter, strength), letter + SIGNS[strength]


def _both_bad(shown: Presentation, values: Values) -> Option:
    label = _("Both bad") if shown.kind == ComparisonKind.PAIRWISE else _("All bad")
    return Option(BOTH_BAD, label, "✕", values.get("choice") == BOTH_BAD, key="x")


def _rank_rows(name: str, shown: Presentation, values: Values) -> tuple[Row, ...]:
    numbers = [str(rank) for rank in range(1, len(shown.candidates) + 1)]
    return tuple(
        _numbers_row(
            f"{name}-{candidate.slot}",
            _("Rank of response %(letter)s") % {"letter": candidate.letter},
            numbers,
            values,
        )
        for candidate in shown.candidates
    )


def _criterion(criterion: ShownCriterion, shown: Presentation, values: Values) -> CriterionRows:
    name = f"criterion-{criterion.key}"
    if criterion.scale == Criterion.Scale.RATING:
        rows = tuple(
            _numbers_row(
                f"{name}-{candidate.slot}",
                _("Response %(letter)s") % {"letter": candidate.letter},
                ["1", "2", "3", "4", "5"],
                values,
            )
            for candidate in shown.candidates
        )
    elif shown.kind == ComparisonKind.RANKING:
        rows = _rank_rows(name, shown, values)
    else:
        rows = (_preference_row(name, criterion.name, shown, values),)
    return CriterionRows(criterion, rows)


def _preference_row(name: str, label: str, shown: Presentation, values: Values) -> Row:
    steps = [_preference(slot, None) for slot in (0, 1)]
    if shown.project.allow_tie:
        steps.insert(1, (TIE, _("Tie"), "="))
    # A judgment from elsewhere may carry a strength that this short row does not ask for.
    chosen = values.get(name, "").partition(":")[0]
    return Row(
        name,
        label,
        tuple(Option(value, words, sign, value == chosen) for value, words, sign in steps),
    )


def _confidence(values: Values) -> Row:
    return _numbers_row("confidence", _("How sure are you?"), ["1", "2", "3", "4", "5"], values)


def _rewrite_slots(shown: Presentation, values: Values) -> tuple[Option, ...]:
    chosen = values.get("rewrite_slot", "")
    return tuple(
        Option(
            str(candidate.slot),
            _("Response %(letter)s") % {"letter": candidate.letter},
            candidate.letter,
            str(candidate.slot) == chosen,
        )
        for candidate in shown.candidates
    )


def _numbers_row(name: str, label: str, numbers: list[str], values: Values) -> Row:
    chosen = values.get(name, "")
    options = (Option(number, number, number, number == chosen) for number in numbers)
    return Row(name, label, tuple(options))
