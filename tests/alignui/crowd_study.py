"""What is known of the demo's crowd study, llmfao: votes of 124 workers and of two LLM judges."""

import json

import pytest

from annotation.models import AgreementReport, BiasAudit, Judgment
from annotation.services.agreement_people import people_at

DIMENSIONS = {"batch", "pool", "language", "tag", "pair", "time"}


def assert_audited(found: dict[str, BiasAudit]) -> None:
    """It goes left and for the shorter."""
    side, length = found["position"], found["length"]
    assert side.detail["share"]["value"] == pytest.approx(0.533, abs=5e-4)
    assert side.detail["share"]["low"] < 0.533 < side.detail["share"]["high"]
    assert 1 - length.detail["share"]["value"] == pytest.approx(0.59, abs=5e-3)
    assert length.detail["share"]["low"] < length.detail["share"]["value"]
    assert length.detail["share"]["high"] < 0.5
    assert side.status == "found"
    assert 0 < side.low < side.estimate < side.high
    # Beside which model wrote them, headings and refusals, little of the length's effect is left.
    assert length.low < length.estimate < length.high
    assert "13 prompts" in side.note
    assert (side.n_judgments, side.n_annotators) == (5460, 124)
    # The file tells no times, so nothing that rests on them is told.
    assert {found[kind].status for kind in ("session", "trend", "reading_time")} == {"untold"}
    # Two LLM judges voted on the same pairs: they are audited, and count in nothing above.
    assert "own_family" not in found
    assert_judges_lean(found)


def assert_judges_lean(found: dict[str, BiasAudit]) -> None:
    turbo = found["judge:GPT 3.5 Turbo:position"]
    share = turbo.detail["share"]
    assert share["value"] == pytest.approx(1352 / 1945)
    assert 0.6 < share["low"] < share["value"] < share["high"] < 0.8
    assert (turbo.status, turbo.kind, turbo.detail["judge"]) == (
        "found",
        "position",
        "GPT 3.5 Turbo",
    )
    assert 0.1 < turbo.low < turbo.estimate < turbo.high < 0.3
    assert (turbo.n_judgments, turbo.n_annotators, turbo.detail["n_clusters"]) == (1945, 1, 13)
    assert "by prompt" in turbo.method
    assert "Only 13 prompts" in turbo.note
    votes = Judgment.objects.filter(pk__in=turbo.detail["votes"])
    assert set(votes.values_list("annotator__judge_model", flat=True)) == {"GPT 3.5 Turbo"}
    other = found["judge:GPT 4:position"]
    assert other.high < 0
    assert other.n_judgments == 2073
    for name in ("GPT 4", "GPT 3.5 Turbo"):
        family = found[f"judge:{name}:own_family"]
        assert family.estimate is not None
        assert "how good people find these policies" in family.note
        adjusted = [a.detail["p_adjusted"] for key, a in found.items() if f":{name}:" in key]
        assert len(adjusted) == 8
        told = [a.p_value for key, a in found.items() if f":{name}:" in key and a.p_value]
        assert min(p for p in adjusted if p) <= min(told) * len(told) * 1.0001


def assert_agreed(report: AgreementReport) -> None:
    """It has the published alpha."""
    assert report.estimate == pytest.approx(0.2906, abs=5e-5)
    assert report.n_annotators == 124
    assert report.low < report.estimate < report.high
    detail = report.detail
    assert detail["figures"]["alpha"]["value"] == report.estimate
    for name in ("percent", "ac", "fleiss", "brennan_prediger"):
        kept = detail["figures"][name]
        assert kept["low"] < kept["value"] < kept["high"]
        wide = detail["over_both"][name]
        assert wide["value"] == kept["value"]
        assert wide["high"] - wide["low"] > kept["high"] - kept["low"]
    assert not detail["too_few"]
    assert "more than by chance" in detail["reading"]
    assert detail["graded"] is detail["rankings"] is None
    prompts = detail["over_prompts"]
    assert (prompts["n_prompts"], prompts["alpha"]["value"]) == (13, report.estimate)
    assert prompts["alpha"]["high"] - prompts["alpha"]["low"] > report.high - report.low
    turbo, judge = detail["judges"]["models"]
    assert (turbo["model"], turbo["n"]) == ("GPT 3.5 Turbo", 2139)
    assert turbo["low"] < turbo["value"] < turbo["high"]
    assert (judge["model"], judge["n"]) == ("GPT 4", 2139)
    assert 0.1 < judge["low"] < judge["value"] < judge["high"] < report.low
    assert set(detail["slices"]) == DIMENSIONS
    assert len(detail["slices"]["pair"]["rows"]) == 30
    assert detail["slices"]["pair"]["more"] > 800
    assert len(detail["people"]["ids"]) == 40
    assert detail["people"]["of"] == 124
    assert sum(count for _low, _high, count in detail["items"]["histogram"]) == report.n_comparisons
    assert len(people_at(report)["ids"]) == 124
    assert json.loads(json.dumps(detail, allow_nan=False)) == detail
