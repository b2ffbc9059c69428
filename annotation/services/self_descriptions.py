"""What annotators choose to say about themselves: kept for audits, taken back at once."""

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.core.errors import Invalid
from annotation.models import SelfDescription, User

MOST_CHARACTERS = 60
MOST_ENTRIES = 10


@transaction.atomic
def self_description_save(
    *,
    user: User,
    age_band: str = "",
    gender: str = "",
    region: str = "",
    first_languages: Sequence[str] = (),
    expertise: Sequence[str] = (),
) -> SelfDescription | None:
    """Keeps what was said; saying nothing takes all back. Raises Invalid that names the field."""
    if age_band and age_band not in SelfDescription.AgeBand.values:
        raise Invalid(_("Choose one of the age bands, or none."), field="age_band")
    said = {
        "age_band": age_band,
        "gender": _phrase(gender, "gender"),
        "region": _phrase(region, "region"),
        "first_languages": _phrases(first_languages, "first_languages"),
        "expertise": _phrases(expertise, "expertise"),
    }
    if not any(said.values()):
        self_description_withdraw(user=user)
        return None
    return SelfDescription.objects.update_or_create(user=user, defaults=said)[0]


@transaction.atomic
def self_description_withdraw(*, user: User) -> bool:
    """Deletes it at once, not only from sight; whether there was any."""
    return SelfDescription.objects.filter(user=user).delete()[0] > 0


def _phrase(text: str, field: str) -> str:
    phrase = " ".join(text.replace("\0", "").split())
    if len(phrase) > MOST_CHARACTERS:
        words = ngettext(
            "Keep it under %(n)s character.", "Keep it under %(n)s characters.", MOST_CHARACTERS
        )
        raise Invalid(words % {"n": MOST_CHARACTERS}, field=field)
    return phrase


def _phrases(texts: Sequence[str], field: str) -> list[str]:
    """Each once, whatever its capitals, in the order given."""
    phrases: dict[str, str] = {}
    for text in texts:
        if phrase := _phrase(text, field):
            phrases.setdefault(phrase.casefold(), phrase)
    if len(phrases) > MOST_ENTRIES:
        words = ngettext("Name at most %(n)s.", "Name at most %(n)s.", MOST_ENTRIES)
        raise Invalid(words % {"n": MOST_ENTRIES}, field=field)
    return list(phrases.values())
