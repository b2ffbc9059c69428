"""What audits say of LLM judges: each judge's sentence, picture and verdicts, and their table."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from annotation.core.figures import Table
from annotation.models import BiasAudit, Project
from annotation.templatetags.effects import EffectRow
from annotation.web import audit_words as words

Status = BiasAudit.Status


@dataclass(frozen=True, slots=True)
class JudgeShown:
    """One judge. `said` has each verdict with its badge and what counting says; `about` on what
    all of it rests; `n_undrawn` effects could be anything, and would crush the picture."""

    name: str
    sentence: str
    rows: list[EffectRow]
    n_undrawn: int
    said: list[tuple[BiasAudit, str, str, str]]
    about: str
    method: str


def judges_shown(
    project: Project, audits: Sequence[BiasAudit], *, with_links: bool
) -> list[JudgeShown]:
    """Those with most votes first."""
    of: dict[str, list[BiasAudit]] = {}
    for audit in audits:
        if audit.is_of_judge:
            of.setdefault(audit.detail["judge"], []).append(audit)
    return [_judge(project, name, own, with_links=with_links) for name, own in of.items()]


def judges_tables(audits: Sequence[BiasAudit]) -> tuple[Table, Table]:
    """What stands below the pictures, and every figure there is for the file."""
    own = [audit for audit in audits if audit.is_of_judge]
    rows = tuple((audit.detail["judge"], *words.effect_cells(audit)) for audit in own)
    columns = ("judge", *words.EFFECT_COLUMNS)
    names = ("judge", *words.SHORT_COLUMNS)
    wanted = [columns.index(name) for name in names]
    short = tuple(tuple(row[at] for at in wanted) for row in rows if row[7] is not None)
    return (
        Table("audits-judges-shown", _("LLM judges"), names, short),
        Table("audits-judges", _("LLM judges, every figure"), columns, rows),
    )


def _judge(
    project: Project, name: str, audits: Sequence[BiasAudit], *, with_links: bool
) -> JudgeShown:
    told = [audit for audit in audits if audit.estimate is not None]
    drawn = [audit for audit in told if not _says_nothing(audit)]
    return JudgeShown(
        name=name,
        sentence=_sentence(name, audits),
        rows=[words.effect_row(project, a, with_links=with_links) for a in words.in_order(drawn)],
        n_undrawn=len(told) - len(drawn),
        said=[(a, *words.badge(a.status), words.plainly(a)) for a in words.in_order(audits)],
        about=str(audits[0].detail.get("about", "")),
        method=audits[0].method,
    )


def _sentence(name: str, audits: Sequence[BiasAudit]) -> str:
    found = [audit for audit in audits if audit.status == Status.FOUND]
    if found:
        return _("%(judge)s prefers %(what)s.") % {
            "judge": name,
            "what": words.found_words(found),
        }
    told = [audit for audit in audits if audit.status != Status.UNTOLD]
    if not told:
        return _("There is too little to tell yet.")
    return words.nothing_words(told)


def _says_nothing(audit: BiasAudit) -> bool:
    """Whether the interval reaches from always to never."""
    return audit.low is None or audit.high is None or (audit.low <= -1 and audit.high >= 1)
