"""Letting programs in: a token is looked up by its digest, and its use is noted."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from annotation.models import ApiToken
from annotation.models.people import token_digest

NOTED_EVERY = timedelta(minutes=1)


def api_token_use(*, secret: str) -> ApiToken | None:
    """The live token of an active user that has this secret, or None.

    Notes when it was used, at most once a minute, so that a busy program does not write on
    every request.
    """
    token = (
        ApiToken.objects.select_related("user")
        .filter(digest=token_digest(secret), revoked_at__isnull=True, user__is_active=True)
        .first()
    )
    if token is None:
        return None
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at >= NOTED_EVERY:
        unnoted = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - NOTED_EVERY)
        ApiToken.objects.filter(unnoted, pk=token.pk).update(last_used_at=now)
    return token
