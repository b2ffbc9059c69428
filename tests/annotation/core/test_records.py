from datetime import UTC, datetime
from typing import Any

import pytest

from annotation.core.errors import Invalid
from annotation.core.messages import LONGEST_TEXT
from annotation.core.records import (
    JudgedCompletion,
    parse_completion,
    parse_judgment,
    parse_prompt,
)

FIRST, SECOND, TIE = ((0,), (1,)), ((1,), (0,)), ((0, 1),)
ASKED = ({"role": "user", "content": "Hi"},)


def said(*contents: str) -> list[dict[str, str]]:
    return [
        {"role": "user" if k % 2 == 0 else "assistant", "content": content}
        for k, content in enumerate(contents)
    ]


def refuse(parse, row: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(Invalid, match=says) as refusal:
        parse(row)
    assert refusal.value.field == field


class TestPrompts:
    def test_plain_text(self) -> None:
        assert parse_prompt({"prompt": "Hi"}).messages == ASKED

    @pytest.mark.parametrize("text", ["[INST] Hi", "[1, 2]", '{"a": 1}'])
    def test_text_that_looks_like_json_stays_text(self, text: str) -> None:
        assert parse_prompt({"prompt": text}).messages[0]["content"] == text

    def test_conversations_in_either_column_and_as_json_in_a_table(self) -> None:
        turns = said("Hi", "Ho", "Why?")
        assert parse_prompt({"messages": turns}).messages == tuple(turns)
        assert parse_prompt({"prompt": turns}).messages == tuple(turns)
        csv = '[{"role": "user", "content": "Hi"}]'
        assert parse_prompt({"messages": csv, "prompt": ""}).messages == ASKED

    def test_everything_else(self) -> None:
        record = parse_prompt(
            {
                "prompt": "Hi",
                "id": 17,
                "language": "en",
                "tags": "law, tax,law",
                "source": "interviews",
                "metadata": '{"topic": ["x", 1, null]}',
                "is_unsafe": "yes",
                "unknown": "left alone",
            }
        )
        assert record.external_id == "17"
        assert record.tags == ("law", "tax")
        assert record.metadata == {"topic": ["x", 1, None]}
        assert record.is_unsafe
        assert (record.language, record.source) == ("en", "interviews")

    @pytest.mark.parametrize(
        ("row", "field", "says"),
        [
            ({"text": "Hi"}, "prompt", 'the columns are "text"'),
            ({"prompt": ""}, "prompt", "empty"),
            ({"prompt": True}, "prompt", "true or false, not text"),
            ({"prompt": 5}, "prompt", "a number, not text"),
            ({"prompt": "x" * (LONGEST_TEXT + 1)}, "prompt", "the limit for one text is 262,144"),
            ({"messages": "[{"}, "messages", "not valid JSON"),
            ({"messages": "Hi"}, "messages", "no conversation"),
            ({"prompt": "Hi", "language": "x" * 17}, "language", "limit is 16"),
            ({"prompt": "Hi", "tags": 3}, "tags", "list of short texts"),
            ({"prompt": "Hi", "tags": ["a", None]}, "tags", "empty"),
            ({"prompt": "Hi", "metadata": "[1]"}, "metadata", "an object"),
            ({"prompt": "Hi", "metadata": {"a": "\0"}}, "metadata", "NUL"),
            ({"prompt": "Hi", "metadata": {"a": {"\ud800": 1}}}, "metadata", "surrogate"),
            ({"prompt": "Hi", "metadata": {"a": datetime.now(UTC)}}, "metadata", "JSON cannot"),
            ({"prompt": "Hi", "metadata": {"a": float("nan")}}, "metadata", "JSON cannot"),
            ({"prompt": "Hi", "metadata": {"a": "x" * 70_000}}, "metadata", "more than 65,536"),
            ({"prompt": "Hi", "is_unsafe": "maybe"}, "is_unsafe", "true or false"),
        ],
    )
    def test_refusals(self, row: dict[str, Any], field: str, says: str) -> None:
        refuse(parse_prompt, row, field, says)


class TestCompletions:
    def test_a_table_row(self) -> None:
        record = parse_completion(
            {
                "prompt_id": "p1",
                "model": "llama-7b",
                "response": "Ho",
                "sample_index": "2",
                "seed": "5",
                "completion_tokens": 3.0,
                "mean_logprob": "-0.5",
                "finish_reason": "STOP",
            }
        )
        assert record.prompt.messages is None
        assert record.prompt.external_id == "p1"
        assert (record.policy, record.text, record.sample_index) == ("llama-7b", "Ho", 2)
        assert (record.seed, record.completion_tokens, record.mean_logprob) == (5, 3, -0.5)
        assert record.finish_reason == "stop"

    def test_a_conversational_row(self) -> None:
        record = parse_completion(
            {
                "prompt": list(ASKED),
                "policy": "x",
                "completion": [{"role": "assistant", "content": "Ho"}],
            }
        )
        assert (record.prompt.messages, record.text) == (ASKED, "Ho")
        assert record.sample_index is None
        assert record.finish_reason == "unknown"

    def test_an_empty_completion_only_where_allowed(self) -> None:
        row = {"prompt": "Hi", "policy": "x", "completion": ""}
        refuse(parse_completion, row, "completion", "empty")
        refuse(parse_completion, {**row, "completion": " \n"}, "completion", "empty")
        assert parse_completion(row, allow_empty=True).text == ""

    @pytest.mark.parametrize(
        ("row", "field", "says"),
        [
            ({"policy": "x", "text": "y"}, "prompt", "no column"),
            ({"prompt": "Hi", "text": "y"}, "policy", 'no column "policy" or "model"'),
            ({"prompt": "Hi", "policy": "x"}, "completion", "no column"),
            ({"prompt": "Hi", "policy": "x", "text": True}, "text", "true or false, not text"),
            ({"prompt": "Hi", "policy": True, "text": "y"}, "policy", "not text"),
            ({"prompt": "Hi", "policy": "x", "text": "y", "seed": -1}, "seed", "from 0"),
            ({"prompt": "Hi", "policy": "x", "text": "y", "seed": "z"}, "seed", "no number"),
            (
                {"prompt": "Hi", "policy": "x", "text": "y", "mean_logprob": "-inf"},
                "mean_logprob",
                "finite",
            ),
        ],
    )
    def test_refusals(self, row: dict[str, Any], field: str, says: str) -> None:
        refuse(parse_completion, row, field, says)


def pair(**changes: Any) -> dict[str, Any]:
    two = [{"policy": "x", "text": "one"}, {"policy": "y", "text": "two"}]
    return {"prompt": "Hi", "completions": two, "winner": "a", "annotator": "kim", **changes}


class TestJudgments:
    def test_ours(self) -> None:
        record = parse_judgment(
            pair(
                groups=[[2], [1, 0]],
                winner=None,
                completions=[{"policy": name, "text": name} for name in "xyz"],
                display_order=[2, 0, 1],
                criterion="helpful",
                rationale="short",
                active_ms="1500",
                confidence=4,
                judged_at="2026-01-31T12:00:00+01:00",
                id="c9",
            )
        )
        assert record.groups == ((2,), (0, 1))
        assert record.completions[2] == JudgedCompletion("z", "z")
        assert record.display_order == (2, 0, 1)
        assert (record.annotator, record.criterion, record.rationale) == ("kim", "helpful", "short")
        assert (record.active_ms, record.confidence, record.external_id) == (1500, 4, "c9")
        assert record.judged_at == datetime(2026, 1, 31, 11, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("winner", "groups", "both_bad"),
        [
            ("a", FIRST, False),
            ("model_a", FIRST, False),
            (1, FIRST, False),
            ("1", FIRST, False),
            ("left", FIRST, False),
            ("B", SECOND, False),
            ("model_b", SECOND, False),
            (2, SECOND, False),
            ("right", SECOND, False),
            ("tie", TIE, False),
            (0, TIE, False),
            ("both_bad", TIE, True),
            ("tie (bothbad)", TIE, True),
        ],
    )
    def test_winners(self, winner: object, groups: object, both_bad: bool) -> None:
        record = parse_judgment(pair(winner=winner))
        assert (record.groups, record.both_bad) == (groups, both_bad)

    def test_left_and_right_are_places_on_the_screen(self) -> None:
        assert parse_judgment(pair(winner="left", display_order=[1, 0])).groups == SECOND
        assert parse_judgment(pair(winner="right", display_order=[1, 0])).groups == FIRST
        assert parse_judgment(pair(winner="a", display_order=[1, 0])).groups == FIRST
        assert parse_judgment(pair(winner="left")).display_order == (0, 1)
        assert parse_judgment(pair(winner="a")).display_order is None

    def test_strength(self) -> None:
        assert parse_judgment(pair(strength=3)).strength == 3
        refuse(parse_judgment, pair(strength=4), "strength", "1 to 3")
        refuse(parse_judgment, pair(strength=1, winner="tie"), "strength", "tie has no strength")

    def test_an_arena_row(self) -> None:
        record = parse_judgment(
            {
                "question_id": "abc",
                "model_a": "vicuna",
                "model_b": "alpaca",
                "winner": "model_b",
                "judge": "arena_user_7",
                "conversation_a": said("Hi", "one"),
                "conversation_b": said("Hi", "two"),
                "tstamp": 1682351591.13,
            }
        )
        assert record.prompt.messages == ASKED
        assert record.completions == (
            JudgedCompletion("vicuna", "one"),
            JudgedCompletion("alpaca", "two"),
        )
        assert (record.groups, record.annotator) == (SECOND, "arena_user_7")
        assert record.judged_at is not None
        assert record.judged_at.year == 2023

    def test_arena_conversations_with_different_prompts_are_refused(self) -> None:
        row = {"model_a": "x", "model_b": "y", "winner": "tie", "annotator": 1}
        turns = {
            "conversation_a": said("Hi", "one", "And?", "three"),
            "conversation_b": said("Hi", "two", "And?", "four"),
        }
        refuse(parse_judgment, {**row, **turns}, "conversation_b", "before their last turn")
        odd = {"conversation_a": said("Hi", "one", "?"), "conversation_b": said("Hi", "two", "?")}
        refuse(parse_judgment, {**row, **odd}, "conversation_a", "assistant's turn")

    def test_chosen_and_rejected(self) -> None:
        answers = {"chosen": "one", "rejected": '["two"]'}
        record = parse_judgment({"prompt": "Hi", **answers})
        assert [c.text for c in record.completions] == ["one", '["two"]']
        assert {c.policy for c in record.completions} == {"unknown"}
        assert (record.groups, record.annotator) == (FIRST, "unknown")
        turns = parse_judgment(
            {
                "prompt": list(ASKED),
                "chosen": said("x", "one")[1:],
                "rejected": said("x", "two")[1:],
            }
        )
        whole = parse_judgment({"chosen": said("Hi", "one"), "rejected": said("Hi", "two")})
        assert turns.completions == whole.completions
        assert turns.prompt == whole.prompt

    def test_empty_texts_only_where_allowed(self) -> None:
        two = [{"policy": "x", "text": ""}, {"policy": "y", "text": "two"}]
        refuse(parse_judgment, pair(completions=two), "completions[0].completion", "empty")
        record = parse_judgment(pair(completions=two), allow_empty=True)
        assert record.completions[0].text == ""
        conversations = {"chosen": said("Hi", ""), "rejected": said("Hi", "two")}
        refuse(parse_judgment, conversations, "chosen", "empty")

    @pytest.mark.parametrize(
        ("changes", "field", "says"),
        [
            ({"winner": "neither"}, "winner", "'neither'"),
            ({"winner": True}, "winner", "not True"),
            ({"winner": None}, "winner", "empty"),
            ({"groups": [[0]]}, "groups", "1 is not placed"),
            ({"annotator": ""}, "annotator", "empty"),
            ({"completions": [{"policy": "x", "text": "y"}]}, "completions", "2 to 9"),
            ({"completions": ["x", "y"]}, "completions[0]", "an object"),
            (
                {"completions": [{"policy": "x", "text": True}] * 2},
                "completions[0].text",
                "not text",
            ),
            ({"completions": [{"policy": "x", "text": "y"}] * 3}, "groups", "best group first"),
            ({"display_order": [0, 0]}, "display_order", "each position"),
            ({"display_order": "0,1"}, "display_order", "each position"),
            ({"judged_at": "yesterday"}, "judged_at", "no time"),
            ({"judged_at": 1e18}, "judged_at", "no time"),
            ({"active_ms": -5}, "active_ms", "from 0"),
        ],
    )
    def test_refusals(self, changes: dict[str, Any], field: str, says: str) -> None:
        refuse(parse_judgment, pair(**changes), field, says)

    def test_a_row_of_no_known_shape(self) -> None:
        refuse(parse_judgment, {"prompt": "Hi", "annotator": "x"}, "completions", '"chosen"')


def test_families_and_the_judging_model_are_read_in_every_shape() -> None:
    texts = [{"policy": "x", "text": "One.", "family": " Acme "}, {"policy": "y", "text": "Two."}]
    row = {"prompt": "Hi", "annotator": "j", "winner": "a", "judge_model": "acme-large"}
    ours = parse_judgment(row | {"completions": texts})
    assert [each.family for each in ours.completions] == ["Acme", ""]
    assert ours.judge_model == "acme-large"
    arena = parse_judgment(row | {
        "model_a": "x", "model_b": "y", "response_a": "One.", "response_b": "Two.",
        "family_b": "Bee",
    })  # fmt: skip
    assert [each.family for each in arena.completions] == ["", "Bee"]
    pair = parse_judgment({
        "prompt": "Hi", "chosen": "One.", "rejected": "Two.", "chosen_family": "Acme",
    })  # fmt: skip
    assert [each.family for each in pair.completions] == ["Acme", ""]
    completion = {"prompt": "Hi", "policy": "x", "completion": "One.", "family": "Acme"}
    assert parse_completion(completion).family == "Acme"
    with pytest.raises(Invalid, match="60"):
        parse_completion(completion | {"family": "x" * 61})
