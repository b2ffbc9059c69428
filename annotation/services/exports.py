"""Dataset releases: immutable, hashed, with a card. A release appears whole or not at all."""

import hashlib
import shutil
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from annotation.core.cards import Card, dataset_card
from annotation.core.errors import Invalid, Unavailable
from annotation.core.exports import (
    Edit,
    Mark,
    PreferenceSet,
    Vote,
    demonstration_row,
    edit_row,
    majority_rows,
    pseudonym,
    vote_rows,
)
from annotation.core.row_weights import CONSENSUS, NO_WEIGHTS, OFF, RowWeights, consensus_weights
from annotation.core.writing import Written, write_jsonl, write_text
from annotation.models import (
    Completion,
    Criterion,
    Export,
    Judgment,
    Project,
    Rewrite,
    Run,
    Span,
    User,
)
from annotation.selectors import judgments as judgment_selectors
from annotation.selectors.disputes import decisions_in_force
from annotation.selectors.people_works import gold_answers
from annotation.services.agreement import agreement_estimates
from annotation.services.audit_log import audit_entry_create
from annotation.services.audits import bias_estimates
from annotation.services.runs import RunHandle

SPLITS = ("train", "test")
DATA_LICENSE = "other"
WEIGHTS = (OFF, CONSENSUS)


@dataclass(frozen=True, slots=True)
class ExportTerms:
    """What a release is to hold; a run's params, and what the release records of it.

    With `is_majority` a pair has one row for all its judges, else one for each. `weights` says
    where the rows' probabilities and weights come from.
    """

    include_simulated: bool = False
    is_majority: bool = False
    follows_adjudication: bool = True
    with_quarantined: bool = False
    weights: str = OFF


def export_create(
    *,
    project: Project,
    actor: User | None = None,
    run: Run | None = None,
    terms: ExportTerms | None = None,
) -> Export:
    """Writes the live judgments as preference pairs and records the release.

    Held-out prompts form the split `test`. Decisions of disputes take the place of the judgments
    between which they decide, unless they are not to be followed. A run that is executed again
    after its worker died gives the same release. Raises Invalid where there is nothing to export,
    Unavailable where the disk refuses.
    """
    earlier = Export.objects.filter(run=run).first() if run is not None else None
    if earlier is not None:
        return earlier
    terms = terms or ExportTerms()
    if terms.weights not in WEIGHTS:
        raise Invalid(f"Weights are one of {', '.join(WEIGHTS)}.", field="weights")
    taken = _taken(project, terms)
    found = _preferences(project, taken, terms)
    if not found.rows:
        raise Invalid(
            "There is no decided pair to export yet.", hint="Judge some comparisons first."
        )
    name = f"{project.slug}/{f'run-{run.pk}' if run else uuid4().hex[:12]}"
    folder = Path(settings.EXPORTS_DIR, name)
    files, card = _write(folder, project, taken, found, terms)
    return _record(
        project=project, actor=actor, run=run, name=name, files=files, n_rows=len(found.rows),
        card=card, taken=taken, terms=terms,
    )  # fmt: skip


def export_work(handle: RunHandle) -> Mapping[str, object]:
    """The run's params are those of `ExportTerms`."""
    handle.progress(0, 1, "Writing the dataset")
    known = {field.name for field in fields(ExportTerms)}
    given: dict[str, Any] = {key: each for key, each in handle.params.items() if key in known}
    export = export_create(
        project=handle.project,
        actor=handle.run.requested_by,
        run=handle.run,
        terms=ExportTerms(**given),
    )
    handle.progress(1, 1, "Exported.")
    return {"export": export.pk, "rows": export.rows, "sha256": export.sha256}


def archive_path(export: Export) -> Path:
    """The release as one zip file. Raises Unavailable when it is not on this host's disk."""
    path = Path(settings.EXPORTS_DIR, f"{export.folder}.zip")
    if not path.is_file():
        raise Unavailable(
            f"The files of export {export.pk} are not on this host.",
            hint="Look under var/exports of the worker that wrote it, or restore the backup.",
        )
    return path


@dataclass(frozen=True, slots=True)
class _Taken:
    """The judgments and decisions of a release, as they stood at a cutoff and a moment."""

    cutoff: int
    as_of: datetime
    live: QuerySet[Judgment]
    decisions: QuerySet[Judgment]


def _taken(project: Project, terms: ExportTerms) -> _Taken:
    cutoff, as_of = judgment_selectors.latest_judgment_id(project), timezone.now()
    live = judgment_selectors.live(
        project, include_simulated=terms.include_simulated, cutoff_id=cutoff, as_of=as_of,
        with_quarantined=terms.with_quarantined,
    )  # fmt: skip
    decisions = decisions_in_force(
        project, include_simulated=terms.include_simulated, cutoff_id=cutoff
    )
    return _Taken(cutoff, as_of, live, decisions)


def _preferences(project: Project, taken: _Taken, terms: ExportTerms) -> PreferenceSet:
    votes = list(_votes(project, taken.live))
    weights = _weights(project, votes) if terms.weights == CONSENSUS else NO_WEIGHTS
    votes += _votes(project, taken.decisions)
    rows = majority_rows if terms.is_majority else vote_rows
    return rows(votes, follows_adjudication=terms.follows_adjudication, weights=weights)


def _weights(project: Project, votes: Sequence[Vote]) -> RowWeights:
    numbers: dict[str, int] = {}
    policies = {
        completion_id: numbers.setdefault(policy, len(numbers))
        for vote in votes
        for completion_id, policy in zip(vote.verdict.completion_ids, vote.policies, strict=True)
    }
    verdicts = [vote.verdict for vote in votes]
    return consensus_weights(verdicts, policies=policies, gold=gold_answers(project))


@transaction.atomic
def _record(
    *, project: Project, actor: User | None, run: Run | None, name: str, files: list[Written],
    n_rows: int, card: str, taken: _Taken, terms: ExportTerms,
) -> Export:  # fmt: skip
    export = Export.objects.create(
        project=project,
        run=run,
        folder=name,
        sha256=_manifest_hash(files),
        byte_size=sum(file.byte_size for file in files),
        rows=n_rows,
        card=card,
        params=asdict(terms) | {"as_of": taken.as_of.isoformat()},
        cutoff_judgment_id=taken.cutoff,
        includes_simulated=terms.include_simulated,
        created_by=actor,
    )
    audit_entry_create(
        actor=actor, project=project, action="export.create", subject=name,
        detail={"sha256": export.sha256, "rows": export.rows},
    )  # fmt: skip
    return export


def _write(
    folder: Path, project: Project, taken: _Taken, found: PreferenceSet, terms: ExportTerms
) -> tuple[list[Written], str]:
    """Writes into a folder beside the final one, which then takes its name in one step."""
    part = folder.with_name(f".{folder.name}.part")
    for left in (folder, part):  # by a worker that died before the record
        shutil.rmtree(left, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        splits = _split_files(part, {split: split for split in SPLITS}, found.rows)
        extras = _write_edits(part, list(_edits(project, taken.live)))
        card = dataset_card(_card(project, taken, found, terms, splits, extras))
        data = [file for files in (splits, *extras.values()) for file in files.values()]
        files = [*data, write_text(part / "README.md", card)]
        write_text(part / "SHA256SUMS", "\n".join(f"{f.sha256}  {f.path.name}" for f in files))
        _archive(part, folder.with_name(f"{folder.name}.zip"), folder.name)
        part.rename(folder)
    except OSError as error:
        folder.with_name(f"{folder.name}.zip").unlink(missing_ok=True)
        raise Unavailable(
            f"The export could not be written: {error.strerror or error}.",
            hint="Free some space where var/exports lives and export again; nothing was released.",
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return files, card


def _split_files(
    folder: Path, names: Mapping[str, str], rows: Sequence[Mapping[str, Any]]
) -> dict[str, Written]:
    """A file for each split that has a row: held-out prompts never stand beside the others."""
    return {
        split: write_jsonl(folder / f"{names[split]}.jsonl", chosen)
        for split in SPLITS
        if (chosen := [row for row in rows if row["split"] == split])
    }


def _write_edits(folder: Path, edits: Sequence[Edit]) -> dict[str, dict[str, Written]]:
    """Demonstrations and edit pairs, where anybody rewrote a response."""
    if not edits:
        return {}
    kinds: dict[str, Sequence[Mapping[str, Any]]] = {
        "demonstrations": [demonstration_row(edit) for edit in edits],
        "edits": [edit_row(edit) for edit in edits],
    }
    return {
        name: _split_files(folder, {"train": name, "test": f"{name}-test"}, rows)
        for name, rows in kinds.items()
    }


def _archive(folder: Path, target: Path, name: str) -> None:
    """One zip of the folder, the same bytes for the same content."""
    part = target.with_suffix(".zip.part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(folder.iterdir()):
                entry = zipfile.ZipInfo(f"{name}/{file.name}")
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, file.read_bytes())
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)


def _manifest_hash(files: list[Written]) -> str:
    """One hash for the release: of its files' hashes and names."""
    lines = "".join(f"{file.sha256}  {file.path.name}\n" for file in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def _votes(project: Project, live: QuerySet[Judgment]) -> Iterator[Vote]:
    completions = {
        c.pk: c
        for c in Completion.objects.filter(candidacies__comparison__project=project)
        .select_related("policy", "prompt")
        .defer("html")
        .distinct()
    }
    facts = {
        pk: (reason, kind, is_adjudication)
        for pk, reason, kind, is_adjudication in live.values_list(
            "pk", "comparison__batch__reason", "annotator__kind", "is_adjudication"
        )
    }
    marks = _marks(live)
    for criterion in project.criteria.all():
        is_overall = criterion.key == Criterion.OVERALL
        for verdict in judgment_selectors.verdicts(live, criterion=criterion.key):
            shown = [completions[key] for key in verdict.completion_ids]
            reason, kind, is_adjudication = facts[verdict.judgment_id]
            yield Vote(
                verdict=verdict,
                messages=shown[0].prompt.messages,
                texts=tuple(completion.text for completion in shown),
                policies=tuple(str(completion.policy) for completion in shown),
                annotator=_pseudonym(verdict.annotator_id, project),
                batch_reason=reason,
                split="test" if shown[0].prompt.is_held_out else "train",
                simulated=kind == User.Kind.SIMULATED,
                marks=tuple(marks[verdict.judgment_id]) if is_overall else (),
                is_adjudication=is_adjudication,
            )


def _marks(live: QuerySet[Judgment]) -> defaultdict[int, list[Mark]]:
    """What was marked, by judgment."""
    marks: defaultdict[int, list[Mark]] = defaultdict(list)
    for span in Span.objects.filter(judgment__in=live).select_related("candidate").order_by("pk"):
        marks[span.judgment_id].append(
            Mark(
                position=span.candidate.position,
                label=span.label,
                start=span.start,
                end=span.end,
                quote=span.quote,
                note=span.note,
            )
        )
    return marks


def _edits(project: Project, live: QuerySet[Judgment]) -> Iterator[Edit]:
    rewrites = Rewrite.objects.filter(judgment__in=live).select_related(
        "judgment__annotator", "candidate__completion__policy", "candidate__completion__prompt"
    )
    for rewrite in rewrites.order_by("pk"):
        completion, annotator = rewrite.candidate.completion, rewrite.judgment.annotator
        yield Edit(
            judgment_id=rewrite.judgment_id,
            prompt_id=completion.prompt_id,
            completion_id=completion.pk,
            messages=completion.prompt.messages,
            original=completion.text,
            rewrite=rewrite.text,
            policy=str(completion.policy),
            annotator=_pseudonym(annotator.pk, project),
            split="test" if completion.prompt.is_held_out else "train",
            simulated=annotator.kind == User.Kind.SIMULATED,
        )


def _pseudonym(annotator_id: int, project: Project) -> str:
    return pseudonym(annotator_id, f"{settings.SECRET_KEY}/{project.pk}")


def _card(
    project: Project, taken: _Taken, found: PreferenceSet, terms: ExportTerms,
    splits: Mapping[str, Written], extras: Mapping[str, Mapping[str, Written]],
) -> Card:  # fmt: skip
    agreement = {
        criterion.name: agreement_estimates(
            project=project, criterion=criterion, judgments=taken.live
        )[0]
        for criterion in project.criteria.all()
        if criterion.key == Criterion.OVERALL or criterion.answers.exists()
    }
    return Card(
        title=project.name,
        license=DATA_LICENSE,
        created_at=timezone.now(),
        code_version=version("alignui"),
        cutoff_judgment_id=taken.cutoff,
        preferences=found,
        files=splits,
        extras=extras,
        question=project.question,
        description=project.description,
        attribution=project.attribution,
        content_warning=project.content_warning,
        languages=sorted(
            set(project.prompts.exclude(language="").values_list("language", flat=True))
        ),
        agreement=agreement,
        biases=bias_estimates(project=project, judgments=taken.live),
        includes_quarantined=terms.with_quarantined,
    )
