"""A small crowd whose kinds are known: honest people, and a few who are not."""

import numpy as np

from annotation.models import PeopleReport, Pool, Project, User
from annotation.services.imports import records_import
from annotation.services.people_reports import people_measure
from tests.factories import make_project

POLICIES = ("good", "fair", "poor")
ITEMS, HONEST, RIGHT = 40, 8, 0.9
DRAW = 1000  # of 40 answers some coins look like poor judges; these do not
PLANTED = ("left", "random", "flipped", "twin 1", "twin 2")


def planted_project(
    name: str = "Planted", *, items: int = ITEMS, pool: Pool | None = None
) -> Project:
    """Everybody judges every pair: eight honest people, one who always takes the left one, one who
    tosses a coin, one who answers the wrong way round, and one person with two accounts."""
    project = make_project(name, pool=pool, held_out_fraction=0.0)
    rows = [row for item in range(items) for row in _rows(item)]
    records_import(project=project, kind="judgments", rows=rows)
    return project


def report_with_group(project: Project, *people: User) -> PeopleReport:
    """A report in which these people are a group whose answers are too alike."""
    report = people_measure(project=project, criterion=project.criteria.get(key="overall"))
    report.detail["alike"]["groups"] = [[person.pk for person in people]]
    report.save(update_fields=["detail"])
    return report


def _rows(item: int) -> list[dict[str, object]]:
    random = np.random.default_rng(DRAW + item)
    pair = [POLICIES[place] for place in ((0, 1), (1, 2), (0, 2))[item % 3]]
    better = 0 if random.random() < 0.75 else 1
    sheet = int(random.integers(2))
    left_of = {who: int(random.integers(2)) for who in _everybody()}
    choices = {
        f"honest {n}": better if random.random() < RIGHT else 1 - better for n in range(HONEST)
    } | {
        "left": left_of["left"], "random": int(random.integers(2)), "flipped": 1 - better,
        "twin 1": sheet, "twin 2": sheet,
    }  # fmt: skip
    return [
        {
            "prompt": f"Question {item}?",
            "completions": [{"policy": p, "text": f"{p} answer to {item}"} for p in pair],
            "groups": [[chosen], [1 - chosen]],
            "display_order": [left_of[who], 1 - left_of[who]],
            "annotator": who,
        }
        for who, chosen in choices.items()
    ]


def _everybody() -> tuple[str, ...]:
    return (*(f"honest {n}" for n in range(HONEST)), *PLANTED)
