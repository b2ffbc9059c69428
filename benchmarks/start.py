"""From the command to the first comparison in a browser, without and with data from before."""

from pathlib import Path

import httpx

from benchmarks import place
from benchmarks.figures import Figure, of_samples, seconds

SECOND_START_GOAL_SECONDS = 12.0


def measure(*, short: bool) -> list[Figure]:
    """`alignui demo` on an empty folder, then again; the crowd's 8,931 votes are loaded once."""
    with place.folder() as var:
        first = _start(var)
        again = [_start(var) for _ in range(1 if short else 3)]
    return [
        Figure("first start: first page", first[0], "s"),
        Figure("first start: first comparison", first[1], "s"),
        of_samples("second start: first page", [page for page, _ in again], "s"),
        of_samples(
            "second start: first comparison", [comparison for _, comparison in again], "s",
            goal=SECOND_START_GOAL_SECONDS,
        ),
    ]  # fmt: skip


def _start(var: Path) -> tuple[float, float]:
    with (
        place.served_demo(var) as served,
        httpx.Client(base_url=served.address, timeout=30) as client,
    ):

        def judge() -> None:
            place.sign_in(client, var, "annotator")
            place.wait_for_page(client, "/judge/ranking/")

        to_comparison = served.first_page_seconds + seconds(judge)
        _let_loading_end(client, var)
        return served.first_page_seconds, to_comparison


def _let_loading_end(client: httpx.Client, var: Path) -> None:
    """The second start is only one when the first has loaded everything."""
    client.post("/sign-out/", headers={"X-CSRFToken": client.cookies["csrftoken"],
                                       "Referer": str(client.base_url)})  # fmt: skip
    place.sign_in(client, var, "lead")
    place.wait_for_page(client, "/projects/crowd-study/")
