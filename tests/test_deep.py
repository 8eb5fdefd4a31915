"""Nothing recurses: what is a thousand deep or long works like what is small."""

import sys
from collections.abc import Callable

import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.ir import Hyperparameter

pytestmark = pytest.mark.unverified

DEPTH = 1000
"""As deep as Python's recursion limit: a function that recursed once a level would fail."""


def successor(x: int) -> int:
    return x + 1


def nested(depth: int = DEPTH) -> ja.Fragment:
    """Each substitution holds the next; the innermost decides a width."""

    def level(left: int) -> ja.Fragment:
        if not left:
            return nn.dense(features=ja.Discrete([1, 2], name="width"))
        return ja.substitution(lambda: level(left - 1), {}, name="s")

    return level(depth)


def nested_decisions(depth: int = DEPTH) -> ja.Fragment:
    """Each substitution is decided before the next is made; any may be the last."""

    def level(left: int) -> ja.Fragment:
        if not left:
            return nn.relu()

        def function(more: bool) -> ja.Fragment:
            return level(left - 1) if more else nn.relu()

        return ja.substitution(function, {"more": ja.Bool("b")}, name="s")

    return level(depth)


def dependents(length: int = DEPTH) -> ja.Fragment:
    """A chain of dependents, which a substitution and a node need the end of."""

    def grow(x: int) -> ja.Fragment:
        return nn.dense(features=ja.Discrete([x, x + 1], name="inner"))

    h: Hyperparameter = ja.Discrete([1, 2], name="start")
    for _ in range(length):
        h = ja.Dependent(successor, {"x": h}, name="d")
    return ja.sequential(ja.substitution(grow, {"x": h}), nn.dense(features=h))


def series(length: int = DEPTH) -> ja.Fragment:
    return ja.sequential(*[ja.optional(nn.relu, ja.Bool()) for _ in range(length)])


def deepest(space: ja.Space) -> ja.Architecture:
    """Take the last value each time."""
    while space.next is not None:
        space = ja.assign(space, space.next.domain[len(space.next.domain) - 1])
    return ja.architecture(space)


COUNTS: list[tuple[Callable[[], ja.Fragment], int]] = [
    (nested, 2),
    (nested_decisions, DEPTH + 1),
    (dependents, 4),
    (series, 2**DEPTH),
]

NAMES = [function.__name__ for function, _ in COUNTS]


@pytest.fixture(autouse=True)
def _limit() -> None:
    assert sys.getrecursionlimit() <= DEPTH


@pytest.mark.parametrize("space_function", [function for function, _ in COUNTS])
def test_transitions(space_function: Callable[[], ja.Fragment]) -> None:
    space = ja.trace(space_function)
    ja.verify(space)
    net = deepest(space)
    assert ja.sample(space, np.random.default_rng(0)).values
    assert ja.replay(space, net.values) == net
    assert ja.replay(space, dict(net.decisions)) == net
    for value in net.values:
        space = ja.assign(space, value)
    ja.verify(space)
    assert ja.architecture(space) == net


@pytest.mark.parametrize(("space_function", "size"), COUNTS, ids=NAMES)
def test_counting(space_function: Callable[[], ja.Fragment], size: int) -> None:
    space = ja.trace(space_function)
    assert ja.count(space) == size
    assert ja.check(space, {"in": (4,)}) is None
    if size < 2**DEPTH:  # test_counting numbers the series
        assert ja.rank(space, ja.unrank(space, 0)) == 0
        assert sum(1 for _ in ja.enumerate_architectures(space)) == size
    if size < DEPTH:  # numbering counts once for each decision: that of `nested_decisions` is slow
        assert ja.rank(space, ja.unrank(space, size - 1)) == size - 1


def test_uniform_draws_of_a_long_series() -> None:
    space = ja.trace(series)
    net = ja.sample_uniform(space, np.random.default_rng(0))
    assert len(net.nodes) == pytest.approx(DEPTH / 2, abs=80)


@pytest.mark.parametrize("space_function", [function for function, _ in COUNTS])
def test_forms_and_analysis(space_function: Callable[[], ja.Fragment]) -> None:
    space = ja.trace(space_function)
    net = deepest(space)
    assert ja.parse(ja.to_text(net)) == net
    assert ja.from_json(ja.to_json(net)) == net
    ja.verify(net)
    assert len(ja.fingerprint(net)) == 64
    assert ja.analyze(net, {"in": (4,)}).outputs
    assert repr(space)
    assert str(space.program.fragment)


def test_a_chain_of_nodes() -> None:
    net = ja.replay(ja.trace(lambda: ja.sequential(*[nn.relu] * (3 * DEPTH))), [])
    assert len(net.nodes) == 3 * DEPTH
    assert ja.parse(ja.to_text(net)) == ja.from_json(ja.to_json(net)) == net
    assert len(ja.fingerprint(net)) == 64
