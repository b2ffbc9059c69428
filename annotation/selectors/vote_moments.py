"""When votes were given: place in a sitting, hour of the day, days since the first."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from annotation.core.sittings import PAUSE
from annotation.models import Membership, Project
from annotation.selectors.vote_pairs import Judged

Floats = NDArray[np.float64]

DAY = 24 * 3600.0


def sitting_places(judged: Judged) -> Floats:
    """(m,): which answer of its sitting each judgment is, from 0; NaN where the time is not known.

    A sitting ends with a pause of 15 minutes, as it does at the annotator's desk; only this
    project's judgments are counted. Judgments of one person at the same second came from a list
    that tells a day at most, so nothing is known of their order.
    """
    order = np.lexsort((judged.ids, judged.times, judged.annotators))
    who, when = judged.annotators[order], judged.times[order]
    working = np.nan_to_num(judged.seconds[order])
    same = np.append(False, who[1:] == who[:-1])
    gap = np.append(np.inf, np.diff(when)) if len(when) else when
    begins = ~same | ~(gap - working < PAUSE.total_seconds())
    at = np.arange(len(order))
    places = (at - np.maximum.accumulate(np.where(begins, at, 0))).astype(np.float64)
    at_once = same & (gap < 1)
    places[~np.isfinite(when) | at_once | np.append(at_once[1:], False)[: len(at)]] = np.nan
    found = np.empty(len(order))
    found[order] = places
    return found


def local_hours(project: Project, judged: Judged) -> Floats:
    """(m,) hours, 0 to 24, by the clock of a pool that the annotator is in, else of this place.

    Where people work whose judgments were imported nobody knows.
    """
    zone_of = _zones(project, np.unique(judged.annotators).tolist())
    here = ZoneInfo(settings.TIME_ZONE)
    hours = np.full(len(judged.ids), np.nan)
    known = np.isfinite(judged.times) & ~judged.is_imported
    for at in np.flatnonzero(known):
        zone = zone_of.get(int(judged.annotators[at]), here)
        moment = datetime.fromtimestamp(judged.times[at], tz=UTC).astimezone(zone)
        hours[at] = moment.hour + moment.minute / 60
    return hours


def days_since_first(judged: Judged) -> Floats:
    """(m,) days since the project's first vote."""
    if not np.isfinite(judged.times).any():
        return judged.times
    return np.asarray((judged.times - np.nanmin(judged.times)) / DAY)


def _zones(project: Project, annotators: Iterable[int]) -> Mapping[int, ZoneInfo]:
    rows = Membership.objects.filter(user__in=annotators, pool__projects=project)
    named = rows.exclude(pool__time_zone="").values_list("user_id", "pool__time_zone")
    found = {}
    for user, name in named.order_by("-pk"):
        try:
            found[user] = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            continue
    return found
