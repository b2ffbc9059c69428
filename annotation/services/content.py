"""Writing prompts, policies and completions in bulk, each known thing once."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db.models.functions import MD5

from annotation.core.errors import Invalid
from annotation.core.messages import content_hash
from annotation.core.records import CompletionRecord, PromptRecord, PromptReference
from annotation.core.rendering import render_markdown
from annotation.core.scheduling import hold_out
from annotation.models import Completion, Policy, Project, Prompt
from annotation.services.completions import flag_identifying


@dataclass
class ContentWriter:
    """Adds to one project inside the caller's transaction, and counts what was there already.

    The caller holds the project's row lock, so that two imports do not number the same samples.
    """

    project: Project
    prompts_created: int = 0
    prompts_known: int = 0
    completions_created: int = 0
    completions_known: int = 0
    _policies: dict[str, Policy] = field(default_factory=dict)
    _new_hashes: set[str] = field(default_factory=set)

    def prompts(self, records: Sequence[PromptRecord]) -> list[int]:
        """The ids of the records' prompts, in order; those not known yet are created."""
        hashes = [content_hash(record.messages) for record in records]
        known = self._prompt_ids(hashes)
        fresh = {
            key: record for key, record in zip(hashes, records, strict=True) if key not in known
        }
        created = Prompt.objects.bulk_create(
            Prompt(
                project=self.project,
                messages=list(record.messages),
                rendered=[render_markdown(str(turn["content"])) for turn in record.messages],
                content_hash=key,
                external_id=record.external_id,
                language=record.language,
                tags=list(record.tags),
                source=record.source,
                metadata=record.metadata,
                is_unsafe=record.is_unsafe,
            )
            for key, record in fresh.items()
        )
        known |= {prompt.content_hash: prompt.pk for prompt in created}
        self.prompts_created += len(created)
        self.prompts_known += len(records) - len(created)
        self._new_hashes |= fresh.keys()
        return [known[key] for key in hashes]

    def referenced(self, references: Sequence[PromptReference]) -> list[int | None]:
        """Prompt ids by full conversation (created if new) or by external id (None if unknown)."""
        named = {r.external_id for r in references if r.messages is None}
        by_name = dict(
            Prompt.objects.filter(project=self.project, external_id__in=named).values_list(
                "external_id", "pk"
            )
        )
        full = [
            PromptRecord(messages=r.messages, external_id=r.external_id)
            for r in references
            if r.messages is not None
        ]
        ids = iter(self.prompts(full))
        return [by_name.get(r.external_id) if r.messages is None else next(ids) for r in references]

    def completions(self, rows: Sequence[tuple[int, CompletionRecord]]) -> list[int]:
        """The ids of (prompt id, record) rows, in order.

        A text that the policy wrote for the prompt before is the same completion. Raises Invalid
        with field sample_index where another text stands at the index that a record names.
        """
        families = {record.policy: record.family for _, record in reversed(rows) if record.family}
        names = {record.policy for _, record in rows}
        policies = {name: self.policy(name, families.get(name, "")) for name in names}
        known = _Samples({prompt for prompt, _ in rows}, policies.values())
        chosen: list[Completion | int] = []
        fresh: list[Completion] = []
        for prompt_id, record in rows:
            policy = policies[record.policy]
            found = known.find(prompt_id, policy.pk, record)
            if isinstance(found, int):
                completion = _completion(prompt_id, policy, record, found)
                known.add(completion)
                fresh.append(completion)
            chosen.append(completion if isinstance(found, int) else found.same)
        Completion.objects.bulk_create(fresh)
        flag_identifying(project_id=self.project.pk, completions=fresh)
        self.completions_created += len(fresh)
        self.completions_known += len(rows) - len(fresh)
        return [item if isinstance(item, int) else item.pk for item in chosen]

    def policy(self, name: str, family: str = "") -> Policy:
        """The newest policy of this name; a recorded one is made where there is none.

        A family that it has already is kept; the first that a file names fills an empty one.
        """
        if name not in self._policies:
            newest = self.project.policies.filter(name=name).order_by("-version").first()
            self._policies[name] = newest or Policy.objects.create(
                project=self.project, name=name, provider=Policy.Provider.RECORDED
            )
        policy = self._policies[name]
        if family and not policy.family:
            policy.family = family
            policy.save(update_fields=["family"])
        return policy

    def hold_out_share(self) -> int:
        """Lets new prompts join the held-out set up to the project's share; how many did."""
        prompts = Prompt.objects.filter(project=self.project)
        chosen = hold_out(
            sorted(self._new_hashes),
            already_held=prompts.filter(is_held_out=True).count(),
            total=prompts.count(),
            fraction=self.project.held_out_fraction,
        )
        return prompts.filter(content_hash__in=chosen).update(is_held_out=True)

    def _prompt_ids(self, hashes: Iterable[str]) -> dict[str, int]:
        return dict(
            Prompt.objects.filter(project=self.project, content_hash__in=set(hashes)).values_list(
                "content_hash", "pk"
            )
        )


@dataclass(frozen=True, slots=True)
class _Known:
    """A stored completion's id, or one that is about to be stored."""

    same: Completion | int


class _Samples:
    """Which samples of some prompts and policies exist, by text and by index."""

    def __init__(self, prompt_ids: Iterable[int], policies: Iterable[Policy]) -> None:
        self._by_text: dict[tuple[int, int, str], Completion | int] = {}
        self._by_index: dict[tuple[int, int, int], str] = {}
        self._next: defaultdict[tuple[int, int], int] = defaultdict(int)
        stored = Completion.objects.filter(
            prompt_id__in=set(prompt_ids), policy__in=list(policies)
        ).annotate(digest=MD5("text"))
        rows = stored.values_list("pk", "prompt_id", "policy_id", "sample_index", "digest")
        for key, prompt_id, policy_id, index, digest in rows:
            self._note(prompt_id, policy_id, index, digest, key)

    def find(self, prompt_id: int, policy_id: int, record: CompletionRecord) -> _Known | int:
        """The same completion, or the index that a new one gets."""
        digest = _digest(record.text)
        if record.sample_index is None:
            same = self._by_text.get((prompt_id, policy_id, digest))
            return self._next[prompt_id, policy_id] if same is None else _Known(same)
        there = self._by_index.get((prompt_id, policy_id, record.sample_index))
        if there is None:
            return record.sample_index
        if there != digest:
            raise Invalid(
                f"Sample {record.sample_index} of “{record.policy}” for this prompt is known "
                "with another text.",
                field="sample_index",
            )
        return _Known(self._by_text[prompt_id, policy_id, digest])

    def add(self, completion: Completion) -> None:
        self._note(
            completion.prompt_id, completion.policy_id, completion.sample_index,
            _digest(completion.text), completion,
        )  # fmt: skip

    def _note(
        self, prompt_id: int, policy_id: int, index: int, digest: str, what: Completion | int
    ) -> None:
        self._by_text.setdefault((prompt_id, policy_id, digest), what)
        self._by_index[prompt_id, policy_id, index] = digest
        self._next[prompt_id, policy_id] = max(self._next[prompt_id, policy_id], index + 1)


def _digest(text: str) -> str:
    """What PostgreSQL's md5() gives for the same text: an identity, not a protection."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _completion(
    prompt_id: int, policy: Policy, record: CompletionRecord, sample_index: int
) -> Completion:
    return Completion(
        prompt_id=prompt_id,
        policy=policy,
        sample_index=sample_index,
        text=record.text,
        html=render_markdown(record.text),
        seed=record.seed,
        prompt_tokens=record.prompt_tokens,
        completion_tokens=record.completion_tokens,
        mean_logprob=record.mean_logprob,
        finish_reason=record.finish_reason,
    )
