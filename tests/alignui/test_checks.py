"""`alignui check`: each thing that can be wrong is named, with what to do about it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import OperationalError
from pytest_django import Settings

from alignui import checks
from alignui.checks import Finding, Level

ROOT = Path(__file__).resolve().parents[2]


def only(check: checks.Check) -> Finding:
    (finding,) = check()
    return finding


def test_an_installation_that_can_start_has_no_problem(tmp_path: Path) -> None:
    others = {"DATABASE_URL", "CELERY_BROKER_URL", "ALIGNUI_SECRET_KEY"}
    kept = {key: value for key, value in os.environ.items() if key not in others}
    finished = subprocess.run(
        [sys.executable, "-m", "alignui.cli", "check", "--json"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=kept | {"ALIGNUI_VAR": str(tmp_path / "var")},
    )
    found = {finding["name"]: finding for finding in json.loads(finished.stdout)}
    assert finished.returncode == 0
    assert {"python", "packages", "folder", "secret key", "database", "broker"} <= set(found)
    assert found["database"]["level"] == "ok"


def test_a_problem_is_exit_status_1(tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "alignui.cli", "check"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=dict(os.environ) | {"ALIGNUI_VAR": str(tmp_path), "ALIGNUI_SECRET_KEY": "short"},
    )
    assert finished.returncode == 1
    assert "PROBLEM  secret key" in finished.stdout
    assert "→ Draw a long one" in finished.stdout


def test_a_key_that_others_can_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ALIGNUI_SECRET_KEY", raising=False)
    monkeypatch.setenv("ALIGNUI_VAR", str(tmp_path))
    (tmp_path / "secret_key").write_text("x" * 60)
    (tmp_path / "secret_key").chmod(0o644)
    finding = only(checks._secret_key)
    assert finding.level is Level.PROBLEM
    assert finding.hint == f"chmod 600 {tmp_path}/secret_key"


@pytest.mark.parametrize(
    ("free", "level"),
    [(200 * 1024**2, Level.PROBLEM), (1024**3, Level.WARNING), (50 * 1024**3, Level.OK)],
)
def test_a_disk_that_fills(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, level: Level
) -> None:
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    assert checks._disk(tmp_path).level is level


def test_a_database_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> list[str]:
        raise OperationalError("connection refused")

    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/alignui")
    monkeypatch.setattr("alignui.health.pending_migrations", away)
    finding = only(checks._database)
    assert finding.level is Level.PROBLEM
    assert finding.message == "It does not answer: connection refused"
    assert finding.hint == "Start it, or correct DATABASE_URL."


@pytest.mark.django_db
def test_migrations_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alignui.health.pending_migrations", lambda: ["annotation.0099_later"])
    found = {finding.name: finding for finding in checks._database()}
    assert found["database"].level is Level.OK
    assert found["migrations"].level is Level.PROBLEM
    assert "annotation.0099_later" in found["migrations"].message


def test_an_old_server() -> None:
    assert checks._server_version(130_004, is_ours=False).level is Level.PROBLEM
    assert checks._server_version(180_006, is_ours=True).message == "PostgreSQL 18.6, embedded"


def test_queues_that_nobody_serves() -> None:
    found = {finding.name: finding for finding in checks._broker()}
    assert found["broker"].level is Level.OK
    assert found["worker gpu"].level is Level.WARNING
    assert found["worker gpu"].hint == "Start one here or elsewhere: alignui start gpu"


def test_a_host_without_torch_is_only_warned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "has_torch", lambda: False)
    finding = only(checks._torch)
    assert finding.level is Level.WARNING
    assert "neither generates nor trains" in finding.message


def test_a_package_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "requires", lambda _: ["Django>=99", "nowhere-to-be-found>=1"])
    finding = only(checks._packages)
    assert finding.level is Level.PROBLEM
    assert "not >=99" in finding.message
    assert "nowhere-to-be-found is missing" in finding.message


def test_a_public_name_without_tls(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["align.example.org"]
    settings.BEHIND_TLS = False
    settings.DEBUG = True
    hints = [finding.hint for finding in checks._web()]
    assert hints == [
        "Unset it where others can reach the pages.",
        "Put TLS in front and set it to 1.",
    ]
