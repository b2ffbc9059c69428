"""What the web process loads: everything it serves, and none of the heavy parts."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

LOAD_EVERYTHING = """
import json, sys
import alignui.wsgi
from django.urls import get_resolver
from django.test import Client
def walk(resolver):
    for pattern in resolver.url_patterns:
        if hasattr(pattern, 'url_patterns'):
            walk(pattern)
walk(get_resolver())
import annotation.tasks, rewardmodel.tasks
print(json.dumps(sorted(sys.modules)))
"""


def test_the_web_process_loads_neither_torch_nor_transformers() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", LOAD_EVERYTHING],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=dict(os.environ),
    )
    loaded = set(json.loads(finished.stdout.splitlines()[-1]))
    assert {"django", "annotation.tasks", "rewardmodel.tasks"} <= loaded
    assert not loaded & {"torch", "transformers", "safetensors", "accelerate"}
