"""The real Celery application with one more task, for workers that tests kill."""

import os
import time
from pathlib import Path

from alignui.celery import app


@app.task(name="tests.work")
def work(diary: str, seconds: float) -> None:
    """Note the start, work, note the end."""
    _note(diary, f"start {os.getpid()}")
    time.sleep(seconds)
    _note(diary, "end")


def _note(diary: str, text: str) -> None:
    with Path(diary).open("a") as file:
        file.write(text + "\n")
