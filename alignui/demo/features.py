"""What SmolLM2 reads from the study's responses, read once and shipped.

Reading 750 responses takes minutes on two cores. The file saves a newcomer the wait; a checkpoint
trained on it equals one trained on features read here, but for rounding to half precision.
`features_dump` wrote it, in a shell of an installation whose study had been read.
"""

import hashlib
from pathlib import Path

import numpy as np

from alignui.demo.sources import DATA
from annotation.models import Completion, Project
from rewardmodel.models import CompletionFeature
from rewardmodel.services import features_store

FILE = DATA / "llmfao" / "smollm2-features.npz"


def features_load(project: Project) -> int:
    """Stores the shipped features of the project's completions; how many it had some for."""
    with np.load(FILE) as shipped:
        extractor = str(shipped["extractor"])
        row_of = {key: row for row, key in enumerate(shipped["keys"].tolist())}
        vectors = shipped["vectors"].astype("<f4")
        logprobs = shipped["mean_logprobs"].tolist()
    found = [(c.pk, row_of.get(_key(c))) for c in _completions(project)]
    known = [(pk, row) for pk, row in found if row is not None]
    features_store(
        extractor=extractor,
        rows=[(pk, vectors[row].tobytes(), logprobs[row]) for pk, row in known],
    )
    return len(known)


def features_dump(project: Project, path: Path) -> int:
    """Writes the features of the project's completions to a file; how many there are."""
    features = list(
        CompletionFeature.objects.filter(completion__prompt__project=project).select_related(
            "completion__prompt", "completion__policy"
        )
    )
    (extractor,) = {feature.extractor for feature in features}
    np.savez_compressed(
        path,
        extractor=np.array(extractor),
        keys=np.array([_key(feature.completion) for feature in features]),
        vectors=np.stack([np.frombuffer(f.vector, "<f4") for f in features]).astype("<f2"),
        mean_logprobs=np.array([f.mean_logprob for f in features], dtype="<f4"),
    )
    return len(features)


def _completions(project: Project) -> list[Completion]:
    return list(
        Completion.objects.filter(prompt__project=project)
        .select_related("prompt", "policy")
        .defer("html")
    )


def _key(completion: Completion) -> str:
    """Names a response by what it answers, who wrote it and what it says, on any installation."""
    parts = (completion.prompt.content_hash, completion.policy.name, completion.text)
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
