"""ParEGO: weights, what the surrogate is fitted to, and that it beats chance."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.ir import Architecture, Space
from jarch.search import Constraint, Objective, RandomSearcher, Searcher, SearchError
from jarch.search.multi_objective import hypervolume
from jarch.search.multi_objective.parego import (
    ParegoConfig,
    ParegoSearcher,
    normal_scores,
    scalarize,
)
from jarch.surrogates import FloatArray, Prediction
from jarch.testing import check_searcher
from jarch.testing.searchers import copy_searcher

pytestmark = pytest.mark.unverified  # the transitions are verified elsewhere

WIDTHS = [8, 16, 32, 64]
BOTH = (Objective("left"), Objective("right", maximize=False))


def chain() -> ja.Fragment:
    """Six decisions among four values: 4,096 architectures."""
    return ja.sequential(*[nn.dense(ja.Discrete(WIDTHS, name="width")) for _ in range(6)])


def conflict(architecture: Architecture) -> dict[str, float]:
    """More of large widths is better for one, and worse for the other, where it counts other."""
    places = [WIDTHS.index(int(str(value))) for value in architecture.values]
    left = sum(place * (i + 1) for i, place in enumerate(places))
    right = sum(place * (6 - i) for i, place in enumerate(places))
    return {"left": left, "right": right}


@dataclass(frozen=True)
class NearestFitted:
    """Predicts by how many decisions differ from those known."""

    known: list[dict[str, object]]
    scores: FloatArray

    def predict(self, architectures: Sequence[Architecture]) -> Prediction:
        mean, std = list[float](), list[float]()
        for architecture in architectures:
            decided = dict[str, object](architecture.decisions)
            keys = [k.keys() | decided.keys() for k in self.known]
            apart = np.array(
                [
                    sum(k.get(key) != decided.get(key) for key in every)
                    for k, every in zip(self.known, keys, strict=True)
                ],
                np.float64,
            )
            weight = np.exp(-apart)
            mean.append(float(np.sum(weight * self.scores) / np.sum(weight)))
            std.append(0.02 * float(apart.min()))
        return Prediction(np.array(mean), np.array(std))

    def sample(self, architectures: Sequence[Architecture], rng: np.random.Generator) -> FloatArray:
        return self.predict(architectures).mean


@dataclass(frozen=True)
class Nearest:
    """A surrogate for these tests, which keeps what it was fitted to."""

    fits: list[tuple[int, list[float]]] = field(default_factory=list[tuple[int, list[float]]])

    def fit(
        self, architectures: Sequence[Architecture], scores: FloatArray, rng: np.random.Generator
    ) -> NearestFitted:
        self.fits.append((len(architectures), scores.tolist()))
        return NearestFitted([dict(a.decisions) for a in architectures], scores)


def parego(space: Space, config: ParegoConfig | None = None) -> ParegoSearcher:
    config = config or ParegoConfig(initial=15, candidates=60)
    return ParegoSearcher(space, config, objectives=BOTH, surrogate=Nearest())


def run(searcher: Searcher, evaluations: int, seed: int) -> float:
    rng, found = np.random.default_rng(seed), list[tuple[float, float]]()
    for _ in range(evaluations):
        suggestion = searcher.ask(rng)
        metrics = conflict(suggestion.architecture)
        searcher.tell(suggestion, metrics)
        found.append((metrics["left"], metrics["right"]))
    return hypervolume(found, (0.0, 64.0), BOTH)


def test_a_larger_hypervolume_than_chance() -> None:
    space, config = ja.trace(chain), ParegoConfig(initial=15, candidates=60)
    for seed in range(4):
        found = run(ParegoSearcher(space, config, objectives=BOTH), 70, seed)
        assert found > run(RandomSearcher(space), 70, seed)


def test_it_keeps_the_promises_of_all_searchers() -> None:
    def make(space: Space, objective: Objective, constraint: Constraint) -> Searcher:
        return ParegoSearcher(
            space,
            ParegoConfig(initial=2, candidates=4, fitted=3),
            objectives=(objective, Objective("other", maximize=False)),
            constraint=constraint,
            surrogate=Nearest(),
        )

    check_searcher(make, examples=10)


def test_scores_become_one_number_by_hand() -> None:
    """In units of their ranges (1, 0), (0, 1) and (0.5, 0.5), weighed 3 to 1."""
    losses = np.array([[2.0, 10.0], [0.0, 30.0], [1.0, 20.0]])
    found = scalarize(losses, np.array([0.75, 0.25]), 0.05)
    expected = [0.75 + 0.05 * 0.75, 0.25 + 0.05 * 0.25, 0.375 + 0.05 * 0.5]
    np.testing.assert_allclose(found, expected)
    same = scalarize(np.ones((2, 2)), np.array([0.5, 0.5]), 0.05)
    assert same.tolist() == [0.0, 0.0]


def test_normal_scores_are_quantiles_of_ranks_and_equal_for_equals() -> None:
    found = normal_scores(np.array([5.0, 1e9, -2.0, 5.0]))
    assert found[2] == pytest.approx(-1.1503, abs=1e-4)  # the quantile of 1/8
    np.testing.assert_allclose(found, [0, -found[2], found[2], 0], atol=1e-12)


@pytest.mark.parametrize("ranks", [True, False])
def test_what_is_fitted_are_normal_scores_or_the_numbers_themselves(ranks: bool) -> None:
    searcher = parego(ja.trace(chain), ParegoConfig(initial=20, candidates=4, normal_scores=ranks))
    run(searcher, 21, 0)
    surrogate = searcher.surrogate
    assert isinstance(surrogate, Nearest)
    ((_, scores),) = surrogate.fits
    assert (min(scores) < 0) == ranks


@pytest.mark.parametrize("ranks", [True, False])
def test_one_far_away_result_makes_nothing_alike_where_ranks_are_weighed(ranks: bool) -> None:
    searcher = parego(ja.trace(chain), ParegoConfig(initial=20, normal_scores=ranks))
    rng = np.random.default_rng(0)
    for i in range(12):
        right = float(i) if i else 1e9
        searcher.tell(searcher.ask(rng), {"left": float(i), "right": right})
    values = searcher._weighed(np.array([0.5, 0.5]))  # pyright: ignore[reportPrivateUsage]
    best = int(np.argmin(values))
    assert best in (5, 6, 7) if ranks else best == 11  # neither objective alone, or the left one


def short() -> ja.Fragment:
    """Three decisions, one of which is without a choice."""
    domains = WIDTHS, WIDTHS, [8]
    return ja.sequential(*[nn.dense(ja.Discrete(widths, name="width")) for widths in domains])


@pytest.mark.parametrize(("space", "initial"), [(short, 21), (chain, 50)])
def test_random_ones_come_first_eleven_for_each_choice_and_fifty_at_most(
    space: Callable[[], ja.Fragment], initial: int
) -> None:
    searcher, rng = parego(ja.trace(space), ParegoConfig(candidates=10)), np.random.default_rng(0)
    surrogate = searcher.surrogate
    assert isinstance(surrogate, Nearest)
    config = replace(searcher.config, repeats=True)
    searcher = ParegoSearcher(searcher.space, config, objectives=BOTH, surrogate=surrogate)
    for i in range(initial):
        suggestion = searcher.ask(rng)
        searcher.tell(suggestion, {"left": i % 5, "right": i % 3})
    assert surrogate.fits == []
    searcher.ask(rng)
    assert [number for number, _ in surrogate.fits] == [initial]
    assert json.loads(json.dumps(searcher.state()))["initial"] == initial


def test_failures_have_the_worst_number_and_are_no_initial_results() -> None:
    searcher = parego(ja.trace(chain), ParegoConfig(initial=3, normal_scores=False))
    surrogate = searcher.surrogate
    assert isinstance(surrogate, Nearest)
    rng, scores = np.random.default_rng(0), [None, 1.0, None, 2.0, 3.0]
    for score in scores:
        assert not surrogate.fits
        told = None if score is None else {"left": -score, "right": score}
        searcher.tell(searcher.ask(rng), told)
    copy = copy_searcher(searcher, lambda: parego(searcher.space, searcher.config))
    assert searcher.ask(np.random.default_rng(1)) == copy.ask(np.random.default_rng(1))
    ((_, fitted),) = surrogate.fits
    assert [value == max(fitted) for value in fitted] == [True, False, True, False, True]


def test_it_learns_where_architectures_fail() -> None:
    """What is best in one objective is too large: without failures known, it is where all lead."""

    def failures(searcher: Searcher) -> int:
        rng, failed = np.random.default_rng(0), list[bool]()
        for _ in range(60):
            suggestion = searcher.ask(rng)
            metrics = conflict(suggestion.architecture)
            failed.append(metrics["left"] >= 36)
            searcher.tell(suggestion, None if failed[-1] else metrics)
        return sum(failed[30:])

    space, config = ja.trace(chain), ParegoConfig(initial=15, candidates=60)
    found = failures(ParegoSearcher(space, config, objectives=BOTH))
    assert found < failures(RandomSearcher(space)) / 2


@dataclass(frozen=True)
class Aiming(Nearest):
    """A surrogate that wants to know which scores are better."""

    aims: list[bool] = field(default_factory=list[bool])

    def directed(self, maximize: bool) -> Aiming:
        self.aims.append(maximize)
        return self


def test_the_surrogate_is_told_that_less_is_better_whatever_the_objectives_say() -> None:
    surrogate = Aiming()
    searcher = ParegoSearcher(
        ja.trace(chain), ParegoConfig(initial=3), objectives=BOTH, surrogate=surrogate
    )
    rng = np.random.default_rng(0)
    told = [searcher.ask(rng) for _ in range(3)]
    # where the first is the best in both objectives, so it is by all weights
    for place, suggestion in enumerate(told):
        searcher.tell(suggestion, {"left": -float(place), "right": float(place)})
    searcher.ask(rng)
    assert surrogate.aims == [False]
    assert surrogate.fits[-1][1] == sorted(surrogate.fits[-1][1])


def test_half_of_what_is_fitted_are_the_best() -> None:
    searcher = parego(ja.trace(chain), ParegoConfig(initial=30, candidates=10, fitted=10))
    run(searcher, 31, 0)
    surrogate = searcher.surrogate
    assert isinstance(surrogate, Nearest)
    ((number, scores),) = surrogate.fits
    assert number == 10
    assert scores[:5] == sorted(scores[:5])
    assert min(scores[5:]) >= scores[4]


def test_wrong_options_say_what_is_right() -> None:
    with pytest.raises(SearchError, match="fitted is 1; use at least 2"):
        ParegoConfig(fitted=1)
    with pytest.raises(SearchError, match="augmentation is -1; use 0 or more"):
        ParegoConfig(augmentation=-1)
    options = parego(ja.trace(chain)).options()
    assert options["surrogate"].endswith("Nearest")
    assert options["objective"] == "left"
