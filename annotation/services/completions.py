"""Storing what policies wrote. The text is rendered and sanitised once, here."""

from collections.abc import Iterable, Mapping

from django.db import transaction

from annotation.core.errors import Invalid
from annotation.core.identification import self_identification
from annotation.core.messages import LONGEST_TEXT
from annotation.core.rendering import render_markdown
from annotation.models import Completion, Flag, Policy, Prompt


@transaction.atomic
def completion_create(
    *,
    prompt_id: int,
    policy: Policy,
    sample_index: int,
    text: str,
    provenance: Mapping[str, object],
) -> bool:
    """Stores a sample unless it is there already; whether it was new.

    `provenance` holds seed, prompt_tokens, completion_tokens, mean_logprob and finish_reason.
    Raises Invalid for a prompt of another project or a text that is too long.
    """
    if not Prompt.objects.filter(pk=prompt_id, project=policy.project_id).exists():
        raise Invalid(f"Prompt {prompt_id} is not of the project of policy “{policy}”.")
    text = text.replace("\x00", "")
    if len(text.encode()) > LONGEST_TEXT:
        raise Invalid(f"A completion of {len(text.encode()):,} bytes is over {LONGEST_TEXT:,}.")
    completion = Completion(
        prompt_id=prompt_id, policy=policy, sample_index=sample_index, text=text,
        html=render_markdown(text), **provenance,
    )  # fmt: skip
    before = Completion.objects.filter(
        prompt_id=prompt_id, policy=policy, sample_index=sample_index
    )
    if before.exists():
        return False
    Completion.objects.bulk_create([completion], ignore_conflicts=True)
    flag_identifying(project_id=policy.project_id, completions=before)
    return True


def flag_identifying(*, project_id: int, completions: Iterable[Completion]) -> int:
    """Tells the leads, once each, which responses say who wrote them; how many do."""
    found = [(each.pk, self_identification(each.text)) for each in completions]
    flags = [
        Flag(
            project_id=project_id, completion_id=completion_id, kind=Flag.Kind.IDENTIFIES,
            note=f"It says: “{phrase}”",
        )
        for completion_id, phrase in found
        if phrase
    ]  # fmt: skip
    Flag.objects.bulk_create(flags, ignore_conflicts=True)
    return len(flags)
