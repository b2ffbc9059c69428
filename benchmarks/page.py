"""How long people and programs wait for an answer, over HTTP from the real web process."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx

from benchmarks import place
from benchmarks.figures import Figure, percentile

PAGES = (
    ("judge page (ranking of four)", "annotator", "/judge/ranking/", 0.10),
    ("annotator's home", "annotator", "/", 0.10),
    ("lead's overview of the crowd study", "lead", "/projects/crowd-study/", 0.30),
)
AT_ONCE = 8


def measure(*, short: bool) -> list[Figure]:
    """Medians one after the other; 95th percentiles also with eight requests at once."""
    repeats = 20 if short else 200
    figures = []
    with place.folder() as var, place.served_demo(var) as served:
        with httpx.Client(base_url=served.address, timeout=30) as floor:
            baseline = percentile(_times(lambda: floor.get("/healthz"), repeats), 0.5)
        for name, who, path, goal in PAGES:
            with httpx.Client(base_url=served.address, timeout=30) as client:
                place.sign_in(client, var, who)
                place.wait_for_page(client, path)

                def fetch(client: httpx.Client = client, path: str = path) -> None:
                    client.get(path).raise_for_status()

                alone = _times(fetch, repeats)
                with ThreadPoolExecutor(AT_ONCE) as pool:
                    together = list(pool.map(lambda _: _time(fetch), range(repeats)))
            figures += [
                _figure(f"{name}, median", alone, 0.5, None, baseline),
                _figure(f"{name}, 95th percentile", alone, 0.95, goal, baseline),
                _figure(f"{name}, 95th percentile of {AT_ONCE} at once", together, 0.95, None,
                        baseline),
            ]  # fmt: skip
    return figures


def _figure(
    name: str, samples: list[float], share: float, goal: float | None, baseline: float
) -> Figure:
    milliseconds = [1000 * sample for sample in samples]
    return Figure(
        name, percentile(milliseconds, share), "ms", goal=goal and 1000 * goal,
        baseline=1000 * baseline, baseline_name="a request that does nothing, median",
        n=len(samples), min=min(milliseconds), max=max(milliseconds),
    )  # fmt: skip


def _times(work: Callable[[], object], repeats: int) -> list[float]:
    work()
    return [_time(work) for _ in range(repeats)]


def _time(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
