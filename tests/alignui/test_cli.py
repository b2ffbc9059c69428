"""The command line: what is listed, and how an error of ours is told."""

import os
import subprocess
import sys
import types
from pathlib import Path

import click
import pytest
from django.db import OperationalError

from alignui import cli
from annotation.core.errors import Invalid

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "alignui.cli", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=dict(os.environ),
    )


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A command module whose command raises what its `error` says."""
    module = types.ModuleType("alignui.commands.failing")

    @click.command("failing")
    def command() -> None:
        raise module.error

    module.command = command
    monkeypatch.setitem(sys.modules, "alignui.commands.failing", module)
    monkeypatch.setattr(cli.Commands, "list_commands", lambda self, ctx: ["failing"])
    return module


def test_an_error_of_ours_is_one_line_and_exit_status_1(
    failing: types.ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    failing.error = Invalid("Row 3 has no prompt.", hint="Add one.")
    with pytest.raises(SystemExit) as left:
        cli.main(["failing"])
    assert left.value.code == 1
    assert capsys.readouterr().err == "alignui: Row 3 has no prompt. Add one.\n"


def test_a_database_that_is_away_is_one_line(
    failing: types.ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    failing.error = OperationalError("connection\nrefused")
    with pytest.raises(SystemExit) as left:
        cli.main(["failing"])
    assert left.value.code == 1
    expected = "The database does not answer: connection refused Start it with: alignui start"
    assert capsys.readouterr().err == f"alignui: {expected}\n"


def test_an_error_that_is_a_defect_keeps_its_traceback(failing: types.ModuleType) -> None:
    failing.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        cli.main(["failing"])


def test_every_command_that_is_listed_explains_itself() -> None:
    names = cli.group.list_commands(click.Context(cli.group))
    assert {"start", "check", "backup", "restore"} <= set(names)
    listed = run("--help")
    assert listed.returncode == 0
    for name in names:
        assert f"  {name} " in listed.stdout


def test_an_unknown_command_is_refused() -> None:
    finished = run("strat")
    assert finished.returncode == 2
    assert "No such command 'strat'" in finished.stderr
