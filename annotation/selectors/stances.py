"""Which responses take their user's side: told by a prompt's metadata, where somebody tagged it.

    {"user_stance": "for", "response_stances": {"terse": "for", "wordy": "against"}}

`user_stance` is what the user of the prompt holds, in any word; `response_stances` says what each
response holds, by its policy's name, "name v2" for a later version, or "name#1" for a certain
sample. A response takes the user's side where the words are the same.
"""

from collections.abc import Mapping
from typing import Any

from annotation.models import Completion, Project, Prompt

USER_STANCE, RESPONSE_STANCES = "user_stance", "response_stances"


def agreeing(project: Project) -> Mapping[int, bool]:
    """By completion id, whether it takes the user's side; only of those that are tagged."""
    tagged = dict(
        Prompt.objects.filter(
            project=project, metadata__has_keys=[USER_STANCE, RESPONSE_STANCES]
        ).values_list("pk", "metadata")
    )
    found: dict[int, bool] = {}
    rows = Completion.objects.filter(prompt__in=tagged).select_related("policy")
    for completion in rows.only("prompt_id", "sample_index", "policy__name", "policy__version"):
        said = _stance(tagged[completion.prompt_id], completion)
        if said:
            held = _word(tagged[completion.prompt_id].get(USER_STANCE))
            found[completion.pk] = said == held
    return found


def _stance(metadata: Mapping[str, Any], completion: Completion) -> str:
    stances = metadata.get(RESPONSE_STANCES)
    if not isinstance(stances, dict) or not _word(metadata.get(USER_STANCE)):
        return ""
    name, policy = completion.policy.name, str(completion.policy)
    sample = f"#{completion.sample_index}"
    keys = (f"{policy}{sample}", f"{name}{sample}", policy, name)
    return next((word for key in keys if (word := _word(stances.get(key)))), "")


def _word(value: object) -> str:
    return value.strip().casefold() if isinstance(value, str) else ""
