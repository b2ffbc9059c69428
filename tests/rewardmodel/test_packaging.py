"""Checkpoints as folders that transformers loads: the same rewards, a card, one zip."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from alignui.commands import package
from annotation.core.errors import Conflict, Invalid, NotFound, Unavailable
from annotation.models import Run
from annotation.services.runs import RunHandle, run_execute
from rewardmodel.core.deep import load_deep
from rewardmodel.jobs import reading
from rewardmodel.jobs.package import packaging_work
from rewardmodel.jobs.score import scoring_work
from rewardmodel.services.uses import package_archive, packaging_request, scoring_request
from tests.factories import make_run
from tests.rest import error
from tests.rewardmodel.core.deep_cast import responses, texts, tiny_folder
from tests.rewardmodel.core.embedded_cast import fit_tiny
from tests.rewardmodel.deep_checkpoint import make_deep_checkpoint

ASKED = texts(6)
FIGURE = {"value": 0.81, "low": 0.74, "high": 0.88, "n_votes": 120, "n_prompts": 30, "note": ""}


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.CHECKPOINTS_DIR = tmp_path / "checkpoints"
    settings.EXPORTS_DIR = tmp_path / "exports"


@pytest.fixture
def checkpoint(project):
    found = make_deep_checkpoint(project)
    honest = {
        "key": "honest",
        "name": "Honest",
        "evaluation": {"accuracy": FIGURE | {"value": 0.6}},
    }
    found.metrics = {"held_out": {"accuracy": FIGURE}, "criteria": [honest, {"key": "brief"}]}
    found.save()
    found.training_run.config = {"reference": "/models/tiny", "epochs": 3}
    found.training_run.save()
    return found


def packaged(project, settings, **terms):
    run = packaging_request(actor=None, project=project, **terms)
    run_execute(run_id=run.pk, work=packaging_work)
    run.refresh_from_db()
    assert run.state == Run.State.SUCCEEDED, run.error
    return run, Path(settings.EXPORTS_DIR, run.result["folder"])


def rewards(folder, asked, **terms):
    """As a stranger would: the folder's own tokenizer, template and network, a batch padded."""
    tokenizer = AutoTokenizer.from_pretrained(folder, **terms)
    model = AutoModelForSequenceClassification.from_pretrained(folder, **terms)
    written = [
        tokenizer.apply_chat_template(
            [*text.messages, {"role": "assistant", "content": text.text}], tokenize=False
        )
        for text in asked
    ]
    batch = tokenizer(written, return_tensors="pt", padding=True, add_special_tokens=False)
    with torch.inference_mode():
        return model(**batch).logits.double().numpy()


@pytest.mark.django_db
def test_a_deep_checkpoint_gives_its_rewards_elsewhere(checkpoint, project, settings):
    run, folder = packaged(project, settings, license_name="apache-2.0")
    model = load_deep(Path(settings.CHECKPOINTS_DIR, checkpoint.folder))
    mine = model.predict(responses(ASKED)).mean
    np.testing.assert_allclose(rewards(folder, ASKED)[:, 0], mine, atol=1e-4)
    config = json.loads((folder / "config.json").read_text())
    assert config["architectures"] == ["LlamaForSequenceClassification"]
    assert config["id2label"] == {"0": "overall"}
    assert str(settings.CHECKPOINTS_DIR) not in (folder / "config.json").read_text()
    assert run.result["checkpoint"] == checkpoint.pk


@pytest.fixture
def embedded(project, settings, tmp_path, monkeypatch):
    """An embedded checkpoint in use whose reader is a tiny network in bfloat16 or float32."""
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    settings.DEFAULT_MODEL = str(tiny_folder(tmp_path / "tiny"))
    found = make_deep_checkpoint(project)
    asked = texts(24)
    features, _ = reading.read_texts([*asked])
    model = fit_tiny(replace(responses(asked), features=features))
    found.folder, found.kind = f"{project.slug}/embedded", "embedded"
    found.extractor = reading.extractor_id()
    found.sha256 = model.save(Path(settings.CHECKPOINTS_DIR, found.folder), {})
    found.save()
    yield found
    reading._extractor.cache_clear()


@pytest.mark.django_db
def test_an_embedded_checkpoint_gives_its_rewards_elsewhere(embedded, project, settings):
    items = [{"messages": list(t.messages), "completion": t.text} for t in ASKED]
    run = scoring_request(actor=None, project=project, items=items)
    told = scoring_work(RunHandle(run))["items"]
    _, folder = packaged(project, settings)
    mine = [item["criteria"]["overall"]["mean"] for item in told]
    found = rewards(folder, ASKED, trust_remote_code=True)[:, 0]
    np.testing.assert_allclose(found, mine, atol=1e-3)
    card = (folder / "README.md").read_text()
    assert "trust_remote_code=True" in card
    for path in folder.iterdir():
        assert str(settings.DEFAULT_MODEL).encode() not in path.read_bytes(), path.name
    assert "On 8 responses of the project, package and original correlate at 1.00000" in card


@pytest.mark.django_db
def test_each_criterion_may_be_an_output(checkpoint, project, settings):
    _, folder = packaged(project, settings, criterion="all")
    model = load_deep(Path(settings.CHECKPOINTS_DIR, checkpoint.folder))
    found = rewards(folder, ASKED)
    for place, key in enumerate(("overall", "honest")):
        mine = model.predict(responses(ASKED), key).mean
        np.testing.assert_allclose(found[:, place], mine, atol=1e-4)
    _, one = packaged(project, settings, criterion="honest")
    np.testing.assert_allclose(rewards(one, ASKED)[:, 0], found[:, 1], atol=1e-6)
    card = (one / "README.md").read_text()
    assert "| “honest”, held-out prompts | accuracy | 0.600 | 0.740 to 0.880 | 120 | 30 |" in card
    assert "0.810" not in card


@pytest.mark.django_db
def test_the_card_says_what_it_is_and_how_good(checkpoint, project, settings):
    run, folder = packaged(project, settings, license_name="apache-2.0")
    card = (folder / "README.md").read_text()
    assert card.startswith('---\nlicense: "apache-2.0"\nlibrary_name: transformers\n')
    assert "| held-out prompts | accuracy | 0.810 | 0.740 to 0.880 | 120 | 30 |" in card
    assert checkpoint.sha256 in card
    assert "trust_remote_code" not in card
    assert '"reference": "tiny"' in card
    assert "0.600" not in card
    archive = package_archive(run)
    with zipfile.ZipFile(archive) as files:
        assert f"package-{run.pk}/README.md" in files.namelist()
        assert files.testzip() is None


@pytest.mark.django_db
def test_a_run_that_is_delivered_again_writes_the_same(checkpoint, project, settings):
    run = packaging_request(actor=None, project=project)
    first = packaging_work(RunHandle(run))
    part = Path(settings.EXPORTS_DIR, f"{project.slug}/.package-{run.pk}.part")
    part.mkdir()
    (part / "half").touch()
    assert packaging_work(RunHandle(run)) == first
    assert not part.exists()


@pytest.mark.django_db
def test_refusals(checkpoint, project, settings):
    with pytest.raises(Invalid, match="license"):
        packaging_request(actor=None, project=project, license_name="Do what you want")
    run = packaging_request(actor=None, project=project, criterion="brief")
    with pytest.raises(Invalid, match="not trained on “brief”"):
        packaging_work(RunHandle(run))
    with pytest.raises(NotFound):
        package_archive(run)
    done = make_run(project, Run.Kind.PACKAGING, state=Run.State.SUCCEEDED,
                    result={"folder": "kitchen/package-0"})  # fmt: skip
    with pytest.raises(Unavailable, match="not on this host"):
        package_archive(done)


def test_over_rest(api, lena, otto, checkpoint, project, settings):
    response = api(lena).post("projects/kitchen/package", {"license": "mit"})
    assert (response.status_code, response.json()["kind"]) == (202, "packaging")
    run = Run.objects.get(kind=Run.Kind.PACKAGING)
    assert api(lena).get(f"packages/{run.pk}/archive").status_code == 404
    run_execute(run_id=run.pk, work=packaging_work)
    got = api(lena).get(f"packages/{run.pk}/archive")
    assert got.status_code == 200
    assert b"".join(got.streaming_content)[:2] == b"PK"
    assert api(otto).get(f"packages/{run.pk}/archive").status_code == 404
    assert error(api(otto).post("projects/kitchen/package"))["type"] == "NotFound"


@pytest.mark.django_db(transaction=True)
def test_the_command_writes_the_folder(project, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://tests/")
    output = tmp_path / "reward"
    arguments = [project.slug, "--output", str(output), "--here"]
    result = CliRunner().invoke(package.command, arguments)
    assert result.exit_code == 0, result.output
    assert rewards(output, ASKED[:1]).shape == (1, 1)
    again = CliRunner().invoke(package.command, arguments)
    assert isinstance(again.exception, Conflict)
