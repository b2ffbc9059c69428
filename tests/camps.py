"""Two camps that want different things on some prompts, for tests of who prefers what."""

from collections.abc import Iterator

from annotation.models import Project, SelfDescription, User
from annotation.services.imports import records_import
from tests.factories import make_project

DIVIDING, COMMON = 6, 6
CAMP = 9


def camps_project(*, described: bool = True, project: Project | None = None) -> Project:
    """Eighteen people judge twelve pairs: on six the North prefers terse and the South wordy."""
    project = project or make_project("Camps")
    records_import(project=project, kind="judgments", rows=list(_votes()))
    if described:
        describe(project)
    return project


def describe(project: Project) -> None:
    for person in people(project):
        is_north = person.name.startswith("north")
        SelfDescription.objects.create(
            user=person, region="North" if is_north else "South",
            expertise=["cooking", "law"] if is_north else ["Cooking"],
        )  # fmt: skip


def people(project: Project) -> list[User]:
    found = User.objects.filter(judgments__comparison__project=project).distinct()
    return list(found.order_by("pk"))


def _votes() -> Iterator[dict[str, object]]:
    """One of each camp votes against it, so that nothing is all or nothing."""
    for number in range(DIVIDING + COMMON):
        for camp in ("north", "south"):
            for person in range(CAMP):
                wants_terse = number >= DIVIDING or camp == "north"
                if person == number % CAMP:
                    wants_terse = not wants_terse
                yield {
                    "prompt": f"Question {number}?",
                    "annotator": f"{camp} {person}",
                    "winner": "a" if wants_terse else "b",
                    "completions": [
                        {"policy": "terse", "text": f"Yes, {number}."},
                        {"policy": "wordy", "text": f"It depends on what {number} means."},
                    ],
                }
