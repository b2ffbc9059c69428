"""Reading completions with the frozen language model: each once, kept for every later training."""

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np
from django.conf import settings

from annotation.core.errors import Invalid, Unavailable
from annotation.models import Completion, Project
from annotation.services.runs import RunHandle
from rewardmodel import services
from rewardmodel.core.errors import FeaturesInvalid, PromptRefused
from rewardmodel.core.features import (
    CompletionFeatures,
    ExtractorSettings,
    FeatureExtractor,
    FeatureRequest,
)
from rewardmodel.core.pairs import Floats
from rewardmodel.core.reward_model import Text
from rewardmodel.jobs.generate import is_cancelled, load
from rewardmodel.selectors import completions_without_features

CHUNK = 128
STORED_TOGETHER = 16


@lru_cache(maxsize=1)
def _extractor(reference: str) -> FeatureExtractor:
    """The reader, made once per process. Raises Unavailable when its model cannot be loaded."""
    try:
        return FeatureExtractor(load(reference), ExtractorSettings(reference=reference))
    except FeaturesInvalid as error:
        raise Unavailable(str(error)) from error


def extractor_id() -> str:
    """Names model, layer and pooling, so that features of two readers never mix."""
    return _extractor(settings.DEFAULT_MODEL).extractor_id


def read_missing(handle: RunHandle, project: Project) -> int:
    """Reads the project's completions that have no features yet; how many there were.

    What is read is stored every few completions: a worker that dies loses little. A completion
    whose prompt the model refuses is left out, and the run's log says so.
    """
    extractor = _extractor(settings.DEFAULT_MODEL)
    missing = completions_without_features(project, extractor.extractor_id)
    keys = list(missing.values_list("pk", flat=True))
    for start in range(0, len(keys), CHUNK):
        chunk = missing.model.objects.filter(pk__in=keys[start : start + CHUNK])
        requests = [_request(c) for c in chunk.select_related("prompt").defer("html")]
        _read(handle, extractor, requests, start, len(keys))
    return len(keys)


def read_texts(texts: Sequence[Text]) -> tuple[Floats, list[bool]]:
    """Features (N, D) of texts that are not stored, and which of them are longer than is read.

    Raises FeaturesInvalid, PromptRefused, and Unavailable where the model cannot be loaded.
    """
    extractor = _extractor(settings.DEFAULT_MODEL)
    requests = [
        FeatureRequest(key=row, messages=text.messages, text=text.text)
        for row, text in enumerate(texts)
    ]
    features = np.zeros((len(texts), extractor.size))
    is_truncated = [False] * len(texts)
    for found in extractor.extract(requests):
        features[found.key], is_truncated[found.key] = found.vector, found.is_truncated
    return features, is_truncated


def read_texts_once(texts: Sequence[Text]) -> Floats:
    """Features (N, D) of texts that are not stored but will be asked for again: kept as files.

    Raises what `read_texts` raises.
    """
    folder = Path(settings.MODELS_CACHE, "readings", extractor_id())
    files = [folder / f"{_digest(text)}.npy" for text in texts]
    missing = [at for at, file in enumerate(files) if not file.is_file()]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        for at, row in zip(missing, read_texts([texts[at] for at in missing])[0], strict=True):
            with NamedTemporaryFile(dir=folder, suffix=".new", delete=False) as new:
                np.save(new, row)
            Path(new.name).replace(files[at])
    return np.stack([np.load(file) for file in files])


def _digest(text: Text) -> str:
    """Names what is read, whoever asks."""
    return hashlib.sha256(json.dumps([list(text.messages), text.text]).encode()).hexdigest()


def _request(completion: Completion) -> FeatureRequest:
    return FeatureRequest(
        key=completion.pk, messages=completion.prompt.messages, text=completion.text
    )


def _read(
    handle: RunHandle,
    extractor: FeatureExtractor,
    requests: list[FeatureRequest],
    done: int,
    total: int,
) -> None:
    waiting: list[CompletionFeatures] = []

    def left_out(request: FeatureRequest, error: PromptRefused) -> None:
        handle.log(f"Completion {request.key} is left out: {error.message}")

    try:
        for features in extractor.extract(
            requests, should_stop=lambda: is_cancelled(handle), refused=left_out
        ):
            waiting.append(features)
            done += 1
            if len(waiting) == STORED_TOGETHER:
                _store(extractor, waiting)
                waiting = []
                handle.progress(done, total, f"Reading responses: {done:,} of {total:,}")
    except FeaturesInvalid as error:
        raise Invalid(f"A response cannot be read: {error}") from error
    _store(extractor, waiting)
    handle.check_cancelled()


def _store(extractor: FeatureExtractor, found: list[CompletionFeatures]) -> None:
    services.features_store(
        extractor=extractor.extractor_id,
        rows=[
            (int(f.key), np.asarray(f.vector, dtype="<f4").tobytes(), f.mean_logprob) for f in found
        ],
    )
