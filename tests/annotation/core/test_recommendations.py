from dataclasses import replace

import pytest

from annotation.core.behaviour import Behaviour
from annotation.core.collusion import AlikePair
from annotation.core.intervals import Proportion, wilson
from annotation.core.recommendations import Action, Findings, recommendation

NONE = wilson(0, 0)
CALM = Behaviour(
    7, 40, 0, wilson(21, 40), 0.8, 4, 0.9, wilson(20, 39), 0.5, wilson(0, 40), 30.0, 1.0, 0.9, 1.1
)
GOOD = Findings(
    annotator_id=7, reliability=Proportion(0.9, 0.8, 0.95, 40), gold=wilson(9, 10),
    repeats=wilson(9, 10), n_told=40, honest=0.99, coin=0.005, flipped=0.005, behaviour=CALM,
)  # fmt: skip


def found(**changed: object) -> tuple[Action, list[str]]:
    given = recommendation(replace(GOOD, **changed))  # type: ignore[arg-type]
    return given.action, [each.kind for each in given.evidence]


def behaved(**changed: object) -> Behaviour:
    return replace(CALM, **changed)  # type: ignore[arg-type]


def test_who_judges_well_is_kept() -> None:
    given = recommendation(GOOD)
    assert given.action is Action.KEEP
    assert given.evidence == ()
    assert given.summary == "Nothing speaks against this annotator."


def test_nothing_known_is_no_accusation() -> None:
    given = recommendation(Findings(7, NONE, NONE, NONE))
    assert given.action is Action.KEEP
    assert [each.kind for each in given.evidence] == ["unknown"]
    assert "cannot be told" in given.summary


@pytest.mark.parametrize(
    ("honest", "coin", "flipped", "n_told", "expected"),
    [
        (0.001, 0.998, 0.001, 40, (Action.QUARANTINE, ["coin"])),
        (0.001, 0.001, 0.998, 40, (Action.QUARANTINE, ["flipped"])),
        (0.15, 0.85, 0.0, 40, (Action.REQUALIFY, ["coin"])),
        (0.4, 0.6, 0.0, 40, (Action.WATCH, ["coin"])),
        (0.001, 0.998, 0.001, 12, (Action.WATCH, ["coin"])),
        (0.6, 0.4, 0.0, 40, (Action.KEEP, [])),
    ],
)
def test_kinds(
    honest: float, coin: float, flipped: float, n_told: int, expected: tuple[Action, list[str]]
) -> None:
    share = Proportion(0.5, 0.35, 0.65, n_told)
    given = found(honest=honest, coin=coin, flipped=flipped, n_told=n_told, reliability=share)
    assert given == expected


def test_who_answers_like_a_coin_and_is_right_more_often_is_not_thrown_out() -> None:
    """One side chosen in most cases hides somebody who looks: their answers' direction tells."""
    share = Proportion(0.66, 0.53, 0.78, 98)
    given = recommendation(replace(GOOD, honest=0.0, coin=1.0, flipped=0.0, reliability=share))
    assert given.action is Action.REQUALIFY
    assert [each.kind for each in given.evidence] == ["leaning"]
    assert "right more often than one" in given.summary
    share = replace(share, low=0.49)
    given = recommendation(replace(GOOD, honest=0.0, coin=1.0, flipped=0.0, reliability=share))
    assert given.action is Action.QUARANTINE


def test_gold_and_repeats() -> None:
    assert found(gold=wilson(3, 10)) == (Action.REQUALIFY, ["gold"])
    assert found(gold=wilson(1, 4)) == (Action.KEEP, [])
    assert found(gold=wilson(6, 10)) == (Action.KEEP, [])
    assert found(repeats=wilson(2, 10)) == (Action.REQUALIFY, ["repeats"])


def test_who_never_decides_is_watched() -> None:
    assert found(ties=wilson(39, 40)) == (Action.WATCH, ["ties"])
    assert found(ties=wilson(30, 40)) == (Action.KEEP, [])


def test_slots_and_turns() -> None:
    straight = behaved(favoured=wilson(39, 40), favoured_p_value=1e-9)
    assert found(behaviour=straight) == (Action.REQUALIFY, ["slot"])
    leaning = behaved(favoured=wilson(36, 50), favoured_p_value=1e-7)
    assert found(behaviour=leaning) == (Action.WATCH, ["slot"])
    turns = behaved(changes=wilson(39, 39), in_turns_p_value=1e-11)
    assert found(behaviour=turns) == (Action.REQUALIFY, ["in turns"])


def test_speed() -> None:
    assert found(behaviour=behaved(too_fast=wilson(35, 40))) == (Action.REQUALIFY, ["too fast"])
    assert found(behaviour=behaved(too_fast=wilson(12, 40))) == (Action.WATCH, ["too fast"])
    quick = behaved(pace=0.3, pace_low=0.2, pace_high=0.4)
    assert found(behaviour=quick) == (Action.WATCH, ["pace"])


def test_alike_names_the_other() -> None:
    pair = AlikePair(3, 7, 30, 27, 15.2, 0.8, 1e-5, is_duplicate=False)
    given = recommendation(replace(GOOD, alike=(pair,)))
    assert given.action is Action.WATCH
    assert "to 27 of 30 shared items, where 15.2" in given.summary
    assert [each.other for each in given.evidence] == [3]
    twice = replace(pair, same=30, is_duplicate=True)
    assert found(alike=(twice,)) == (Action.QUARANTINE, ["duplicate"])


def test_the_weightiest_comes_first() -> None:
    given = recommendation(
        replace(
            GOOD,
            reliability=Proportion(0.5, 0.35, 0.65, 40),
            honest=0.001,
            coin=0.999,
            flipped=0.0,
            gold=wilson(3, 10),
            n_told=40,
        )
    )
    assert [each.kind for each in given.evidence] == ["coin", "gold"]
    assert given.summary == given.evidence[0].statement
