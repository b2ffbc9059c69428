"""Charts: every mark where its figure says, every word there for who does not see it."""

import re
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from django.template.loader import render_to_string
from django.utils import timezone

from annotation.core.figures import CalibrationBin, HistogramBin, Interval, Point, Series
from annotation.templatetags import charts, figures, runs
from annotation.templatetags.drawing import Across, Down, axis_over

ROWS = [
    Interval("Position", 0.5, 0.4, 0.6, 100),
    Interval("Length", 0.75, 0.7, 0.8, 90),
    Interval("Taste", None, note="Too few votes."),
]


def forest(rows: list[Interval], **options: object) -> str:
    return render_to_string("lead/forest.html", charts.forest(rows, **options))


def marks(svg: str, tag: str, cls: str = "") -> list[ElementTree.Element]:
    """The marks of a drawing, parsed: a drawing that is no XML fails here."""
    root = ElementTree.fromstring(str(svg))
    return [e for e in root.iter(tag) if cls in e.get("class", "").split() or not cls]


def test_a_forest_puts_each_estimate_between_its_whiskers_on_one_axis() -> None:
    html = forest(ROWS, low=0, high=1, reference=0.5)
    assert re.findall(r'class="estimate tone-first" cx="([\d.]+)%"', html) == ["50.0", "74.0"]
    across = re.findall(r'class="whisker tone-first" x1="([\d.]+)%" y1="14.0" x2="([\d.]+)%"', html)
    assert across == [("40.4", "59.6"), ("69.2", "78.8")]
    assert html.count('class="reference" x1="50.0%"') == 2


def test_a_forest_says_figures_and_reasons_in_words() -> None:
    html = forest(ROWS)
    assert "<strong>75.0%</strong>" in html
    assert "[70.0%, 80.0%]" in html
    assert "n 90" in html
    assert "Too few votes." in html
    assert html.count('<th scope="row">') == 3


def test_an_axis_is_round_and_holds_everything() -> None:
    assert axis_over([0.31, 0.58, None]) == (0.3, 0.6)
    assert axis_over([0.288, 0.544, 0.5]) == (0.2, 0.6)
    assert axis_over([]) == (0.0, 1.0)
    low, high = axis_over([2.0, 2.0])
    assert low <= 2.0 <= high


def test_scales_keep_marks_inside() -> None:
    across, down = Across(0, 10), Down(0, 10, 20, 120)
    assert (across.at(0), across.at(5), across.at(10), across.at(99)) == (
        "2.0%", "50.0%", "98.0%", "98.0%"
    )  # fmt: skip
    assert (down.at(0), down.at(10), down.at(-5)) == (120, 20, 120)


def test_a_trend_draws_band_line_and_its_last_word() -> None:
    start = timezone.now()
    points = [
        Point((start + timedelta(days=day)).timestamp(), 0.3 + day / 10, 0.2, 0.6, n=day + 5)
        for day in range(3)
    ]
    svg = charts.trend("t", points, title="Alpha over time", reference=0, reference_label="chance")
    assert len(marks(svg, "circle", "estimate")) == 3
    (band,) = marks(svg, "path", "band")
    assert band.get("d", "").endswith("Z")
    (line,) = marks(svg, "path", "line")
    xs = [float(x) for x, _ in re.findall(r"([\d.]+) ([\d.]+)", line.get("d", ""))]
    assert xs == [20.0, 500.0, 980.0]
    assert [t.text for t in marks(svg, "text", "mark")] == ["0.50"]
    title, desc = marks(svg, "title")[0], marks(svg, "desc")[0]
    assert (title.text, desc.text) == ("Alpha over time", "0.50 [0.20, 0.60] n = 7")
    assert ElementTree.fromstring(svg).get("aria-labelledby") == "t-t t-d"


def test_a_single_point_is_a_whisker_and_not_a_line() -> None:
    svg = charts.trend("t", [Point(1.0, 0.4, 0.3, 0.5)], title="One")
    assert marks(svg, "path", "line") == []
    assert len(marks(svg, "line", "whisker")) == 1


def test_a_curve_names_its_lines_at_their_ends_and_starts_at_nothing() -> None:
    series = [
        Series("model", (Point(10, 0.6), Point(20, 0.7))),
        Series("other", (Point(10, 0.55), Point(20, 0.56)), tone="second"),
    ]
    svg = charts.curve("c", series, title="Learning")
    words = {t.text: float(t.get("y", "0")) for t in marks(svg, "text", "mark")}
    assert set(words) == {"model 70.0%", "other 56.0%"}
    assert words["model 70.0%"] < words["other 56.0%"]
    ticks = [t.text for t in marks(svg, "text", "tick")]
    assert "0" in ticks
    assert "20" in ticks


def test_calibration_stands_on_its_diagonal_with_counts() -> None:
    bins = [CalibrationBin(0.55, 0.5, 0.4, 0.6, 40), CalibrationBin(0.85, 0.9, 0.8, 0.95, 1200)]
    svg = charts.calibration("k", bins, title="Calibration")
    assert len(marks(svg, "path", "reference")) == 1
    assert len(marks(svg, "circle", "estimate")) == 2
    assert {"40", "1,200"} <= {t.text for t in marks(svg, "text")}
    assert "predicted 85%, observed 90% of 1200" in str(marks(svg, "desc")[0].text)


def test_a_distribution_draws_counts_and_the_chosen_part() -> None:
    bins = [HistogramBin(0, 1, 10, 0), HistogramBin(1, 2, 5, 5), HistogramBin(2, 3, 0, 0)]
    svg = charts.distribution("d", bins, title="Utilities", marked_label="chosen")
    all_bars = marks(svg, "rect", "bar")
    assert [float(b.get("height", "0")) for b in all_bars] == [148.0, 74.0, 74.0]
    assert len(marks(svg, "rect", "bar-marked")) == 1
    assert charts.distribution("d", [], title="Nothing") == ""


def test_what_people_wrote_cannot_break_out_of_a_chart() -> None:
    evil = '"><script>alert(1)</script>'
    html = forest([Interval(evil, 0.5, 0.4, 0.6, 3, href="/x")])
    svg = charts.curve("c", [Series(evil, (Point(1, 0.5), Point(2, 0.6)))], title=evil)
    assert "<script" not in html + str(svg)


@pytest.mark.parametrize("html", [forest(ROWS), charts.whisker(0.5, 0.4, 0.6)])
def test_no_style_attribute_stands_in_a_chart(html: str) -> None:
    """The content security policy refuses them."""
    assert "style=" not in str(html)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(4.2, "4.2 s"), (75, "1 min 15 s"), (3600, "1 h"), (93_600, "1 d 2 h"), (None, "–")],
)
def test_durations(value: float | None, expected: str) -> None:
    assert figures.duration(value) == expected


def test_numbers_as_words() -> None:
    assert figures.written(-0.123, "decimal") == "−0.12"
    assert figures.written(0.6214, "share") == "62.1%"
    assert figures.whole(8931) == "8,931"
    assert figures.size(12_100_000) == "12.1 MB"
    assert figures.interval(0.37, 0.45) == '<span class="interval">[0.37, 0.45]</span>'
    assert figures.interval(None, None) == ""
    assert figures.p_value(0.0000001) == "< 0.001"
    assert figures.points(-0.023) == "−2.3 points"


def test_a_run_tells_its_rate_and_when_it_ends() -> None:
    from annotation.models import Run

    run = Run(
        kind="generation", state="running", done=50, total=150,
        started_at=timezone.now() - timedelta(seconds=100),
    )  # fmt: skip
    assert runs.rate(run) == "30.0 a minute"
    assert runs.finish(run).endswith("in 3 min 20 s")
    run.done = 0
    assert (runs.rate(run), runs.finish(run)) == ("", "")
