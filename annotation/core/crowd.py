"""How people arrive from a crowd platform, and where they go back to when they are done.

Prolific adds PROLIFIC_PID, STUDY_ID and SESSION_ID to a study's address; Mechanical Turk adds
workerId, hitId and assignmentId, the last of which says ASSIGNMENT_ID_NOT_AVAILABLE as long as
somebody only looks at a task. Another platform may send `id`, `study` and `session`.

Source: Prolific's help pages on URL parameters and completion paths; Amazon Mechanical Turk API
Reference, ExternalQuestion.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from annotation.core.errors import Invalid, gettext_noop

PREVIEW = "ASSIGNMENT_ID_NOT_AVAILABLE"
PROLIFIC_RETURN = "https://app.prolific.com/submissions/complete?cc="
LONGEST = 128
# The person, the study and the session, as each platform calls them.
NAMES: Mapping[str, tuple[str, str, str]] = {
    "prolific": ("PROLIFIC_PID", "STUDY_ID", "SESSION_ID"),
    "mturk": ("workerId", "hitId", "assignmentId"),
    "other": ("id", "study", "session"),
}
_SHOWN = {
    "prolific": "PROLIFIC_PID={{%PROLIFIC_PID%}}"
    "&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}",
    "mturk": "workerId=${workerId}&hitId=${hitId}&assignmentId=${assignmentId}",
    "other": "id=…&study=…&session=…",
}
_ID = re.compile(r"[A-Za-z0-9._@:-]+")


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who comes, as the platform knows them; `study` and `session` may be empty."""

    external_id: str
    study: str = ""
    session: str = ""


def arrival(platform: str, query: Mapping[str, str]) -> Arrival:
    """Who comes, from what the address says.

    Raises:
        Invalid: where the person's id is missing or none that a platform gives, or where they
            only look at the task.
    """
    person, study, session = NAMES[platform]
    given = {name: query.get(name, "").strip() for name in (person, study, session)}
    if platform == "mturk" and given[session] == PREVIEW:
        raise Invalid(gettext_noop("Accept the task first; then its link lets you in."))
    if not given[person]:
        raise Invalid(
            gettext_noop("The link does not say who you are."),
            field=person,
            hint=gettext_noop("Open it again from the page of the study, without changing it."),
        )
    for name, value in given.items():
        if value and (len(value) > LONGEST or not _ID.fullmatch(value)):
            raise Invalid(
                gettext_noop("The link holds an id that no platform gives."),
                field=name,
                hint=gettext_noop("Open it again from the page of the study, without changing it."),
            )
    return Arrival(given[person], given[study], given[session])


def entry_query(platform: str) -> str:
    """What to add to an entry link on the platform's page, in the platform's own notation."""
    return _SHOWN[platform]


def way_back(platform: str, *, code: str, return_url: str) -> str:
    """Where somebody goes when done: the address that the lead gave, else Prolific's own with the
    completion code; "" where there is none."""
    if return_url:
        return return_url
    return PROLIFIC_RETURN + quote(code, safe="") if platform == "prolific" and code else ""
