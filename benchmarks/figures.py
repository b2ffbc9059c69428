"""One measured figure, and the document that holds a benchmark's figures."""

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """A value of `n` repetitions (their median unless the name says otherwise), with its range.

    `goal` is a limit that `better` gives a direction; `baseline` is what the same machine needed in
    the same run for the part named in the figure's name, and `ratio` is value / baseline. `detail`
    is what the value rests on, in lines for people.
    """

    name: str
    value: float
    unit: str
    goal: float | None = None
    better: Literal["lower", "higher"] = "lower"
    baseline: float | None = None
    baseline_name: str = ""
    n: int = 1
    min: float | None = None
    max: float | None = None
    detail: str = ""

    @property
    def holds(self) -> bool | None:
        if self.goal is None:
            return None
        return self.value <= self.goal if self.better == "lower" else self.value >= self.goal

    @property
    def ratio(self) -> float | None:
        return self.value / self.baseline if self.baseline else None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"holds": self.holds, "ratio": self.ratio}


def of_samples(name: str, samples: Sequence[float], unit: str, **more: Any) -> Figure:
    """The median of repeated measurements."""
    return Figure(
        name, median(samples), unit, n=len(samples), min=min(samples), max=max(samples), **more
    )


def percentile(samples: Sequence[float], share: float) -> float:
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def machine() -> dict[str, Any]:
    """What the figures were measured on, without the name of the host."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory / 1e9, 1),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def document(name: str, figures: Sequence[Figure], about: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "machine": about, "figures": [figure.to_dict() for figure in figures]}


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or "unknown"
