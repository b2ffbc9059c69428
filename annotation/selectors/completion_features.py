"""What catches the eye of each response, counted once for each text."""

from collections.abc import Iterable, Mapping
from contextlib import suppress

import numpy as np
from django.core.cache import caches
from django.db.models.functions import MD5
from numpy.typing import NDArray
from redis import RedisError

from annotation.core.text_features import TextFeatures, text_features
from annotation.models import Completion, Project

EDITION = 1  # counted up with what is counted, so that what is kept is counted anew
KEPT_SECONDS = 60 * 24 * 3600
CHUNK = 500


def completion_features(project: Project, wanted: Iterable[int]) -> Mapping[int, TextFeatures]:
    """By completion id. Kept under the text's own digest, so it never tells of another text."""
    found: dict[int, TextFeatures] = {}
    digests = dict(
        Completion.objects.filter(prompt__project=project)
        .annotate(digest=MD5("text"))
        .values_list("pk", "digest")
    )
    keys = list(wanted)
    for start in range(0, len(keys), CHUNK):
        found |= _of_chunk({pk: _key(digests[pk]) for pk in keys[start : start + CHUNK]})
    return found


def features_rows(known: Mapping[int, TextFeatures], ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n, 7): the features of completions as a table, each looked up once."""
    unique, at = np.unique(ids, return_inverse=True)
    rows = np.array([known[int(pk)] for pk in unique], dtype=np.float64)
    return rows.reshape(-1, len(TextFeatures._fields))[at]


def _of_chunk(keys: Mapping[int, str]) -> dict[int, TextFeatures]:
    known = _kept(keys.values())
    missing = [pk for pk, key in keys.items() if key not in known]
    texts = Completion.objects.filter(pk__in=missing).values_list("pk", "text")
    fresh = {keys[pk]: tuple(text_features(text)) for pk, text in texts}
    if fresh:
        with suppress(RedisError):
            caches["shared"].set_many(fresh, KEPT_SECONDS)
    known |= fresh
    return {pk: TextFeatures(*known[key]) for pk, key in keys.items()}


def _kept(keys: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """What was counted before; nothing while the cache cannot be reached."""
    with suppress(RedisError):
        return dict(caches["shared"].get_many(list(keys)))
    return {}


def _key(digest: str) -> str:
    return f"text-features/{EDITION}/{digest}"
