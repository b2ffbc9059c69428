"""Flags: what annotators want a lead to look at, and what the lead answers."""

from django.db import transaction
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from annotation.core.errors import Conflict, Invalid
from annotation.models import Assignment, Completion, Flag, User
from annotation.services.audit_log import audit_entry_create

NOTE_CHARACTERS = 2_000


@transaction.atomic
def flag_raise(
    *, annotator: User, assignment: Assignment, kind: str, slot: int | None = None, note: str = ""
) -> Flag:
    """Tells the lead about a comparison, or about the response in `slot`. Sent twice, it is one.

    Raises Invalid that names the field.
    """
    if kind not in Flag.Kind.values:
        raise Invalid(_("Say what the lead should look at."), field="kind")
    note = _clean(note, field="note")
    if kind == Flag.Kind.OTHER and not note:
        raise Invalid(_("Say in a few words what you saw."), field="note")
    completion = None if slot is None else _completion(assignment, slot)
    locked = Assignment.objects.select_for_update(of=("self",)).get(pk=assignment.pk)
    flag, _is_new = Flag.objects.get_or_create(
        project=assignment.comparison.project, comparison_id=locked.comparison_id,
        completion=completion, raised_by=annotator, kind=kind, note=note, resolved_at=None,
    )  # fmt: skip
    return flag


@transaction.atomic
def flag_resolve(*, actor: User, flag: Flag, answer: str = "") -> Flag:
    """A lead has dealt with it. Raises Conflict when another has done so before."""
    locked = Flag.objects.select_for_update(of=("self",)).get(pk=flag.pk)
    if locked.resolved_at is not None:
        raise Conflict(
            _("This flag is resolved already."), hint=_("Reload the page to see by whom.")
        )
    locked.answer = _clean(answer, field="answer")
    locked.resolved_at, locked.resolved_by = timezone.now(), actor
    locked.save(update_fields=["answer", "resolved_at", "resolved_by"])
    audit_entry_create(
        actor=actor, project=locked.project, action="flag.resolve", subject=str(locked),
        detail={"answer": locked.answer},
    )  # fmt: skip
    return locked


def _completion(assignment: Assignment, slot: int) -> Completion:
    if not 0 <= slot < len(assignment.display_order):
        raise Invalid(_("There is no such response here."), field="slot")
    candidate = assignment.comparison.candidates.select_related("completion").get(
        position=assignment.display_order[slot]
    )
    return candidate.completion


def _clean(text: str, *, field: str) -> str:
    text = text.replace("\x00", "").replace("\r\n", "\n").strip()
    if len(text) > NOTE_CHARACTERS:
        raise Invalid(
            _("Keep this under %(most)s characters.")
            % {"most": number_format(NOTE_CHARACTERS, force_grouping=True)},
            field=field,
        )
    return text
