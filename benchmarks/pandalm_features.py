"""Reads PandaLM's responses with SmolLM2 again: `python -m benchmarks.pandalm_features` (minutes).

To be run, and its result committed, whenever `features.FORMAT` changes.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.pandalm import FOLDER, read_rows, response_keys
from rewardmodel.core import language_model
from rewardmodel.core.features import ExtractorSettings, FeatureExtractor, FeatureRequest


def main(cache_dir: Path) -> None:
    """Writes the features file; `cache_dir` keeps the converted model."""
    keys = response_keys(read_rows())
    model = language_model.load(language_model.SMOLLM2, cache_dir=cache_dir)
    extractor = FeatureExtractor(model, ExtractorSettings())
    requests = [
        FeatureRequest(row, [{"role": "user", "content": prompt}], response)
        for row, (prompt, response) in enumerate(keys)
    ]
    vectors = np.zeros((len(keys), extractor.size), dtype="<f2")
    for read in extractor.extract(requests):
        vectors[read.key] = read.vector
    np.savez_compressed(
        FOLDER / "smollm2-features.npz",
        vectors=vectors,
        extractor=np.array(extractor.extractor_id),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp()))
