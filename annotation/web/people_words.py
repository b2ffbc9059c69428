"""What is said of people on the leads' pages: states, what is unusual, what was done."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from annotation.core.figures import Interval
from annotation.selectors.people import FASTEST, UNEVEN, PersonRow

STATE_WORDS: Mapping[str, Promise] = {
    "active": _("active"),
    "retraining": _("to be trained again"),
    "paused": _("paused"),
    "quarantined": _("quarantined"),
    "removed": _("removed"),
    "outside": _("in no pool"),
}
# A word for the table and a sentence for the person's page.
FLAG_WORDS: Mapping[str, tuple[Promise, str | Promise]] = {
    "slot": (
        _("one slot"),
        _("Prefers or avoids what is shown first, by more than chance and by %(n)d points.")
        % {"n": round(100 * UNEVEN)},
    ),
    "ties": (_("ties"), _("Sees no difference more often than not.")),
    "run": (_("one key"), _("Chose the same slot so often in a row that chance does not do it.")),
    "speed": (
        _("too fast"),
        _("Answers faster than %(n)d characters a second: four times as fast as people read.")
        % {"n": round(FASTEST)},
    ),
}


def figures_of(row: PersonRow, even: float) -> list[Interval]:
    """Shares on one axis; where there is no case, why."""
    shares = (
        (_("A judgment of theirs is right (estimate)"), row.quality, _("Not measured yet.")),
        (_("Agrees with others on a pair"), row.agreement, _("No comparison shared yet.")),
        (_("Right on gold"), row.gold, _("No gold judged yet.")),
        (_("Says the same of hidden repeats"), row.repeats, _("No hidden repeat judged yet.")),
        (
            _("Prefers what was shown first (even: %(share)d%%)") % {"share": round(100 * even)},
            row.first,
            _("It is not recorded what stood first."),
        ),
        (_("Says “no difference”"), row.ties, _("Nothing judged yet.")),
    )
    return [
        Interval(
            str(label), share.value, share.low, share.high, share.n,
            note=str(note) if share.value is None else "",
        )
        for label, share, note in shares
    ]  # fmt: skip
