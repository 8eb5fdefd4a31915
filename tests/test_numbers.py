"""Numbers of modules: surrogates learn from rates and widths as they do from choices."""

import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

import jarch as ja
from jarch import nn
from jarch.surrogates import (
    HashingEncoder,
    NumberEncoder,
    PathEncoder,
    SurrogateError,
    WeisfeilerLehmanEncoder,
    make_surrogate,
)
from jarch.surrogates.graphs import as_batch
from jarch.surrogates.measures import fit_measures

pytestmark = pytest.mark.unverified

OPTIONS: dict[str, dict[str, Any]] = {"boosting": {"members": 2, "trees": 60}}


def identity(piece: ja.Fragment) -> ja.Fragment:
    return piece


def rate() -> ja.Fragment:
    return nn.dropout(ja.Float(0.0, 0.9, name="rate"))


def log_rate() -> ja.Fragment:
    return nn.dropout(ja.Float(1e-5, 0.9, log=True, name="rate"))


def width() -> ja.Fragment:
    return nn.dense(ja.Integer(1, 512, name="width"))


def mixture() -> ja.Fragment:
    functions = [ja.Discrete(["relu", "tanh", "gelu"], f"function{i}") for i in range(2)]
    widths = [ja.Integer(8, 512, log=True, name=f"width{i}") for i in range(2)]
    pieces = zip(widths, functions, strict=True)
    return ja.sequential(*[ja.sequential(nn.dense(w), nn.activation(f)) for w, f in pieces], rate)


def mixed_score(net: ja.Architecture) -> float:
    found = 0.0
    for _, node in net.nodes:
        has: dict[str, Any] = dict(ja.ir.properties(node))
        if node.op.name == "dense":
            found += math.log(has["features"]) / 2
        elif node.op.name == "dropout":
            found -= 3 * (has["rate"] - 0.3) ** 2
        else:
            found += 0.5 * (has["function"] == "relu")
    return found


CASES: dict[str, tuple[Callable[[], ja.Fragment], Callable[[Any], float], float]] = {
    "rate": (rate, lambda net: -((net.values[0] - 0.3) ** 2), 0.9),
    "rate by its logarithm": (log_rate, lambda net: -((math.log(net.values[0]) + 5) ** 2), 0.9),
    "width": (width, lambda net: net.values[0], 0.9),
    "mixture": (mixture, mixed_score, 0.55),
}


@cache
def drawn(case: str, number: int = 220) -> tuple[list[ja.Architecture], Any]:
    make, score, _ = CASES[case]
    space, rng = ja.trace(make), np.random.default_rng(0)
    nets = [ja.sample(space, rng) for _ in range(number)]
    return nets, np.array([float(score(net)) for net in nets])


@pytest.mark.parametrize("name", ["ridge", "gp-wl", "gp-rbf", "forest", "boosting"])
@pytest.mark.parametrize("case", CASES)
def test_surrogates_learn_from_numbers(name: str, case: str) -> None:
    nets, scores = drawn(case)
    surrogate = make_surrogate(name, OPTIONS.get(name))
    fitted = [surrogate.fit(nets[:60], scores[:60], np.random.default_rng(1)) for _ in range(2)]
    first, second = (one.predict(nets[60:]).mean for one in fitted)
    np.testing.assert_array_equal(first, second)
    assert kendalltau(first, scores[60:])[0] > CASES[case][2]


@pytest.mark.parametrize("name", ["ridge", "gp-wl", "gp-rbf"])
def test_a_process_draws_with_numbers_what_it_predicts(name: str) -> None:
    nets, scores = drawn("mixture")
    fitted: Any = make_surrogate(name).fit(nets[:30], scores[:30], np.random.default_rng(0))
    mean, std = fitted.predict(nets[60:75])
    rng = np.random.default_rng(1)
    draws = np.array([fitted.sample(nets[60:75], rng) for _ in range(400)])
    assert np.abs(draws.mean(axis=0) - mean).max() < 0.3 * std.max()
    assert draws.std(axis=0).mean() == pytest.approx(std.mean(), rel=0.15)


def test_numbers_of_little_use_are_left_out() -> None:
    """Where evidence says so, as where a number does nothing, the kernel is that of the paper."""
    nets, _ = drawn("mixture")
    function = np.array([float(net.values.count("relu")) for net in nets])
    fitted: Any = make_surrogate("gp-wl").fit(nets[:60], function[:60], np.random.default_rng(0))
    assert kendalltau(fitted.predict(nets[60:]).mean, function[60:])[0] > 0.7
    alone = make_surrogate("gp-wl", {"numbers": ()})
    space, rng = ja.trace(ja.spaces.nasbench201_cell), np.random.default_rng(0)
    cells = [ja.sample(space, rng) for _ in range(9)]
    both = [
        one.fit(cells, np.arange(9.0), np.random.default_rng(0)).predict(cells).mean
        for one in (make_surrogate("gp-wl"), alone)
    ]
    np.testing.assert_array_equal(both[0], both[1])  # kernels are 1 or 3 wide: two values


def test_rare_values_have_levels_and_frequent_ones_are_symbols() -> None:
    nets, _ = drawn("rate")
    (measure,) = fit_measures(as_batch(nets)).known.values()
    assert not measure.log
    assert [measure.level(value) for value in (0.05, 0.45, 0.85)] == ["~0", "~1", "~2"]
    assert WeisfeilerLehmanEncoder(0).fit(nets).size == 4 + 1 + 3  # ends twice, dropout, levels
    space = ja.trace(lambda: nn.dense(ja.Discrete([8, 16, 64], name="width")))
    few = [ja.replay(space, [value]) for value in (8, 16, 64)]
    (frequent,) = fit_measures(as_batch(few * 5)).known.values()
    assert frequent.cuts is None
    assert fit_measures(as_batch(few[:2] * 9)).known == {}


def test_a_logarithm_is_taken_of_what_spans_decades() -> None:
    scales = {case: fit_measures(as_batch(drawn(case)[0])) for case in CASES}
    (low,), (wide,) = scales["rate by its logarithm"].known.values(), scales["width"].known.values()
    assert (low.log, wide.log) == (True, False)
    assert low.size(0.0) == low.low  # beyond what was seen, and what has a logarithm


def test_numbers_that_floats_cannot_hold_are_symbols() -> None:
    values = [10**400, 10**401, 10**402]
    space = ja.trace(lambda: nn.dense(ja.Discrete(values, name="width")))
    large = [ja.replay(space, [value]) for value in values]
    assert fit_measures(as_batch(large)).known == {}
    assert NumberEncoder().fit(large).encode(large).shape == (3, 0)


def test_neighbourhoods_tell_the_first_width_from_the_second() -> None:
    def two() -> ja.Fragment:
        first, second = (ja.Integer(1, 99, name=name) for name in "ab")
        return ja.sequential(nn.dense(first), nn.relu(), nn.dense(second), nn.tanh())

    space = ja.trace(two)
    nets = [ja.replay(space, list(pair)) for pair in ((1, 9), (9, 1), (5, 7))]
    for radius, differ in ((0, False), (1, True)):
        rows = NumberEncoder(radius).fit(nets).encode(nets)
        assert bool((np.abs(rows[0] - rows[1]) > 1e-9).any()) is differ


@pytest.mark.parametrize("encoder", [NumberEncoder(), PathEncoder(), HashingEncoder()])
def test_rows_know_no_company_and_no_names(encoder: Any) -> None:
    nets, _ = drawn("mixture")
    fitted = encoder.fit(nets[:50])
    alone = np.concatenate([fitted.encode([net]) for net in nets[50:60]])
    np.testing.assert_array_equal(fitted.encode(nets[50:60]), alone)
    pieces = [nn.dropout(0.123, name=name) for name in ("a", "z")]
    named = [ja.replay(ja.trace(partial(identity, piece)), []) for piece in pieces]
    np.testing.assert_array_equal(*encoder.fit(nets).encode(named))


def test_radii_are_checked() -> None:
    with pytest.raises(SurrogateError, match="0 or more"):
        NumberEncoder(-1)
    for name in ("ridge", "gp-wl", "gp-rbf"):
        with pytest.raises(SurrogateError, match="give radii of 0 or more"):
            make_surrogate(name, {"numbers": (-1,)})
