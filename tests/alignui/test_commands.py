"""Import, generate, train, acquire, export: what a command does, says, and exits with."""

import json
import threading
import zipfile

import pytest
from click.testing import CliRunner
from django.db import connection

from alignui import follow
from alignui.commands import acquire, export, generate, import_, measure, train
from annotation.core.errors import AlignUIError, Conflict, Invalid, NotFound
from annotation.models import (
    AgreementReport,
    BiasAudit,
    Export,
    PeopleReport,
    PluralismReport,
    Prompt,
    Run,
)
from annotation.services.runs import run_execute
from tests.factories import judge, make_policy

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def database_is_up(monkeypatch, settings, tmp_path):
    """The commands find the test's own database as a server that somebody named."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://tests/")
    settings.UPLOADS_DIR = tmp_path / "uploads"
    settings.EXPORTS_DIR = tmp_path / "exports"


def run(command, *arguments):
    """The result of a command; what would be said by the command line's one line is raised."""
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if isinstance(result.exception, AlignUIError):
        raise result.exception
    return result


@pytest.fixture
def prompts(tmp_path):
    def write(*texts):
        file = tmp_path / "prompts.jsonl"
        file.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts))
        return file

    return write


def test_an_import_here(project, prompts):
    file = prompts("One?", "Two?", "One?")
    result = run(import_.command, project.slug, file, "--kind", "prompts", "--here", "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["kind"], told["state"], told["error"]) == ("import", "succeeded", "")
    assert (told["result"]["prompts"], told["result"]["known"]) == (2, 1)
    assert Prompt.objects.filter(project=project).count() == 6


def test_a_bad_file_fails_in_words_and_keeps_nothing(project, prompts):
    file = prompts("One?", "")
    result = run(import_.command, project.slug, file, "--kind", "prompts", "--here")
    assert result.exit_code == 1
    assert "row 2" in result.stderr
    assert Prompt.objects.filter(project=project).count() == 4


def test_workers_get_a_copy_of_the_file(project, prompts):
    file = prompts("One?")
    result = run(import_.command, project.slug, file, "--kind", "prompts", "--no-wait")
    assert result.exit_code == 0
    waiting = Run.objects.get()
    assert (waiting.state, waiting.params["name"]) == ("queued", "prompts.jsonl")
    file.unlink()
    from annotation.services.imports import import_work

    run_execute(run_id=waiting.pk, work=import_work)
    waiting.refresh_from_db()
    assert waiting.state == Run.State.SUCCEEDED


def test_an_export_here_as_a_file(project, ana, tmp_path):
    for _ in range(4):
        judge(ana, project)
    output = tmp_path / "kitchen.zip"
    result = run(export.command, project.slug, "--here", "--majority", "-o", output)
    assert result.exit_code == 0
    assert "Export run" in result.stdout
    assert any(name.endswith("README.md") for name in zipfile.ZipFile(output).namelist())
    with pytest.raises(Conflict, match="exists"):
        run(export.command, project.slug, "--here", "-o", output)


def test_an_export_with_weights_and_the_quarantined(project, ana):
    judge(ana, project)
    result = run(export.command, project.slug, "--here", "--weights", "consensus",
                 "--with-quarantined")  # fmt: skip
    assert result.exit_code == 0, result.output
    made = Export.objects.get()
    assert (made.params["weights"], made.params["with_quarantined"]) == ("consensus", True)


def test_an_export_of_nothing_fails(project):
    result = run(export.command, project.slug, "--here")
    assert result.exit_code == 1
    assert "no decided pair" in result.stderr


def test_a_command_stays_until_a_worker_has_done_it(project, ana, monkeypatch):
    """The worker here is a thread that takes the run a moment later."""
    from annotation.services.exports import export_work

    for _ in range(4):
        judge(ana, project)
    workers = []

    def take(waiting):
        def work():
            run_execute(run_id=waiting.pk, work=export_work)
            connection.close()

        workers.append(threading.Timer(0.5, work))
        workers[-1].start()

    monkeypatch.setattr(follow, "enqueue", take)
    result = run(export.command, project.slug, "--json")
    workers[-1].join()
    assert result.exit_code == 0
    assert json.loads(result.stdout)["result"]["rows"] == 4


def test_nobody_takes_it_and_that_is_said(project, ana, monkeypatch):
    judge(ana, project)

    def cancelled_later(waiting):
        def cancel():
            Run.objects.filter(pk=waiting.pk).update(
                state=Run.State.CANCELLED, finished_at="2026-01-01T00:00Z"
            )
            connection.close()

        threading.Timer(0.6, cancel).start()

    monkeypatch.setattr(follow, "HINT_AFTER_SECONDS", 0)
    monkeypatch.setattr(follow, "enqueue", cancelled_later)
    result = run(export.command, project.slug)
    assert result.exit_code == 1
    assert "alignui start" in result.stderr


def test_what_fails_is_said_by_the_service(project):
    with pytest.raises(Invalid, match="nothing to learn"):
        run(train.command, project.slug)
    with pytest.raises(NotFound, match="kitchen"):
        run(acquire.command, "kichen")
    with pytest.raises(NotFound, match="these can"):
        run(generate.command, project.slug, "--policy", "terse")
    assert not Run.objects.exists()


def test_generation_names_policies_prompts_and_samples(project):
    make_policy(project, "tiny", provider="transformers", model="smollm2")
    arguments = ["--policy", "tiny", "--prompts", "2", "--samples", "3", "--no-wait"]
    assert run(generate.command, project.slug, *arguments).exit_code == 0
    params = Run.objects.get().params
    assert len(params["prompt_ids"]) == 2
    assert params["samples"] == 3


def test_training_and_acquisition_are_asked_for(project, ana):
    judge(ana, project)
    assert run(train.command, project.slug, "--no-wait").exit_code == 0
    assert run(acquire.command, project.slug, "--no-wait", "--json").exit_code == 0
    assert set(Run.objects.values_list("kind", flat=True)) == {"training", "acquisition"}


@pytest.mark.parametrize("what", ["agreement", "audit", "people", "pluralism"])
def test_a_measuring_here(what, project, ana, ben):
    for person in (ana, ben):
        judge(person, project, groups=((0,), (1,)))
    arguments = (what, project.slug, "--with-quarantined", "--here", "--json")
    result = run(measure.command, *arguments)
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["kind"], told["state"], told["error"]) == (what, "succeeded", "")
    assert Run.objects.get(kind=what).params == {"with_quarantined": True}
    reports = (AgreementReport, BiasAudit, PeopleReport, PluralismReport)
    stored = {model: model.objects.filter(includes_quarantined=True).count() for model in reports}
    assert sum(count > 0 for count in stored.values()) == 1
