"""Drafts: answers that are being given, kept on the server so that they outlive the browser."""

from collections.abc import Mapping
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.core.errors import Conflict, Invalid
from annotation.models import Assignment, Draft, Judgment, User
from annotation.services.assignments import lock_own

MOST_FIELDS = 200
MOST_CHARACTERS = 1_500_000
KEPT_DAYS = 30


@transaction.atomic
def draft_save(
    *, annotator: User, assignment: Assignment, fields: Mapping[str, str], active_ms: int,
    version: int, amends: int | None = None,
) -> Draft:  # fmt: skip
    """Keeps the fields of a sheet, which began from draft `version` (0: none) of judgment `amends`.

    Raises Conflict when another device has saved or answered since, Invalid when this is no sheet.
    """
    _check(fields)
    locked = lock_own(annotator, assignment)
    if _live_judgment_id(locked) != amends:
        raise Conflict(
            _("You have answered this comparison elsewhere."), hint=_("Take the next one.")
        )
    draft = Draft.objects.select_for_update().filter(assignment=locked).first()
    if draft is not None and draft.version > version:
        raise Conflict(
            _("You went on with this comparison elsewhere."),
            hint=_("Reload to see what you did there."),
        )
    if draft is None or draft.amends_id != amends:
        Draft.objects.filter(assignment=locked).delete()
        draft = Draft(assignment=locked, amends_id=amends, version=version)
    draft.fields, draft.version = dict(fields), draft.version + 1
    draft.active_ms = min(max(active_ms, 0), 2**31 - 1)
    draft.save()
    return draft


@transaction.atomic
def drafts_forget() -> int:
    """Deletes drafts that nobody has touched for a month; how many."""
    old = Draft.objects.filter(saved_at__lt=timezone.now() - timedelta(days=KEPT_DAYS))
    return old.delete()[0]


def _live_judgment_id(assignment: Assignment) -> int | None:
    return (
        Judgment.objects.live()
        .filter(comparison=assignment.comparison_id, annotator=assignment.annotator_id)
        .values_list("pk", flat=True)
        .first()
    )


def _check(fields: Mapping[str, str]) -> None:
    if len(fields) > MOST_FIELDS:
        raise Invalid(_("This is not an answer sheet."), field="fields")
    if sum(len(name) + len(value) for name, value in fields.items()) > MOST_CHARACTERS:
        raise Invalid(_("The draft is too long to be kept."), field="fields")
