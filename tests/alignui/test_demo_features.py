"""The features that the demo ships are what the shipped model reads."""

import numpy as np
import pytest

from alignui.demo.features import FILE, features_load
from annotation.models import Completion, Policy
from annotation.services.runs import RunHandle
from rewardmodel.jobs import reading
from rewardmodel.models import CompletionFeature
from tests.factories import make_completion, make_policy, make_project, make_prompt, make_run

pytestmark = pytest.mark.django_db


@pytest.mark.model
def test_shipped_features_are_those_that_are_read_here() -> None:
    from alignui.demo import sources
    from annotation.services.imports import records_import

    project = make_project("Crowd study", slug="crowd-study")
    rows = sorted(sources.crowd_completions(), key=lambda row: len(str(row["completion"])))
    prompts = list(sources.crowd_prompts())
    records_import(project=project, kind="prompts", rows=prompts)
    few = [row for row in rows if row["completion"]][40:44]
    records_import(project=project, kind="completions", rows=few, allow_empty=True)
    assert features_load(project) == len(few)
    shipped = {f.completion_id: f for f in CompletionFeature.objects.all()}
    extractor = {f.extractor for f in shipped.values()}
    CompletionFeature.objects.all().delete()
    reading.read_missing(RunHandle(make_run(project, kind="training")), project)
    for feature in CompletionFeature.objects.all():
        assert {feature.extractor} == extractor
        here, there = (
            np.frombuffer(found.vector, "<f4")[:576]
            for found in (feature, shipped[feature.completion_id])
        )
        cosine = here @ there / np.linalg.norm(here) / np.linalg.norm(there)
        assert cosine > 0.999
        assert feature.mean_logprob == pytest.approx(
            shipped[feature.completion_id].mean_logprob, rel=0.05
        )


def test_features_of_other_texts_are_left_alone() -> None:
    project = make_project("Crowd study", slug="crowd-study")
    make_completion(make_prompt(project), make_policy(project), "Nobody has read this.")
    assert features_load(project) == 0
    assert FILE.stat().st_size < 1_000_000
    assert Completion.objects.count() == Policy.objects.count() == 1
