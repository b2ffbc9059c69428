import time

import pytest

from annotation.core.text_features import TextFeatures, features_table, is_refusal, text_features

ANSWER = """\
# Frying onions

You need **a pan**, __oil__ and `patience`.

- heat the pan
* add oil
1. then onions
   2) stir

```python
# not a heading
- not a list, **not bold**
```

## Later
"""


def test_counts_are_of_markdown_outside_of_code() -> None:
    assert text_features(ANSWER) == TextFeatures(
        characters=len(ANSWER),
        words=len(ANSWER.split()),
        list_items=4,
        headings=2,
        bold=2,
        code=2,
        is_refusal=0,
    )


def test_an_empty_response_has_none_of_anything() -> None:
    assert text_features("") == TextFeatures(0, 0, 0, 0, 0, 0, 0)
    assert features_table([]).shape == (0, 7)
    assert features_table(["", "one two"])[:, 1].tolist() == [0, 2]


@pytest.mark.parametrize(
    "text",
    [
        "-no space", "1.5 is a number", "#hashtag", "** not bold **", "a * b * c", "2 ** 3 ** 4",
        "####### seven", "a - b", "snake__case__name is __ not", "don't `",
    ],
)  # fmt: skip
def test_what_only_looks_like_markdown_does_not_count(text: str) -> None:
    found = text_features(text)
    assert (found.list_items, found.headings, found.code) == (0, 0, 0)
    assert found.bold == ("snake" in text)


def test_a_fence_closes_with_its_own_mark_and_may_stay_open() -> None:
    assert text_features("~~~\n```\n- a\n~~~\n- b").list_items == 1
    assert text_features("```\n- a\n- b").list_items == 0


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I’m sorry, but I can’t assist with that request.",
        "I cannot in good conscience provide instructions for this.",
        "As an AI, I am not able to offer medical advice.",
        "I must respectfully decline.",
        "It is not appropriate to joke about this.",
        "Es tut mir leid, das kann ich leider nicht tun.",
        "Dabei kann ich dir nicht helfen.",
        "عذراً، لا أستطيع المساعدة في ذلك.",
    ],
)
def test_refusals_are_told_by_their_opening(text: str) -> None:
    assert is_refusal(text)
    assert not is_refusal("Here is how. " * 60 + text)


@pytest.mark.parametrize(
    "text",
    [
        "Sure! You cannot help but love onions.",
        "I can help with that: first, heat the pan.",
        "Use `kill -9`; it will not wait.",
        "Ich kann dir helfen.",
    ],
)
def test_an_answer_is_no_refusal(text: str) -> None:
    assert not is_refusal(text)


@pytest.mark.parametrize(
    "hostile",
    ["**a" * 100_000, "`" * 300_000, "- " * 100_000, "__a" * 100_000, "i am not able " * 50_000],
)
def test_hostile_text_costs_no_more_than_its_length(hostile: str) -> None:
    started = time.process_time()
    text_features(hostile)
    assert time.process_time() - started < 0.5
