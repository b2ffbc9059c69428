"""A study as files: JSON for programs, plots and a table on one page for people."""

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

from alignui.acquisition_study.study import Band, Outcome, Study
from annotation.core.figures import ticks
from rewardmodel.core.function_names import FUNCTION_NAMES

COLOURS = (
    "#57606a", "#0b6e4f", "#b3261e", "#1f5fbf", "#8a4fbe", "#b26a00", "#0f7c8a", "#8c2f6b",
    "#5a7d0c", "#4a4e9e", "#a34b2a", "#2f6f3e",
)  # fmt: skip
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 720, 360, 64, 24, 16, 44

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#1f2328;background:#fff}table{border-collapse:collapse;width:100%}"
    "th,td{padding:.35rem .6rem;border-bottom:1px solid #d0d7de;text-align:left}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}svg{width:100%;height:auto}"
    "text{font:12px system-ui,sans-serif;fill:#57606a}"
)


def write_report(study: Study, folder: Path) -> list[Path]:
    """study.json, accuracy.svg, log-loss.svg and index.html in the folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    plots = {
        "accuracy": plot(study, "Accuracy", [o.accuracy for o in study.outcomes]),
        "log-loss": plot(study, "Log-loss (nats)", [o.log_loss for o in study.outcomes]),
    }
    files = {"study.json": json.dumps(study.to_dict(), indent=1), "index.html": page(study, plots)}
    files |= {f"{name}.svg": svg for name, svg in plots.items()}
    for name, text in files.items():
        (folder / name).write_text(text + "\n", encoding="utf-8")
    return [folder / name for name in files]


def table(study: Study) -> list[tuple[str, ...]]:
    """Rows for people, a heading first: labels saved beside their null, and the worst moment."""
    head = (
        "function", "labels saved", "random saves", "saved on the way", "accuracy at the end",
        "furthest below random", "says",
    )  # fmt: skip
    return [head, *(_row(study, outcome) for outcome in study.outcomes)]


def _row(study: Study, found: Outcome) -> tuple[str, ...]:
    saved = found.saved
    return (
        found.function,
        f"{saved.value:.0%} [{saved.low:.0%}, {saved.high:.0%}]",
        f"up to {saved.null_high:.0%}",
        ", ".join(f"{each.saved.value:.0%} at {each.labels}" for each in found.on_the_way) or "–",
        f"{found.final_accuracy:.1%}",
        f"{found.worst:+.1f} points [{found.worst_low:+.1f}, {found.worst_high:+.1f}] "
        f"at {found.worst_at}",
        verdict(study, found),
    )


def verdict(study: Study, found: Outcome) -> str:
    """What to make of it, in a sentence."""
    if found.function == "random":
        return "The yardstick."
    if study.seeds < 5:
        return "Too few seeds to say."
    if found.saved.is_real:
        return "Saves labels here."
    if found.saved.high < 0 and found.saved.value < -found.saved.null_high:
        return "Needs more labels than chance here."
    return "Not told apart from chance here."


def plot(study: Study, title: str, bands: Sequence[Band]) -> str:
    """An SVG of every function's mean over seeds with its 95 % band, against labels."""
    low, high = min(min(b.low) for b in bands), max(max(b.high) for b in bands)
    marks = ticks(low, high)
    low, high = min(low, marks[0]), max(high, marks[-1])
    wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(labels: float) -> float:
        span = max(study.labels[-1] - study.labels[0], 1)
        return LEFT + wide * (labels - study.labels[0]) / span

    def y(value: float) -> float:
        return TOP + tall * (1 - (value - low) / max(high - low, 1e-12))

    def path(values: Sequence[float]) -> str:
        return " ".join(f"{x(n):.1f},{y(v):.1f}" for n, v in zip(study.labels, values, strict=True))

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)} against labels">',
        f'<text x="{LEFT}" y="14">{escape(title)}, mean and 95 % band over {study.seeds} '
        "seeds</text>",
    ]
    for mark in marks:
        parts.append(f'<path d="M{LEFT} {y(mark):.1f}H{WIDTH - RIGHT}" stroke="#d0d7de"/>')
        parts.append(
            f'<text x="{LEFT - 6}" y="{y(mark) + 4:.1f}" text-anchor="end">{mark:g}</text>'
        )
    for mark in ticks(study.labels[0], study.labels[-1]):
        if study.labels[0] <= mark <= study.labels[-1]:
            parts.append(
                f'<text x="{x(mark):.1f}" y="{HEIGHT - 22}" text-anchor="middle">{mark:g}</text>'
            )
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 6}">labels</text>')
    for number, (band, found) in enumerate(zip(bands, study.outcomes, strict=True)):
        colour = COLOURS[number % len(COLOURS)]
        area = path(band.high) + " " + " ".join(reversed(path(band.low).split()))
        parts.append(f'<polygon points="{area}" fill="{colour}" opacity="0.12"/>')
        parts.append(
            f'<polyline points="{path(band.mean)}" fill="none" stroke="{colour}" stroke-width="2">'
            f"<title>{escape(found.function)}</title></polyline>"
        )
    return "\n".join([*parts, "</svg>"])


def page(study: Study, plots: dict[str, str]) -> str:
    """One page that needs nothing else."""
    protocol = study.protocol
    head, *rows = table(study)
    legend = ", ".join(
        f'<b style="color:{COLOURS[number % len(COLOURS)]}">{escape(found.function)}</b>'
        for number, found in enumerate(study.outcomes)
    )
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    about = "".join(
        f"<li><b>{escape(found.function)}</b>: {escape(FUNCTION_NAMES[found.function])}</li>"
        for found in study.outcomes
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Acquisition on {escape(study.name)}</title><style>{STYLE}</style>"
        f"<h1>Which pairs to ask about: {escape(study.name)}</h1>"
        f"<p>{escape(study.about)} {study.n_pairs:,} pairs of {study.n_prompts:,} prompts; "
        f"{study.seeds} seeds from {study.first_seed}, each with its own split by prompt; "
        f"{protocol.start} labels at random, then batches of {protocol.batch} up to "
        f"{study.labels[-1]}, {protocol.control_share:.0%} of each at random.</p><p>{legend}</p>"
        f"{plots['accuracy']}{plots['log-loss']}"
        "<p>Labels saved: the share of its labels that random could have done without, had it been "
        "asked by the function, to end with the same log-loss; 95 % interval over seeds. Beside it "
        "what random saves against random, 95th percentile: a figure below that is chance. On the "
        "way: the same had the study ended with so many labels.</p>"
        f"<table><tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>{body}</table>"
        f"<h2>The functions</h2><ul>{about}</ul></html>"
    )
