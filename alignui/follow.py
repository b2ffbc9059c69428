"""A command's run, from asking to its end: executed by workers or here, with its progress shown."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click
from django.db import connection
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from annotation.core.errors import NotFound, Unavailable
from annotation.models import Project, Run
from annotation.services.runs import RunHandle, run_execute
from annotation.tasks import enqueue

Work = Callable[[RunHandle], Mapping[str, object]]

POLL_SECONDS = 0.2
HINT_AFTER_SECONDS = 8.0
NO_WORKER = "No worker has taken it yet. Start AlignUI (alignui start), or repeat with --here."


@dataclass(frozen=True, slots=True)
class How:
    """Who executes a run, whether the command stays with it, and who reads what comes of it."""

    wait: bool
    here: bool
    as_json: bool


def run_options(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command that asks for a run these options, as one `how`."""

    @click.option("--wait/--no-wait", default=True, help="Stay until it has ended.  [wait]")
    @click.option("--here", is_flag=True, help="Execute it in this process, without workers.")
    @click.option("--json", "as_json", is_flag=True, help="For programs: the run, when it ends.")
    @wraps(command)
    def with_how(*, wait: bool, here: bool, as_json: bool, **given: Any) -> None:
        command(**given, how=How(wait, here, as_json))

    return with_how


def project_named(slug: str) -> Project:
    project = Project.objects.filter(slug=slug).first()
    if project is None:
        known = ", ".join(Project.objects.values_list("slug", flat=True)) or "none"
        raise NotFound(f"There is no project “{slug}”; there are: {known}.")
    return project


def finish(run: Run, work: Callable[[], Work], how: How) -> Run:
    """Sees the run to its end, and leaves with status 1 unless it succeeded.

    `work` loads what the run does; it is asked for only where the run is executed here.
    """
    see_through(run, work, how)
    _report(run, as_json=how.as_json)
    if run.state in {Run.State.FAILED, Run.State.CANCELLED}:
        sys.exit(1)
    return run


def see_through(run: Run, work: Callable[[], Work], how: How) -> Run:
    """The run after it was executed as `how` says; what came of it is for the caller to tell."""
    if how.here:
        _execute_here(run, work(), quiet=how.as_json)
    else:
        enqueue(run)
        if how.wait:
            _watch(run, quiet=how.as_json)
    run.refresh_from_db()
    return run


def _execute_here(run: Run, work: Work, *, quiet: bool) -> None:
    """In a thread, so that this one can show progress and hear Ctrl-C."""

    def execute() -> None:
        try:
            run_execute(run_id=run.pk, work=work)
        finally:
            connection.close()

    thread = threading.Thread(target=execute, name=str(run))
    thread.start()
    try:
        _watch(run, quiet=quiet, is_here=True)
    except KeyboardInterrupt:
        click.echo("Stopping at the next safe place.", err=True)
        Run.objects.filter(pk=run.pk).update(is_cancel_requested=True)
    thread.join()


def _watch(run: Run, *, quiet: bool, is_here: bool = False) -> None:
    started, has_hinted = time.monotonic(), is_here or quiet
    with _bar(quiet) as show:
        try:
            while run.is_live:
                show(run)
                time.sleep(POLL_SECONDS)
                run.refresh_from_db()
                is_late = time.monotonic() - started > HINT_AFTER_SECONDS
                if run.state == Run.State.QUEUED and is_late and not has_hinted:
                    click.echo(NO_WORKER, err=True)
                    has_hinted = True
            show(run)
        except KeyboardInterrupt:
            if is_here:
                raise
            raise Unavailable(
                f"{run} goes on without you.", hint="Follow or cancel it under Runs."
            ) from None


@contextmanager
def _bar(quiet: bool) -> Iterator[Callable[[Run], None]]:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        task = progress.add_task("Waiting", total=None)

        def show(run: Run) -> None:
            progress.update(
                task,
                description=run.message or run.get_state_display(),
                completed=run.done,
                total=run.total or None,
            )

        yield show


def _report(run: Run, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_plain(run), indent=2))
    elif run.state == Run.State.FAILED:
        click.echo(f"alignui: {run} failed: {run.error}", err=True)
    else:
        told = ", ".join(f"{key} {value}" for key, value in run.result.items() if value != "")
        click.echo(f"{run}: {run.get_state_display().lower()}{'; ' if told else ''}{told}")


def _plain(run: Run) -> dict[str, Any]:
    seconds = None
    if run.started_at and run.finished_at:
        seconds = (run.finished_at - run.started_at).total_seconds()
    return {
        "run": run.pk,
        "project": run.project.slug,
        "kind": run.kind,
        "state": run.state,
        "result": run.result,
        "error": run.error,
        "seconds": seconds,
    }
