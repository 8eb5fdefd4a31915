"""Searchers with several objectives: what each does by its paper, and that all beat chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.search import Objective, RandomSearcher, Searcher, SearchError, Suggestion
from jarch.search.multi_objective import (
    FrontLocalSearcher,
    Nsga2Config,
    Nsga2Searcher,
    Nsga3Config,
    Nsga3Searcher,
    das_dennis,
    hypervolume,
    reference_points,
)
from jarch.search.multi_objective.members import Member
from jarch.search.multi_objective.nsga2 import select_crowded
from jarch.search.multi_objective.nsga3 import associate, normalize, select_spread

pytestmark = pytest.mark.unverified  # the transitions are verified elsewhere

LEFT, RIGHT = Objective("left"), Objective("right", maximize=False)
BOTH = (LEFT, RIGHT)
WIDTHS = [8, 16, 32, 64]


def chain() -> ja.Fragment:
    """Eight decisions among four values: 65,536 architectures."""
    return ja.sequential(*[nn.dense(ja.Discrete(WIDTHS, name="width")) for _ in range(8)])


def conflict(architecture: ja.Architecture) -> dict[str, float]:
    """Return how many widths are 64 before any that are 8, and how many are not 8 after them.

    On the front are the chains 64, …, 64, 8, …, 8: nine of them, from (0, 0) to (8, 8).
    """
    values = architecture.values
    left = next((i for i, value in enumerate(values) if value != 64), 8)
    tail = next((i for i, value in enumerate(values[::-1]) if value != 8), 8)
    close = sum(value in (8, 64) for value in values) / 10
    return {"left": left + close, "right": 8 - tail - close, "-left": -left - close}


def run(searcher: Searcher, evaluations: int, seed: int) -> list[tuple[float, ...]]:
    """Return the scores that a search finds."""
    rng, found = np.random.default_rng(seed), list[tuple[float, ...]]()
    for _ in range(evaluations):
        suggestion = searcher.ask(rng)
        metrics = conflict(suggestion.architecture)
        searcher.tell(suggestion, metrics)
        found.append((metrics["left"], metrics["right"]))
    return found


Make: TypeAlias = Callable[[ja.Space, tuple[Objective, ...]], Searcher]


def nsga2(space: ja.Space, objectives: tuple[Objective, ...]) -> Searcher:
    return Nsga2Searcher(space, Nsga2Config(population=20), objectives=objectives)


def nsga3(space: ja.Space, objectives: tuple[Objective, ...]) -> Searcher:
    config = Nsga3Config(divisions=19, population=20)
    return Nsga3Searcher(space, config, objectives=objectives)


def front_local(space: ja.Space, objectives: tuple[Objective, ...]) -> Searcher:
    return FrontLocalSearcher(space, objectives=objectives)


MAKE: Mapping[str, Make] = {"nsga2": nsga2, "nsga3": nsga3, "front_local": front_local}


@pytest.mark.parametrize("name", MAKE)
def test_a_larger_hypervolume_than_chance(name: str) -> None:
    space = ja.trace(chain)
    wins = 0
    for seed in range(8):
        found = run(MAKE[name](space, BOTH), 150, seed)
        chance = run(RandomSearcher(space), 150, seed)
        volume, other = (hypervolume(s, (0.0, 9.0), BOTH) for s in (found, chance))
        wins += volume > other
    assert wins == 8


@pytest.mark.parametrize("name", MAKE)
def test_a_direction_mirrors_an_objective(name: str) -> None:
    """The sign of an objective and its direction change nothing together."""
    space = ja.trace(chain)
    one = MAKE[name](space, BOTH)
    other = MAKE[name](space, (Objective("-left", maximize=False), RIGHT))
    for seed in range(80):
        first, second = (s.ask(np.random.default_rng(seed)) for s in (one, other))
        assert first == second
        for searcher in (one, other):
            searcher.tell(first, conflict(first.architecture))


@pytest.mark.parametrize("name", MAKE)
def test_the_options_name_all_objectives_and_the_first(name: str) -> None:
    options = MAKE[name](ja.trace(chain), BOTH).options()
    assert (options["objective"], options["maximize"]) == ("left", True)
    assert options["objectives"] == [
        {"objective": "left", "maximize": True},
        {"objective": "right", "maximize": False},
    ]


@pytest.mark.parametrize("name", MAKE)
def test_a_candidate_without_all_scores_failed(name: str) -> None:
    searcher, rng = MAKE[name](ja.trace(chain), BOTH), np.random.default_rng(0)
    for i in range(40):
        before = searcher.state()
        suggestion = searcher.ask(rng)
        searcher.tell(suggestion, None if i % 2 else {"left": 1.0, "right": None})
        after = searcher.state()
        for known in ("parents", "children", "front", "open"):
            assert after.get(known) == before.get(known)


def test_a_metric_that_is_never_there_is_an_error() -> None:
    def evaluate(architecture: ja.Architecture, seed: int) -> dict[str, float]:
        return {"left": 1.0}

    searcher = nsga2(ja.trace(chain), BOTH)
    with pytest.raises(SearchError, match="no 'right', which is an objective of the searcher"):
        ja.run_search(searcher, evaluate, 3, objective="left")
    with pytest.raises(SearchError, match=r"learns from 'left' \(maximize=True\)"):
        ja.run_search(searcher, evaluate, 3, objective="right", maximize=False)


# NSGA-II


def member(left: float, right: float) -> Member:
    return Member(ja.replay(ja.trace(chain), [8] * 8), (left, right))


def test_whole_fronts_survive_and_of_the_last_the_least_crowded() -> None:
    first = [member(9, 1), member(8, 0)]
    second = [member(left, left + 1) for left in (2, 3, 3.5, 7, 7.5)]  # at distances 1.5 and 4
    third = [member(1, 9)]
    found = select_crowded([*third, *second, *first], BOTH, 6)
    assert [m.scores for m in found[:2]] == [(9, 1), (8, 0)]
    assert [m.scores for m in found[2:4]] == [(2, 3), (7.5, 8.5)]
    assert {m.scores for m in found[4:]} == {(3.5, 4.5), (7, 8)}


def told(searcher: Searcher, scores: list[tuple[float, float] | None]) -> list[Suggestion]:
    rng, asked = np.random.default_rng(0), list[Suggestion]()
    for pair in scores:
        asked.append(searcher.ask(rng))
        metrics = None if pair is None else {"left": pair[0], "right": pair[1]}
        searcher.tell(asked[-1], metrics)
    return asked


def test_a_generation_ends_when_enough_have_come_back() -> None:
    config = Nsga2Config(population=3)
    searcher, chance = (
        Nsga2Searcher(ja.trace(chain), config, objectives=BOTH),
        RandomSearcher(ja.trace(chain)),
    )
    asked = told(searcher, [(1, 1), None, (2, 2), (3, 1)])
    drawn = told(chance, [(0, 0)] * 4)
    assert asked == drawn  # the first population is random, failures not counted
    assert [m.scores for m in searcher.population] == []
    told(searcher, [(0, 9), (0, 9)])
    assert [m.scores for m in searcher.population] == [(3, 1), (1, 1), (2, 2)]
    told(searcher, [(5, 0), (0, 9)])
    assert [m.scores for m in searcher.population] == [(5, 0), (3, 1), (1, 1)]


def test_parents_are_of_better_fronts() -> None:
    """Of two drawn the better wins: the worst of six wins never, the best in a third of cases."""
    config = Nsga2Config(population=6, crossover=0.0, rate=0.0)
    searcher = Nsga2Searcher(ja.trace(chain), config, objectives=BOTH)
    parents = told(searcher, [(i, 6 - i) for i in (3, 0, 5, 1, 4, 2)])
    rng, counts = np.random.default_rng(1), np.zeros(6)
    for _ in range(60):
        child = searcher.ask(rng).architecture
        apart = [
            sum(a != b for a, b in zip(child.values, p.architecture.values, strict=True))
            for p in parents
        ]
        counts[int(np.argmin(apart))] += min(apart) == 1
    assert counts[1] == 0
    assert counts[2] > 10
    assert counts[2] == counts.max()


def test_children_have_the_decisions_of_both_parents() -> None:
    config = Nsga2Config(population=2, crossover=1.0, points=1, rate=0.0)
    searcher = Nsga2Searcher(ja.trace(chain), config, objectives=BOTH)
    first, second = told(searcher, [(1, 1), (0, 0)])
    pairs = list(zip(first.architecture.values, second.architecture.values, strict=True))
    rng, mixed = np.random.default_rng(0), 0
    for _ in range(20):
        child = searcher.ask(rng).architecture.values
        foreign = [value not in pair for value, pair in zip(child, pairs, strict=True)]
        assert sum(foreign) <= 1  # one decision is mutated
        mixed += child not in [first.architecture.values, second.architecture.values]
    assert mixed == 20


def test_wrong_options_say_what_is_right() -> None:
    with pytest.raises(SearchError, match="population is 0; use at least 1"):
        Nsga2Config(population=0)
    with pytest.raises(SearchError, match=r"rate is 2; a probability is in 0\.\.1"):
        Nsga2Config(rate=2)
    with pytest.raises(SearchError, match="'left' is named twice"):
        Nsga2Searcher(ja.trace(chain), objectives=(LEFT, LEFT))


# NSGA-III


def test_reference_points_are_those_of_the_paper() -> None:
    """Table I of Deb and Jain: 91, 210, 156, 275 and 135 points; for two, those of NSGA-Net."""
    for m, number in ((3, 91), (5, 210), (8, 156), (10, 275), (15, 135), (2, 40), (1, 1)):
        points = reference_points(m)
        assert points.shape == (number, m)
        assert np.unique(points.round(9), axis=0).shape == points.shape
        np.testing.assert_allclose(points.sum(1), 1)
    assert das_dennis(3, 2).shape == (6, 3)
    assert Nsga3Searcher(ja.trace(chain), objectives=BOTH).size == 40


def test_losses_are_measured_by_the_plane_of_the_extremes() -> None:
    """The extremes (4, 0) and (0, 2) span a line that meets the axes at 4 and 2."""
    shifted = np.array([[4.0, 0.0], [0.0, 2.0], [1.0, 1.0], [9.0, 9.0]])
    among = np.array([True, True, True, False])
    found = normalize(shifted, among)
    np.testing.assert_allclose(found, [[1.0, 0.0], [0.0, 1.0], [0.25, 0.5], [2.25, 4.5]])
    same = normalize(np.array([[2.0, 4.0], [2.0, 4.0]]), np.array([True, True]))
    np.testing.assert_allclose(same, np.ones((2, 2)))  # no plane: their worst serves


def test_the_nearest_direction() -> None:
    niches, distances = associate(np.array([[1.0, 0.1], [3.0, 3.0], [0.0, 5.0]]), das_dennis(2, 2))
    assert niches.tolist() == [2, 1, 0]
    np.testing.assert_allclose(distances, [0.1, 0.0, 0.0], atol=1e-9)


def test_directions_that_few_have_gone_come_first() -> None:
    """Of a front along the diagonal ends and middle survive, not those that crowd at one end."""
    goals = (Objective("left", maximize=False), RIGHT)
    crowd = [member(i / 100, 10 - i / 100) for i in range(6)]
    others = [member(5, 5), member(10, 0)]
    ideal = (0.0, 0.0)
    rng = np.random.default_rng(0)
    found = select_spread([*crowd, *others], goals, 3, das_dennis(2, 2), ideal, rng)
    assert {m.scores for m in found} == {(0, 10), (5, 5), (10, 0)}
    better = [member(0, 9), *crowd[1:], *others]
    kept = select_spread([*better, member(11, 11)], goals, 4, das_dennis(2, 2), ideal, rng)
    assert len(kept) == 4
    assert (11, 11) not in {m.scores for m in kept}


# Local search on the front


def test_every_member_of_the_front_is_explored() -> None:
    searcher, rng = FrontLocalSearcher(ja.trace(chain), objectives=BOTH), np.random.default_rng(0)
    first = told(searcher, [(1, 1)])[0]
    around = [searcher.ask(rng) for _ in range(24)]  # 8 decisions with 3 other values each
    for suggestion in around:
        pairs = zip(suggestion.architecture.values, first.architecture.values, strict=True)
        assert sum(a != b for a, b in pairs) == 1
    searcher.tell(around[3], {"left": 2, "right": 2})  # beside the first
    searcher.tell(around[5], {"left": 0, "right": 1})  # dominated
    searcher.tell(around[7], {"left": 0, "right": 0})  # beside
    assert [m.scores for m in searcher.front] == [(1, 1), (2, 2), (0, 0)]
    near = {around[3].architecture.values, around[7].architecture.values}
    for _ in range(20):
        values = searcher.ask(rng).architecture.values
        apart = [sum(a != b for a, b in zip(values, centre, strict=True)) for centre in near]
        assert min(apart) == 1


def test_a_front_that_is_explored_ends_and_another_begins() -> None:
    space = ja.trace(lambda: nn.dense(ja.Integer(1, 40, name="width")))
    searcher, rng = FrontLocalSearcher(space, objectives=BOTH), np.random.default_rng(0)
    for _ in range(33):
        searcher.tell(searcher.ask(rng), {"left": 0, "right": 0})
    assert len(searcher.front) == 1
    assert searcher.front[0].scores == (0, 0)
    found = {searcher.ask(rng).fingerprint for _ in range(7)}
    assert len(found) == 7
