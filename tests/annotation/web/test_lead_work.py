"""Prompts, policies and batches as a lead handles them."""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from annotation.models import Batch, Pool, Project, Run, User
from annotation.services.imports import import_work
from annotation.services.runs import run_execute
from tests.factories import judge, make_project, make_prompt

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(lena: User) -> Client:
    client = Client()
    client.force_login(lena)
    return client


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """The runs that a view hands to the workers."""
    runs: list[Run] = []
    monkeypatch.setattr("annotation.web.lead.enqueue", runs.append)
    return runs


def upload(client: Client, name: str, body: bytes, kind: str = "prompts") -> object:
    file = SimpleUploadedFile(name, body)
    return client.post("/projects/kitchen/prompts/import/", {"file": file, "kind": kind})


def test_an_upload_becomes_a_run_that_a_worker_can_read(
    client: Client, project: Project, sent: list[Run], settings: Settings, tmp_path: Path,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:  # fmt: skip
    settings.UPLOADS_DIR = tmp_path / "uploads"
    with django_capture_on_commit_callbacks(execute=True):
        answer = upload(client, "../../new.jsonl", b'{"prompt": "How hot is chili?"}\n')
    assert answer.status_code == 302
    (run,) = sent
    assert Path(run.params["path"]).parent == settings.UPLOADS_DIR
    assert run.params["name"] == "new.jsonl"
    run_execute(run_id=run.pk, work=import_work)
    page = client.get("/projects/kitchen/prompts/?q=chili").content.decode()
    assert "How hot is chili?" in page
    assert "1 rows, 0 of them known already" in page


def test_what_is_wrong_in_a_file_is_said_with_row_and_field(
    client: Client, project: Project, sent: list[Run], settings: Settings, tmp_path: Path,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:  # fmt: skip
    settings.UPLOADS_DIR = tmp_path
    with django_capture_on_commit_callbacks(execute=True):
        upload(client, "new.jsonl", b'{"prompt": "Fine?"}\n{"prompt": 7}\n')
    run_execute(run_id=sent[0].pk, work=import_work)
    page = client.get("/projects/kitchen/prompts/").content.decode()
    assert "new.jsonl: row 2, field prompt" in page
    assert "Nothing was imported." in page
    assert project.prompts.count() == 4


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("notes.docx", "prompts", "none of the kinds of file"),
        ("a.jsonl", "secrets", "Say what the file holds"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_at_once(
    client: Client, project: Project, name: str, kind: str, words: str
) -> None:
    answer = upload(client, name, b"x", kind)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Run.objects.exists()


def test_no_file_is_a_sentence_and_not_a_crash(client: Client, project: Project) -> None:
    answer = client.post("/projects/kitchen/prompts/import/", {"kind": "prompts"})
    assert answer.status_code == 422
    assert "Choose a file first." in answer.content.decode()


def test_a_full_disk_is_said_and_nothing_is_left_behind(
    client: Client, project: Project, settings: Settings, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    settings.UPLOADS_DIR = tmp_path

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("annotation.web.lead_work.os.fsync", full)
    answer = upload(client, "new.jsonl", b"{}")
    assert answer.status_code == 503
    assert "No space left on device" in answer.content.decode()
    assert list(tmp_path.iterdir()) == []


def test_prompts_are_found_by_words_and_by_mark(client: Client, project: Project) -> None:
    make_prompt(project, "Is it held out?", is_held_out=True)
    page = client.get("/projects/kitchen/prompts/?q=fennel").content.decode()
    assert "fennel" in page
    assert "boil an egg" not in page
    page = client.get("/projects/kitchen/prompts/?only=held_out").content.decode()
    assert "Is it held out?" in page
    assert "fennel" not in page
    page = client.get("/projects/kitchen/prompts/?only=unanswered").content.decode()
    assert "Is it held out?" in page


def test_a_prompt_shows_its_responses_and_how_people_judged(
    client: Client, project: Project, ana: User
) -> None:
    judgment = judge(ana, project)
    prompt = judgment.comparison.prompt
    page = client.get(f"/projects/kitchen/prompts/{prompt.pk}/").content.decode()
    assert "terse" in page
    assert "wordy" in page
    assert "1 / 2" in page


def test_a_change_of_a_policy_is_its_next_version(client: Client, project: Project) -> None:
    form = {
        "name": "polite", "model": "smollm2", "system_prompt": "Be polite.",
        "temperature": "0.7", "top_p": "0.9", "max_new_tokens": "64",
    }  # fmt: skip
    for temperature in ("0.7", "0.7", "1"):
        path = "/projects/kitchen/policies/new/"
        sent = form | {
            "temperature": temperature,
            "family": "cooks" if temperature == "0.7" else "",
        }
        assert client.post(path, sent).status_code == 302
    versions = project.policies.filter(name="polite").order_by("version")
    assert [(p.version, p.is_active) for p in versions] == [(1, False), (2, True)]
    assert versions[1].decoding == {"temperature": 1.0, "top_p": 0.9, "max_new_tokens": 64}
    assert [p.family for p in versions] == ["cooks", "cooks"]


def test_a_wrong_number_is_said_at_its_field_and_nothing_is_lost(
    client: Client, project: Project
) -> None:
    form = {
        "name": "hot", "model": "smollm2", "system_prompt": "Burn.", "temperature": "9",
        "top_p": "0.9", "max_new_tokens": "64",
    }  # fmt: skip
    answer = client.post("/projects/kitchen/policies/new/", form)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "A number from 0 to 5 is wanted here." in page
    assert 'value="hot"' in page
    assert "Burn." in page


def test_a_batch_opens_pairs_that_nobody_was_shown(client: Client, pool: Pool) -> None:
    from tests.factories import make_completion, make_policy

    project = make_project("Fresh", pool=pool, overlap=1)
    one, two = make_policy(project, "one"), make_policy(project, "two")
    for _ in range(3):
        prompt = make_prompt(project)
        make_completion(prompt, one)
        make_completion(prompt, two)
    form = {"name": "Second", "size": "2", "overlap": "4", "per_prompt": "1"}
    assert client.post("/projects/fresh/batches/new/", form).status_code == 302
    batch = Batch.objects.get(project=project)
    assert (batch.comparisons.count(), batch.comparisons.first().overlap) == (2, 4)
    form = {"name": "Third", "size": "9", "overlap": "1", "per_prompt": "1"}
    client.post("/projects/fresh/batches/new/", form)
    assert project.comparisons.count() == 3
    again = client.post("/projects/fresh/batches/new/", form)
    assert again.status_code == 422
    assert "There is nothing left to compare." in again.content.decode()


def test_a_batch_is_paused_opened_and_closed(client: Client, project: Project) -> None:
    batch = project.batches.get()
    for state in ("paused", "open", "closed"):
        client.post(f"/batches/{batch.pk}/state/", {"state": state})
        batch.refresh_from_db()
        assert batch.state == state
    answer = client.post(f"/batches/{batch.pk}/state/", {"state": "closed"})
    assert answer.status_code == 409


def test_batches_tell_how_far_and_as_csv(client: Client, project: Project, ana: User) -> None:
    judge(ana, project)
    page = client.get("/projects/kitchen/batches/").content.decode()
    assert "7 judgments are still wanted" in page
    answer = client.get("/projects/kitchen/batches/?csv=batches")
    assert answer["Content-Disposition"] == 'attachment; filename="kitchen-batches.csv"'
    assert "First,Opened by a lead,Open,4,1,8,0" in answer.content.decode()
