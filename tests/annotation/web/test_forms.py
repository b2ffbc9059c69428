"""A posted answer sheet and a judgment say the same thing, in both directions."""

from uuid import uuid4

import pytest

from annotation.core.errors import Invalid
from annotation.models import Project, User
from annotation.selectors.work import Presentation, presentation
from annotation.services.judgments import CriterionInput, judgment_submit
from annotation.web.forms import read_answer, token_of, values_of
from annotation.web.sheet import answer_sheet
from tests.factories import claim, make_criterion


@pytest.fixture
def pair(ana: User, project: Project) -> Presentation:
    return presentation(claim(ana, project))


@pytest.fixture
def four(ana: User, ranking_project: Project) -> Presentation:
    make_criterion(ranking_project, "fluent", scale="rating")
    return presentation(claim(ana, ranking_project))


def ranks(*given: object, **more: str) -> dict[str, str]:
    return {f"rank-{slot}": str(rank) for slot, rank in enumerate(given)} | more


@pytest.mark.parametrize(
    ("choice", "groups", "strength", "both_bad"),
    [
        ("0:3", ((0,), (1,)), 3, False),
        ("1:1", ((1,), (0,)), 1, False),
        ("1", ((1,), (0,)), None, False),
        ("tie", ((0, 1),), None, False),
        ("both_bad", ((0, 1),), None, True),
    ],
)
def test_a_choice_on_the_scale(
    pair: Presentation, choice: str, groups: object, strength: int | None, both_bad: bool
) -> None:
    answer = read_answer({"choice": choice}, pair)
    assert (answer.groups, answer.strength, answer.both_bad) == (groups, strength, both_bad)


@pytest.mark.parametrize("choice", ["", "2:1", "0:x", "-1", "0:3:1", "ties"])
def test_what_is_no_choice_is_refused_and_names_its_field(pair: Presentation, choice: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_answer({"choice": choice}, pair)
    assert caught.value.field == "groups"


def test_equal_ranks_tie_and_an_empty_rank_is_passed_over(four: Presentation) -> None:
    assert read_answer(ranks(2, 4, 2, 1), four).groups == ((3,), (0, 2), (1,))


def test_an_unranked_response_is_named_by_its_letter(four: Presentation) -> None:
    with pytest.raises(Invalid, match="Not ranked yet: B, D"):
        read_answer(ranks(1, "", 2, ""), four)


def test_all_bad_ties_every_response_whatever_was_ranked(four: Presentation) -> None:
    answer = read_answer(ranks(1, 2, 3, 4, choice="both_bad"), four)
    assert (answer.groups, answer.both_bad) == (((0, 1, 2, 3),), True)


def test_half_a_criterion_is_refused_and_none_of_it_is_no_answer(four: Presentation) -> None:
    assert read_answer(ranks(1, 2, 3, 4), four).criteria == {}
    rated = ranks(1, 2, 3, 4, **{f"criterion-fluent-{slot}": "5" for slot in range(4)})
    assert read_answer(rated, four).criteria == {"fluent": CriterionInput(ratings=(5, 5, 5, 5))}
    with pytest.raises(Invalid) as caught:
        read_answer({**rated, "criterion-fluent-2": ""}, four)
    assert caught.value.field == "fluent"


@pytest.mark.parametrize("written", ["", "-5", "1e9", "12345678901", "soon"])
def test_an_unreadable_active_time_is_unknown(pair: Presentation, written: str) -> None:
    assert read_answer({"choice": "tie", "active_ms": written}, pair).active_ms is None


def test_a_sheet_without_a_token_is_out_of_date() -> None:
    with pytest.raises(Invalid, match="out of date"):
        token_of({"token": "tampered"})


@pytest.mark.parametrize("choice", ["0:3", "1:1", "tie", "both_bad"])
def test_a_stored_pair_fills_the_sheet_as_it_was_answered(
    ana: User, pair: Presentation, choice: str
) -> None:
    values = {"choice": choice, "criterion-honest": "1", "rationale": "Because."}
    assert refilled(ana, pair, values) == values


@pytest.mark.parametrize("given", [(1, 2, 3, 4), (3, 1, 1, 4), (1, 1, 1, 1)])
def test_a_stored_ranking_fills_the_sheet_as_it_was_answered(
    ana: User, four: Presentation, given: tuple[int, ...]
) -> None:
    values = ranks(*given, rationale="")
    values |= {f"criterion-fluent-{slot}": str(slot + 1) for slot in range(4)}
    assert refilled(ana, four, values) == values


def refilled(annotator: User, shown: Presentation, values: dict[str, str]) -> dict[str, str]:
    judgment = judgment_submit(
        annotator=annotator,
        assignment=shown.assignment,
        token=uuid4(),
        answer=read_answer(values, shown),
    )
    judgment.refresh_from_db()
    return values_of(judgment, shown)


@pytest.mark.parametrize(
    ("levels", "allow_tie", "labels"),
    [
        (0, True, ["A better", "Tie", "B better"]),
        (0, False, ["A better", "B better"]),
        (2, True, ["A much better", "A slightly better", "Tie",
                   "B slightly better", "B much better"]),
        (3, False, ["A much better", "A better", "A slightly better",
                    "B slightly better", "B better", "B much better"]),
    ],
)  # fmt: skip
def test_the_scale_is_what_the_project_offers(
    ana: User, project: Project, levels: int, allow_tie: bool, labels: list[str]
) -> None:
    Project.objects.update(strength_levels=levels, allow_tie=allow_tie, allow_both_bad=False)
    sheet = answer_sheet(presentation(claim(ana, project)), {})
    assert [option.label for option in sheet.scale] == labels
    assert sheet.both_bad is None


def test_every_value_on_the_sheet_can_be_read_back(pair: Presentation) -> None:
    sheet = answer_sheet(pair, {})
    for option in (*sheet.scale, sheet.both_bad):
        assert option is not None
        read_answer({"choice": option.value}, pair)
