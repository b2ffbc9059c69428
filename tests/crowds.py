"""A crowd whose votes lean: enough of them for an audit to find what was planted."""

from random import Random

from annotation.models import Project, SelfDescription, User
from annotation.services.imports import records_import

JUDGE = "terse-large"


def leaning_crowd(
    project: Project, *, people: int = 24, each: int = 16, describe: bool = False
) -> Project:
    """Imported votes, dated and timed, that go to the left three times of four. With `describe`,
    people say in turn that they are a woman and a man."""
    random = Random(5)
    texts = [[f"Well, {'indeed ' * random.randrange(9)}." for _ in range(2)] for _ in range(each)]
    rows = []
    for person in range(people):
        for at in range(each):
            rows.append({
                "prompt": f"Question {at}?",
                "annotator": f"worker {person}",
                "winner": "left" if random.random() < 0.75 else "right",
                "completions": [
                    {"policy": name, "text": f"{name} {text}"}
                    for name, text in zip(("terse", "wordy"), texts[at], strict=True)
                ][:: (-1) ** (at + person // 2)],
                "active_ms": random.randrange(2000, 9000),
                "judged_at": f"2024-05-{1 + (5 * at + person) % each:02}T10:{person:02}:00Z",
            })  # fmt: skip
    records_import(project=project, kind="judgments", rows=rows)
    if describe:
        crowd = User.objects.filter(username__startswith=f"imported/{project.slug}/")
        for at, user in enumerate(crowd.order_by("pk")):
            SelfDescription.objects.create(user=user, gender=("woman", "man")[at % 2])
    return project


def leaning_judge(project: Project, *, model: str = JUDGE, each: int = 16) -> None:
    """An LLM judge's votes on pairs like the crowd's: to the left four times of five."""
    random = Random(6)
    rows = [
        {
            "prompt": f"Question {at}?",
            "annotator": f"{model} as judge",
            "judge_model": model,
            "winner": "left" if random.random() < 0.8 else "right",
            "completions": [
                {"policy": name, "text": f"{name} said {word * (1 + again)}"}
                for name, word in (("terse", "so "), ("wordy", "thus "))
            ][:: (-1) ** again],
        }
        for at in range(each)
        for again in range(8)
    ]
    records_import(project=project, kind="judgments", rows=rows)
