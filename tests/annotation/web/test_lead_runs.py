"""Runs: how far, how they ended, and stopping or trying again."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from annotation.models import Project, Run, User
from tests.factories import make_run

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def client(lena: User, project: Project) -> Client:
    client = Client()
    client.force_login(lena)
    return client


def test_nothing_has_run(client: Client) -> None:
    page = client.get("/projects/kitchen/runs/").content.decode()
    assert "Nothing has run yet." in page
    assert "hx-trigger" not in page[page.index('id="runs"') :][:300]


def test_a_live_run_shows_rate_and_finish_and_is_polled(client: Client, project: Project) -> None:
    make_run(
        project, Run.Kind.GENERATION, state="running", done=60, total=120, message="polite: 60",
        started_at=timezone.now() - timedelta(seconds=30),
    )  # fmt: skip
    page = client.get("/projects/kitchen/runs/").content.decode()
    assert "1 run is at work." in page
    assert "2.0 a second" in page
    assert "in 30 s" in page
    assert 'hx-trigger="every 2s"' in page
    fragment = client.get("/projects/kitchen/runs/", headers=HTMX).content.decode()
    assert fragment.lstrip().startswith('<div id="runs"')
    assert "<html" not in fragment


def test_runs_are_filtered_by_kind(client: Client, project: Project) -> None:
    made = make_run(project, Run.Kind.EXPORT, state="succeeded")
    make_run(project, Run.Kind.IMPORT, state="succeeded")
    page = client.get("/projects/kitchen/runs/?kind=export").content.decode()
    assert f"Export {made.pk}" in page
    assert page.count("<tr>") == 2


def test_a_failed_run_says_why_and_can_be_tried_again(
    client: Client, project: Project, monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:  # fmt: skip
    sent: list[Run] = []
    monkeypatch.setattr("annotation.web.lead.enqueue", sent.append)
    run = make_run(project, Run.Kind.EXPORT, state="failed", error="The disk is full. Free some.")
    page = client.get(f"/projects/kitchen/runs/{run.pk}/").content.decode()
    assert "The disk is full. Free some." in page
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(f"/runs/{run.pk}/retry/")
    (again,) = sent
    assert again.retry_of == run
    assert answer["Location"] == f"/projects/kitchen/runs/{again.pk}/"


def test_a_waiting_run_is_cancelled_at_once(client: Client, project: Project) -> None:
    run = make_run(project)
    client.post(f"/runs/{run.pk}/cancel/")
    run.refresh_from_db()
    assert run.state == Run.State.CANCELLED
    assert client.post(f"/runs/{run.pk}/cancel/").status_code == 409


def test_cancelling_by_htmx_takes_the_whole_page(client: Client, project: Project) -> None:
    run = make_run(project)
    answer = client.post(f"/runs/{run.pk}/cancel/", headers=HTMX)
    assert (answer.status_code, answer["HX-Redirect"]) == (
        204, f"/projects/kitchen/runs/{run.pk}/"
    )  # fmt: skip


def test_a_strip_is_renewed_until_its_run_ends_and_then_the_page_is(
    client: Client, project: Project
) -> None:
    run = make_run(project, Run.Kind.AGREEMENT, state="running", done=1, total=2)
    path = f"/projects/kitchen/runs/{run.pk}/strip/"
    strip = client.get(path, headers=HTMX)
    assert strip.status_code == 200
    assert 'value="1" max="2"' in strip.content.decode()
    Run.objects.update(state="succeeded", finished_at=timezone.now())
    ended = client.get(path, headers=HTMX)
    assert (ended.status_code, ended["HX-Refresh"]) == (204, "true")


def test_the_log_of_a_run_is_shown_and_its_path_is_not(client: Client, project: Project) -> None:
    run = make_run(
        project, Run.Kind.IMPORT, state="failed", log="06:00:00 Checked <b>500</b> rows\n",
        params={"path": "/secret/place", "name": "a.jsonl"},
    )  # fmt: skip
    page = client.get(f"/projects/kitchen/runs/{run.pk}/").content.decode()
    assert "Checked &lt;b&gt;500&lt;/b&gt; rows" in page
    assert "a.jsonl" in page
    assert "/secret/place" not in page


def test_a_poll_after_signing_out_leads_to_the_door(project: Project) -> None:
    answer = Client().get("/projects/kitchen/runs/", headers=HTMX)
    assert answer.status_code == 204
    assert answer["HX-Redirect"].startswith("/sign-in/")
