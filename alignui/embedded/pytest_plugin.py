"""A pytest plugin: a throw-away PostgreSQL and Redis for the test session.

It is named in pytest's own options and not in a conftest, because pytest-django reads the settings
before any conftest is imported. Set DATABASE_URL and CELERY_BROKER_URL to test on servers instead.
"""

import os
import shutil
import tempfile
from collections.abc import Generator
from importlib import import_module
from pathlib import Path

import pytest

from alignui.embedded import paths, postgres, redis

_VAR = pytest.StashKey[Path]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Choose the session's own `var/` before the settings are read; xdist's workers inherit it."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        # Converting the language model takes 20 s; the copy is kept for the next session.
        os.environ.setdefault("ALIGNUI_MODELS_CACHE", str(paths.var_dir()))
        var = Path(tempfile.mkdtemp(prefix="alignui-test-"))
        early_config.stash[_VAR] = var
        os.environ["ALIGNUI_VAR"] = str(var)
        os.environ.setdefault("ALIGNUI_SECRET_KEY", "only-for-tests")
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    return (yield)


def pytest_sessionstart(session: pytest.Session) -> None:
    # Makes our broker the one to which the code under test sends work.
    import_module("alignui.celery")
    var = session.config.stash.get(_VAR, None)
    if var is None or session.config.option.collectonly:
        return
    # PostgreSQL runs as another account when root tests, and passes through this folder.
    var.chmod(0o711)
    paths.make_folders(var)
    if "DATABASE_URL" not in os.environ:
        postgres.start_detached(var, forgetful=True, tied=True)
    if "CELERY_BROKER_URL" not in os.environ:
        redis.start_detached(var, tied=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where a browser is required (CI), a browser test that skips itself has failed."""
    report = yield
    if report.skipped and item.get_closest_marker("browser") and _browser_required():
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, yet ALIGNUI_REQUIRE_BROWSER is set."
    return report


def _browser_required() -> bool:
    return os.environ.get("ALIGNUI_REQUIRE_BROWSER", "") not in {"", "0"}


def pytest_unconfigure(config: pytest.Config) -> None:
    var = config.stash.get(_VAR, None)
    if var is not None:
        redis.stop(var)
        postgres.stop(var)
        shutil.rmtree(var, ignore_errors=True)
