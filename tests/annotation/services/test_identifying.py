"""A response that says who wrote it is flagged to the leads when it is stored, once."""

from annotation.core.records import CompletionRecord, PromptReference
from annotation.models import Completion, Flag, Project
from annotation.services.completions import completion_create
from annotation.services.content import ContentWriter
from tests.factories import make_policy, make_prompt

CONFESSION = "I am ChatGPT, a large language model trained by OpenAI."


def test_a_generated_response_is_flagged_once(project: Project) -> None:
    prompt, policy = make_prompt(project), make_policy(project)
    for _ in range(2):
        completion_create(
            prompt_id=prompt.pk, policy=policy, sample_index=0, text=CONFESSION, provenance={}
        )
    completion_create(
        prompt_id=prompt.pk, policy=policy, sample_index=1, text="ChatGPT is a chatbot.",
        provenance={},
    )  # fmt: skip
    flag = Flag.objects.get()
    assert flag.kind == Flag.Kind.IDENTIFIES
    assert (flag.project, flag.completion.sample_index) == (project, 0)
    assert flag.raised_by is None
    assert "I am ChatGPT" in flag.note


def test_an_imported_response_is_flagged_once(project: Project) -> None:
    prompt = make_prompt(project)
    records = [
        CompletionRecord(PromptReference(None), policy="recorded", text=text)
        for text in (CONFESSION, "Six minutes.")
    ]
    for _ in range(2):
        ContentWriter(project).completions([(prompt.pk, record) for record in records])
    assert Flag.objects.get().completion == Completion.objects.get(text=CONFESSION)
