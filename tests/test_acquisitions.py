"""Acquisition functions against integrals, samples and each other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from scipy import integrate, stats

from jarch.ir import Architecture
from jarch.search.model_based import (
    ACQUISITIONS,
    acquire,
    confidence_bound,
    expected_improvement,
    improvement,
    probability_of_improvement,
)
from jarch.search.model_based.acquisitions import AcquisitionName
from jarch.surrogates import FloatArray, Prediction

numbers = st.floats(-1e6, 1e6).map(lambda number: round(number, 6))
spreads = st.floats(1e-3, 1e3)


@dataclass(frozen=True)
class Believes:
    """Fitted, whatever the architectures."""

    mean: FloatArray
    std: FloatArray

    def predict(self, architectures: Sequence[Architecture]) -> Prediction:
        return Prediction(self.mean, self.std)

    def sample(self, architectures: Sequence[Architecture], rng: np.random.Generator) -> FloatArray:
        return self.mean + self.std * rng.normal()


def only(values: FloatArray) -> float:
    (value,) = values.tolist()
    return float(value)


@pytest.mark.parametrize("maximize", [True, False])
@given(mean=st.floats(-5, 5), std=st.floats(0.01, 5), best=st.floats(-5, 5))
def test_expected_improvement_is_the_integral(
    maximize: bool, mean: float, std: float, best: float
) -> None:
    def gain(score: float) -> float:
        better = score - best if maximize else best - score
        return max(better, 0.0) * float(stats.norm.pdf(score, mean, std))

    low, high = min(mean - 12 * std, best), max(mean + 12 * std, best)
    expected = integrate.quad(gain, low, high, points=[best, mean], limit=200)[0]
    found = only(expected_improvement(np.array([mean]), np.array([std]), best, maximize=maximize))
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("maximize", [True, False])
@given(mean=numbers, std=spreads, best=numbers)
def test_the_probability_of_improvement_is_that_of_a_normal_distribution(
    maximize: bool, mean: float, std: float, best: float
) -> None:
    found = only(
        probability_of_improvement(np.array([mean]), np.array([std]), best, maximize=maximize)
    )
    normal = stats.norm(mean, std)
    assert found == pytest.approx(float(normal.sf(best) if maximize else normal.cdf(best)))


def test_bounds_are_on_the_good_side() -> None:
    mean, std = np.array([1.0, 2.0]), np.array([0.5, 0.0])
    more = confidence_bound(mean, std, 1.0, maximize=True, exploration=3.0)
    less = confidence_bound(mean, std, 1.0, maximize=False, exploration=3.0)
    assert more.tolist() == [1.5, 1.0]
    assert less.tolist() == [1.5, -1.0]


@given(mean=numbers, best=numbers, maximize=st.booleans())
def test_without_doubt_there_is_the_improvement_or_none(
    mean: float, best: float, maximize: bool
) -> None:
    means, zero = np.array([mean]), np.array([0.0])
    gain = only(improvement(means, best, maximize=maximize))
    assert only(expected_improvement(means, zero, best, maximize=maximize)) == max(gain, 0.0)
    chance = only(probability_of_improvement(means, zero, best, maximize=maximize))
    assert chance == (1.0 if gain > 0 else 0.0 if gain < 0 else 0.5)
    bound = confidence_bound(means, zero, best, maximize=maximize, exploration=2.0)
    assert only(bound) == gain


@given(mean=numbers, best=numbers, std=st.floats(0, 1e-300), maximize=st.booleans())
def test_next_to_no_doubt_is_no_trouble(
    mean: float, best: float, std: float, maximize: bool
) -> None:
    assume(mean != best)
    for function in (expected_improvement, probability_of_improvement):
        values = [
            only(function(np.array([mean]), np.array([s]), best, maximize=maximize))
            for s in (std, 0.0)
        ]
        assert values[0] == pytest.approx(values[1])


@pytest.mark.parametrize("name", sorted({*ACQUISITIONS} - {"thompson_sampling"}))
@given(
    mean=st.lists(numbers, min_size=3, max_size=3),
    std=st.lists(spreads, min_size=3, max_size=3),
    best=numbers,
)
def test_a_direction_mirrors_the_other(
    name: AcquisitionName, mean: list[float], std: list[float], best: float
) -> None:
    more = Believes(np.array(mean), np.array(std))
    less = Believes(-np.array(mean), np.array(std))
    rngs = np.random.default_rng(0), np.random.default_rng(0)
    first = acquire(name, more, [], best, rngs[0], maximize=True, exploration=1.5)
    second = acquire(name, less, [], -best, rngs[1], maximize=False, exploration=1.5)
    assert first.tolist() == second.tolist()


@given(mean=st.floats(-5, 5), std=st.floats(0.1, 2), best=st.floats(-5, 5), more=st.booleans())
def test_doubt_is_worth_something(mean: float, std: float, best: float, more: bool) -> None:
    means, stds = np.full(2, mean), np.array([std, 2 * std])
    small, large = expected_improvement(means, stds, best, maximize=more).tolist()
    assert large >= small
    if abs(mean - best) < 5 * std:
        assert large > small
    bounds = confidence_bound(means, stds, best, maximize=more, exploration=1.0)
    assert bounds[1] > bounds[0]


def test_thompson_sampling_draws_one_function_or_each_score() -> None:
    believes = Believes(np.zeros(5), np.ones(5))
    rng = np.random.default_rng(0)
    joint = acquire("thompson_sampling", believes, [], 0.0, rng, maximize=True, exploration=0.0)
    each = acquire(
        "independent_thompson_sampling", believes, [], 0.0, rng, maximize=True, exploration=0.0
    )
    assert len(set(joint.tolist())) == 1
    assert len(set(each.tolist())) == 5


def test_draws_have_mean_and_deviation_of_the_prediction() -> None:
    believes = Believes(np.full(20_000, 3.0), np.full(20_000, 0.5))
    drawn = acquire(
        "independent_thompson_sampling",
        believes,
        [],
        2.0,
        np.random.default_rng(0),
        maximize=False,
        exploration=0.0,
    )
    assert float(drawn.mean()) == pytest.approx(-1.0, abs=0.02)
    assert float(drawn.std()) == pytest.approx(0.5, abs=0.02)
