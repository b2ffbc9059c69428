"""Each LLM judge's own audits, as rows beside those of people."""

from dataclasses import replace

from django.db.models import Count, QuerySet

from annotation.core.bias_model import BiasModel, Rules
from annotation.core.judge_bias import Placed, judge_bias
from annotation.models import BiasAudit, Judgment, Project
from annotation.selectors.vote_facts import Votes, votes
from annotation.services.audit_rows import effect_rows

MOST_JUDGES = 20
BESIDE = "Beside how good people find these policies, by their votes on the same prompts."


def judge_rows(
    *, project: Project, judgments: QuerySet[Judgment], people: Votes, seed: int
) -> list[BiasAudit]:
    """The audits of the judges with most judgments; `judgments` are everybody's."""
    of_judges = judgments.exclude(annotator__judge_model="")
    models = (
        of_judges.order_by()
        .values_list("annotator__judge_model")
        .annotate(n=Count("pk"), judges=Count("annotator", distinct=True))
        .order_by("-n", "annotator__judge_model")[:MOST_JUDGES]
    )
    return [
        row
        for model, _n, n_judges in models
        for row in _rows_of_judge(
            model,
            n_judges,
            votes(project, of_judges.filter(annotator__judge_model=model), with_groups=False),
            people,
            seed=seed,
        )
    ]


def _rows_of_judge(
    model: str, n_judges: int, read: Votes, people: Votes, *, seed: int
) -> list[BiasAudit]:
    """None of a judge who never preferred anything."""
    if not len(read.judgments):
        return []
    found = judge_bias(_placed(read), _placed(people), rules=Rules(seed=seed))
    # By prompt it tells of others too; by comparison of these prompts alone.
    note = read.drawn_note if found.cluster == "prompt" else read.note
    alone, beside = (_noted(each, note) for each in (found.alone, found.beside))
    family = replace(found.family, values=found.family.values[: len(read.judgments)])
    rows = [
        *effect_rows(alone, found.asked, read.judgments, seed=seed),
        *effect_rows(_beside_people(beside), [family], read.judgments, seed=seed),
    ]
    for row in rows:
        row.detail |= {"judge": model, "cluster": found.cluster, "n_clusters": row.n_annotators}
        row.bias = f"{BiasAudit.OF_JUDGE}{model}:{row.bias}"[:160]
        row.n_annotators = n_judges
    return rows


def _noted(model: BiasModel, note: str) -> BiasModel:
    return replace(model, note=" ".join(filter(None, [model.note, note])))


def _beside_people(model: BiasModel) -> BiasModel:
    """The model, its effects telling what they are beside."""
    effects = [
        replace(each, note=f"{each.note} {BESIDE}".strip()) if each.estimate else each
        for each in model.effects
    ]
    return replace(model, effects=tuple(effects))


def _placed(read: Votes) -> Placed:
    return Placed(read.facts, read.prompts, read.comparisons)
