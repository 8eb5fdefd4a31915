"""Quasi-random search: even over decisions and pairs of them, on spaces of any shape."""

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.ir import Constant, DiscreteDomain, Domain, IntegerDomain, PermutationDomain
from jarch.search.quasi_random import QuasiRandomConfig, QuasiRandomSearcher
from jarch.search.units import from_unit

pytestmark = pytest.mark.unverified  # very many transitions, of spaces that are verified elsewhere


def drawn(space: ja.Space, number: int, seed: int = 0) -> list[dict[str, Constant]]:
    """Return the decisions of so many suggestions."""
    searcher = QuasiRandomSearcher(space, QuasiRandomConfig(repeats=True))
    rng = np.random.default_rng(seed)
    return [dict(searcher.ask(rng).architecture.decisions) for _ in range(number)]


def numbers(high: int) -> ja.Fragment:
    return ja.sequential(*[nn.dense(ja.Integer(1, high, name=name)) for name in "abc"])


@pytest.mark.parametrize("seed", range(3))
def test_each_value_comes_as_often_as_any_other(seed: int) -> None:
    found = drawn(ja.trace(numbers, high=16), 64, seed)
    for key in "abc":
        assert set(Counter(one[key] for one in found).values()) == {4}


def test_pairs_of_values_come_evenly() -> None:
    """The first two coordinates are a net: each of 16 squares is met once in 16 points."""
    found = drawn(ja.trace(numbers, high=4), 16)
    first, second, _ = sorted({key: None for one in found for key in one}, key=list(found[0]).index)
    assert len({(one[first], one[second]) for one in found}) == 16


def test_seeds_scramble_differently() -> None:
    space = ja.trace(numbers, high=1000)
    assert drawn(space, 3, 0) == drawn(space, 3, 0) != drawn(space, 3, 1)


def branches() -> ja.Fragment:
    def pick(side: str) -> ja.Fragment:
        other = [nn.dense(ja.Discrete([1, 2], name="more")) for _ in range(2 * (side == "left"))]
        return ja.sequential(*other, nn.dense(ja.Integer(1, 8, name="width")))

    side = ja.Discrete(["left", "right"], name="side")
    return ja.substitution(pick, {"side": side}, name="pick")


def test_a_decision_has_its_coordinate_whatever_else_is_decided() -> None:
    found = Counter(one["pick/width"] for one in drawn(ja.trace(branches), 128))
    assert set(found) == set(range(1, 9))
    assert set(found.values()) == {16}


def test_real_numbers_are_spread() -> None:
    space = ja.trace(lambda: nn.dropout(ja.Float(1e-4, 0.1, log=True, name="rate")))
    found = [one["rate"] for one in drawn(space, 32)]
    cells = sorted(int(32 / 3 * (np.log10(float(str(value))) + 4)) for value in found)
    assert cells == list(range(32))


def test_long_permutations_are_orders_of_coordinates() -> None:
    def first(order: Sequence[int]) -> int:
        return order[0] + 1

    def space() -> ja.Fragment:
        order = ja.Permutation(12, name="order")
        return nn.dense(ja.Dependent(first, {"order": order}, name="first"))

    found = [one["order"] for one in drawn(ja.trace(space), 240)]
    firsts = Counter(next(iter(value)) for value in found if isinstance(value, tuple))
    assert set(firsts) == set(range(12))
    assert max(firsts.values()) < 40


def test_it_goes_on_from_its_state_with_new_coordinates_to_come() -> None:
    space = ja.trace(lambda: ja.sequential(*[nn.dense(ja.Integer(1, 9)) for _ in range(40)]))
    rng = np.random.default_rng(0)
    searcher, other = QuasiRandomSearcher(space), QuasiRandomSearcher(space)
    for _ in range(5):
        searcher.ask(rng)
    other.restore(json.loads(json.dumps(searcher.state())))
    for _ in range(5):
        assert searcher.ask(rng) == other.ask(np.random.default_rng(1))


DOMAINS = [
    DiscreteDomain(("a", "b", "c", "d", "e")),
    IntegerDomain(3, 12),
    IntegerDomain(1, 50, log=True),
    PermutationDomain(3),
]


@pytest.mark.parametrize("domain", DOMAINS, ids=str)
def test_every_value_is_a_part_of_the_way_through_its_domain(domain: Domain) -> None:
    found = [from_unit(domain, i / 10_000) for i in range(10_001)]
    assert list(dict.fromkeys(found)) == list(domain)
