"""Synthetic annotators: what they value, how they err, and that they come in by the front door."""

import json
from collections import Counter

import pytest
from click.testing import CliRunner

from alignui.commands.simulate import command
from alignui.simulation.annotators import answer, draw_population
from alignui.simulation.features import features
from alignui.simulation.people import tokens
from alignui.simulation.run import Bounds, simulate
from annotation.core.errors import Conflict, Unavailable
from annotation.core.rankings import parse_groups
from annotation.models import ApiToken, Judgment, Project, User
from annotation.selectors.judgments import live
from tests.factories import make_batch, make_completion, make_policy, make_prompt, make_user

GOOD = "Boil the egg for seven minutes, then cool it in cold water. " * 3
BAD = "egg egg egg egg egg egg egg egg egg egg egg egg"
QUESTION = "How long should an egg be boiled?"


def shown(*texts, kind="pairwise", **options):
    return {
        "kind": kind,
        "turns": [{"role": "user", "text": QUESTION}],
        "candidates": [{"slot": slot, "text": text} for slot, text in enumerate(texts)],
        "criteria": [],
        "strengths": [1, 2, 3],
        "allow_tie": True,
        "allow_both_bad": False,
        "rationale": "optional",
        "confidence": "off",
        **options,
    }


def wins_of_first(population, annotator, first, second, rounds=200):
    counts = Counter()
    for judged in range(rounds):
        # Both orders, so that a favour for the first slot cancels out.
        one = answer(population, annotator, shown(first, second), judged=judged)["groups"]
        other = answer(population, annotator, shown(second, first), judged=judged)["groups"]
        counts["won"] += (one[0] == [0]) + (other[0] == [1])
        counts["lost"] += (one[0] == [1]) + (other[0] == [0])
    return counts["won"] / (counts["won"] + counts["lost"])


def test_features_say_what_is_in_the_text():
    facts = features(QUESTION, "1. Boil water\n2. Add the egg\n\nAbout seven minutes.")
    assert facts["list"] == pytest.approx(2 / 5)
    assert facts["finished"] == 1
    assert facts["on_topic"] == 0  # neither "should" nor "boiled" occurs
    assert features(QUESTION, "It should be boiled")["on_topic"] == 1
    assert features(QUESTION, "It should be boiled")["finished"] == 0
    assert features(QUESTION, BAD)["repetition"] == pytest.approx(9 / 10)
    assert features(QUESTION, " \n")["empty"] == 1
    lengths = [features(QUESTION, "word " * n)["length"] for n in (5, 50, 500)]
    assert lengths == sorted(lengths)
    assert features(QUESTION, "word " * 440)["rambling"] == pytest.approx(0.5)


def test_a_population_is_drawn_from_its_seed():
    assert draw_population(size=6, seed=3) == draw_population(size=6, seed=3)
    assert draw_population(size=6, seed=3) != draw_population(size=6, seed=4)
    kinds = Counter(annotator.kind for annotator in draw_population(size=6, seed=3).annotators)
    assert kinds == {"diligent": 4, "careless": 1, "adversarial": 1}


@pytest.mark.parametrize("seed", range(5))
def test_the_diligent_prefer_the_better_text_and_the_adversarial_the_worse(seed):
    population = draw_population(size=6, seed=seed)
    for annotator in population.annotators:
        share = wins_of_first(population, annotator, GOOD, BAD)
        if annotator.kind == "diligent":
            assert share > 0.8
        elif annotator.kind == "adversarial":
            assert share < 0.2
        else:
            assert 0.35 < share < 0.65


def test_the_careless_favour_what_is_shown_first():
    population = draw_population(size=6, seed=3)
    (careless,) = [a for a in population.annotators if a.kind == "careless"]
    first = sum(
        answer(population, careless, shown(GOOD, GOOD + "!"), judged=n)["groups"][0] == [0]
        for n in range(300)
    )
    assert first > 190


def test_an_answer_does_not_depend_on_when_it_is_given():
    population = draw_population(size=4, seed=3)
    annotator = population.annotators[0]
    given = [answer(population, annotator, shown(GOOD, BAD), judged=5) for _ in range(3)]
    assert given[0] == given[1] == given[2]


def test_tiredness_makes_noise():
    population = draw_population(size=6, seed=8)
    tired = max(population.annotators, key=lambda a: a.fatigue * (a.kind == "diligent"))

    def errors(judged):
        texts = [GOOD, f"{GOOD} {BAD}"]
        answers = [
            answer(population, tired, shown(*texts, rationale=str(n)), judged=judged + n)
            for n in range(300)
        ]
        return sum(given["groups"][0] == [1] for given in answers)

    assert errors(5000) > errors(0)


def test_a_ranking_names_each_slot_once_and_honours_what_is_offered():
    population = draw_population(size=4, seed=3)
    texts = [GOOD, BAD, GOOD[:80], ""]
    for annotator in population.annotators:
        for judged in range(30):
            offered = shown(*texts, kind="ranking", allow_tie=False, strengths=[])
            given = answer(population, annotator, offered, judged=judged)
            assert len(parse_groups(given["groups"], 4)) == 4
            assert "strength" not in given


def test_everything_that_a_project_asks_for_is_answered():
    population = draw_population(size=2, seed=3)
    asked = shown(
        "", " ", allow_both_bad=True, rationale="required", confidence="required",
        criteria=[{"key": "honest", "scale": "rating"}, {"key": "kind", "scale": "preference"}],
    )  # fmt: skip
    given = answer(population, population.annotators[0], asked, judged=0)
    assert (given["groups"], given["both_bad"]) == ([[0, 1]], True)
    assert given["rationale"]
    assert 1 <= given["confidence"] <= 5
    assert all(1 <= rating <= 5 for rating in given["criteria"]["honest"]["ratings"])
    assert parse_groups(given["criteria"]["kind"]["groups"], 2)


@pytest.fixture
def work(transactional_db, project):
    """Fresh comparisons, enough for three annotators."""
    policies = make_policy(project, "long"), make_policy(project, "short")
    pairs = []
    for number in range(6):
        prompt = make_prompt(project, f"{QUESTION} {number}")
        pairs.append(
            [make_completion(prompt, p, f"{GOOD} {p} {number}") for p in policies]
        )  # fmt: skip
    make_batch(project, *pairs, name="Simulated", overlap=3)
    return project


def run(url, project: Project, **bounds):
    population = draw_population(size=4, seed=5)
    chosen = {"judgments": 12, "seconds": 20, "idle_seconds": 2} | bounds
    names = [annotator.name for annotator in population.annotators]
    with tokens(project, names) as secrets:
        return simulate(
            url=url, project=project.slug, population=population, secrets=secrets,
            bounds=Bounds(**chosen),
        )  # fmt: skip


def test_they_judge_through_the_interface_and_are_marked(live_server, work):
    tallies = run(live_server.url, work)
    assert [tally.judgments for tally in tallies] == [3, 3, 3, 3]
    judgments = Judgment.objects.filter(comparison__project=work)
    assert judgments.count() == 12
    assert set(judgments.values_list("source", "annotator__kind")) == {("api", "simulated")}
    assert not live(work).exists()
    assert live(work, include_simulated=True).count() == 12
    assert not ApiToken.objects.filter(revoked_at__isnull=True).exists()


def test_they_stop_when_nothing_is_open(live_server, work):
    tallies = run(live_server.url, work, judgments=10_000, idle_seconds=1)
    open_to_them = sum(min(c.overlap, 4) for c in work.comparisons.all())
    assert sum(tally.judgments for tally in tallies) == open_to_them


def test_nobody_there_is_one_clear_line(work):
    with pytest.raises(Unavailable, match="does not answer"):
        run("http://127.0.0.1:9", work)
    assert not ApiToken.objects.filter(revoked_at__isnull=True).exists()


def test_a_person_is_never_simulated(db, project):
    make_user("simulated-1")
    with pytest.raises(Conflict, match="account of a person"), tokens(project, ["simulated-1"]):
        pass


def test_the_command_for_programs(live_server, work, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://unused/")
    arguments = [work.slug, "--judgments", "5", "--annotators", "3", "--patience", "2"]
    result = CliRunner().invoke(command, [*arguments, "--url", live_server.url, "--json"])
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert summary["judgments"] == 5
    assert User.objects.filter(kind="simulated").count() == 3
