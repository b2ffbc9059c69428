"""A `var/` folder of its own for a test that starts services or processes."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from alignui.embedded import postgres, redis


@pytest.fixture
def var() -> Iterator[Path]:
    """An empty folder with a short path; whatever serves from it is ended afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="alignui-test-"))
    folder.chmod(0o711)
    yield folder
    redis.stop(folder)
    postgres.stop(folder)
    shutil.rmtree(folder)
