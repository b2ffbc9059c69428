"""The benchmarks' format, and one benchmark for real."""

import json
import subprocess
import sys

from benchmarks.__main__ import section
from benchmarks.figures import Figure, document, machine, of_samples
from benchmarks.names import NAMES

FIGURE_KEYS = {
    "name", "value", "unit", "goal", "holds", "baseline", "ratio", "n", "min", "max"
}  # fmt: skip


def test_a_goal_has_a_direction():
    assert Figure("a", 3.0, "s", goal=3.0).holds is True
    assert Figure("a", 3.1, "s", goal=3.0).holds is False
    assert Figure("a", 3.1, "/s", goal=3.0, better="higher").holds is True
    assert Figure("a", 3.1, "s").holds is None


def test_samples_give_their_median_and_range():
    figure = of_samples("a", [3.0, 1.0, 2.0], "s", baseline=0.5, baseline_name="less")
    assert (figure.value, figure.min, figure.max, figure.n, figure.ratio) == (2.0, 1.0, 3.0, 3, 4.0)


def test_the_document_and_its_page():
    found = document("toy", [Figure("speed", 1234.5, "m/s", goal=2000, better="higher")], machine())
    assert found.keys() == {"name", "machine", "figures"}
    assert found["figures"][0].keys() >= FIGURE_KEYS
    text = section(found, is_first=True)
    assert "Measured on:" in text
    assert "1,234 m/s" in text
    assert "**missed**" in text


def test_a_benchmark_for_real():
    """In a process of its own, as `make bench` does; short, so its figures mean little."""
    command = [sys.executable, "-m", "alignui.cli", "bench", "agreement", "--short", "--json"]
    finished = subprocess.run(command, capture_output=True, check=True, text=True, timeout=180)
    found = json.loads(finished.stdout)
    assert found["name"] == "agreement"
    times = [figure["value"] for figure in found["figures"] if figure["unit"] == "ms"]
    assert times
    assert min(times) > 0


def test_unknown_benchmarks_are_named():
    command = [sys.executable, "-m", "alignui.cli", "bench", "speed"]
    finished = subprocess.run(command, capture_output=True, check=False, text=True, timeout=60)
    assert finished.returncode == 1
    assert all(name in finished.stderr for name in NAMES)
