"""Letting programs in: a token is looked up by its digest, and its use is noted."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from annotation.models import ApiToken, User
from annotation.models.people import token_digest
from annotation.selectors.prepared import prepared_row

NOTED_EVERY = timedelta(minutes=1)
_USER_FIELDS = [field.attname for field in User._meta.concrete_fields]
_LIVE_TOKEN = f"""
    SELECT t.id AS token_id, t.last_used_at, t.name AS token_name,
           {", ".join(f"u.{name}" for name in _USER_FIELDS)}
      FROM annotation_apitoken t
      JOIN annotation_user u ON u.id = t.user_id
     WHERE t.digest = %(digest)s AND t.revoked_at IS NULL AND u.is_active
"""  # noqa: S608


def api_token_use(*, secret: str) -> ApiToken | None:
    """The live token of an active user that has this secret, or None.

    Notes when it was used, at most once a minute, so that a busy program does not write on
    every request.
    """
    digest = token_digest(secret)
    row = prepared_row(_LIVE_TOKEN, {"digest": digest})
    if row is None:
        return None
    token = ApiToken(
        id=row.pop("token_id"), name=row.pop("token_name"), digest=digest,
        last_used_at=row.pop("last_used_at"),
        user=User.from_db(None, list(row), list(row.values())),
    )  # fmt: skip
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at >= NOTED_EVERY:
        unnoted = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - NOTED_EVERY)
        ApiToken.objects.filter(unnoted, pk=token.pk).update(last_used_at=now)
    return token
