"""Domains: what they hold, in which order, in which form, and how they are drawn from."""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import jarch as ja
from jarch.ir import DiscreteDomain, IntegerDomain, PermutationDomain

FINITE: list[tuple[ja.Domain, list[object]]] = [
    (DiscreteDomain((3, 1, 2)), [3, 1, 2]),
    (DiscreteDomain((False, True)), [False, True]),
    (DiscreteDomain(("a", None, 0.5, (1, 2))), ["a", None, 0.5, (1, 2)]),
    (DiscreteDomain((7,)), [7]),
    (PermutationDomain(1), [(0,)]),
    (
        PermutationDomain(3),
        [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)],
    ),
    (IntegerDomain(-1, 2), [-1, 0, 1, 2]),
    (IntegerDomain(4, 4), [4]),
    (IntegerDomain(1, 3, log=True), [1, 2, 3]),
    (ja.FloatDomain(0.5, 0.5), [0.5]),
    (ja.FloatDomain(2, 2, log=True), [2.0]),
]


@pytest.mark.parametrize(("domain", "values"), FINITE)
def test_finite_domains_number_their_values_in_order(
    domain: ja.Domain, values: list[object]
) -> None:
    assert repr(list(domain)) == repr(values)
    assert domain.size == len(domain) == len(values)
    assert [domain.index(value) for value in values] == list(range(len(values)))
    assert all(value in domain for value in values)
    for past in (-1, len(values), len(values) + 5):
        with pytest.raises(IndexError):
            domain[past]


def test_constructors_make_the_domains() -> None:
    def space() -> ja.Fragment:
        made = [ja.Bool(), ja.OneOfK(3), ja.Permutation(2), ja.Integer(1, 9, log=True)]
        domains = [h.domain for h in [*made, ja.Float(0, 1), ja.Discrete(iter("ab"))]]
        assert domains == [
            DiscreteDomain((False, True)),
            DiscreteDomain((0, 1, 2)),
            PermutationDomain(2),
            IntegerDomain(1, 9, log=True),
            ja.FloatDomain(0.0, 1.0),
            DiscreteDomain(("a", "b")),
        ]
        return ja.identity()

    ja.trace(space)


@given(st.lists(st.integers() | st.text(max_size=3) | st.none(), min_size=1, unique=True))
def test_discrete_index_is_the_inverse_of_getitem(values: list[int | str | None]) -> None:
    domain = DiscreteDomain(tuple(values))
    for i in range(len(values)):
        assert domain.index(domain[i]) == i
        assert domain[domain.index(values[i])] == values[i]


def test_one_real_number_is_counted_and_enumerated() -> None:
    rate = lambda: ja.nn.dropout(ja.Float(0.5, 0.5, name="rate"))  # noqa: E731
    space = ja.trace(rate)
    assert ja.count(space) == 1
    assert [a.values for a in ja.enumerate_architectures(space)] == [(0.5,)]


@given(st.integers(1, 30), st.data())
def test_permutations_are_numbered_in_lexicographic_order(n: int, data: st.DataObject) -> None:
    domain = PermutationDomain(n)
    places = st.integers(0, math.factorial(n) - 1)
    first, second = sorted(data.draw(st.tuples(places, places)))
    low, high = domain[first], domain[second]
    assert sorted(low) == list(range(n))  # type: ignore[arg-type, type-var]
    assert domain.index(low) == first
    assert (low < high) == (first < second)  # type: ignore[operator]


def test_permutations_of_thirty_are_not_listed() -> None:
    domain = PermutationDomain(30)
    assert domain.size == math.factorial(30)
    assert domain[0] == next(iter(domain)) == tuple(range(30))
    assert domain[math.factorial(30) - 1] == tuple(reversed(range(30)))
    assert domain.index(domain[10**30]) == 10**30
    assert domain.sample(np.random.default_rng(0)) in domain
    for past in (math.factorial(30), -1):
        with pytest.raises(IndexError):
            domain[past]


@given(st.integers(-1000, 1000), st.integers(0, 1000), st.data())
def test_integers_are_numbered_from_low(low: int, more: int, data: st.DataObject) -> None:
    domain = IntegerDomain(low, low + more)
    value = data.draw(st.integers(low, low + more))
    assert domain.size == more + 1
    assert domain.index(value) == value - low
    assert domain[value - low] == value
    assert low - 1 not in domain
    assert low + more + 1 not in domain


CANONICAL: list[tuple[ja.Domain, object, object]] = [
    (DiscreteDomain((1, 2)), True, 1),  # equal values stand for each other, in the domain's form
    (DiscreteDomain((1, 2)), 1.0, 1),
    (DiscreteDomain((1.0, 2.0)), 1, 1.0),
    (DiscreteDomain((False, True)), 1, True),
    (DiscreteDomain((False, True)), np.bool_(True), True),
    (DiscreteDomain((3, 5)), np.int64(5), 5),
    (DiscreteDomain((0.5, 0.25)), np.float64(0.25), 0.25),
    (DiscreteDomain((0.5, 0.25)), np.array(0.25), 0.25),
    (DiscreteDomain(((3, 3), (5, 5))), [3, 3], (3, 3)),
    (DiscreteDomain(((3, (1, 2)),)), [3, [1, 2]], (3, (1, 2))),
    (PermutationDomain(3), [2, 0, 1], (2, 0, 1)),
    (PermutationDomain(3), np.array([2, 0, 1]), (2, 0, 1)),
    (IntegerDomain(0, 9), 3.0, 3),
    (IntegerDomain(0, 9), np.int32(3), 3),
    (IntegerDomain(0, 9), np.float32(3), 3),
    (ja.FloatDomain(0.0, 9.0), 3, 3.0),
    (ja.FloatDomain(0.0, 9.0), np.float32(0.5), 0.5),
]


@pytest.mark.parametrize(("domain", "given", "expected"), CANONICAL)
def test_values_get_the_form_of_the_domain(
    domain: ja.Domain, given: object, expected: object
) -> None:
    found = domain.canonical(given)
    assert repr(found) == repr(expected)  # of the same type too, inside of tuples as well
    assert given in domain


REFUSED: list[tuple[ja.Domain, object, str]] = [
    (DiscreteDomain((3, 5)), 7, "value 7 is not in {3, 5}; pick one of these"),
    (DiscreteDomain((3, 5)), "3", "value '3' is not in {3, 5}; pick one of these"),
    (DiscreteDomain((3, 5)), None, "value None is not in {3, 5}; pick one of these"),
    (DiscreteDomain((3, 5)), [3, 5], "value [3, 5] is not in {3, 5}; pick one of these"),
    (DiscreteDomain((3, 5)), {}, "value {} is not in {3, 5}; pick one of these"),
    (DiscreteDomain((3, 5)), math.nan, "value nan is not in {3, 5}; pick one of these"),
    (
        DiscreteDomain(tuple(range(10))),
        10,
        "value 10 is not in {0, 1, 2, 3, 4, 5, 6, 7, … 2 more}; pick one of these",
    ),
    (
        PermutationDomain(3),
        (0, 1),
        "value (0, 1) is not in the permutations of 0..2; pick one of these",
    ),
    (
        PermutationDomain(2),
        (0, 0),
        "value (0, 0) is not in the permutations of 0..1; pick one of these",
    ),
    (PermutationDomain(2), 5, "value 5 is not in the permutations of 0..1; pick one of these"),
    (IntegerDomain(1, 8), 9, "value 9 is not in the integers 1..8; pick one of these"),
    (IntegerDomain(1, 8), 2.5, "value 2.5 is not in the integers 1..8; pick one of these"),
    (IntegerDomain(0, 8), True, "value True is not in the integers 0..8; pick one of these"),
    (
        IntegerDomain(1, 8, log=True),
        "2",
        "value '2' is not in the integers 1..8 (log); pick one of these",
    ),
    (ja.FloatDomain(0, 1), 1.5, "value 1.5 is not in [0, 1]; pick one of these"),
    (ja.FloatDomain(0, 1), math.inf, "value inf is not in [0, 1]; pick one of these"),
    (
        ja.FloatDomain(0.1, 1, log=True),
        False,
        "value False is not in [0.1, 1] (log); pick one of these",
    ),
]


@pytest.mark.parametrize(("domain", "value", "message"), REFUSED)
def test_values_outside_are_refused(domain: ja.Domain, value: object, message: str) -> None:
    with pytest.raises(ja.AssignmentError) as error:
        domain.canonical(value)
    assert str(error.value) == message
    assert value not in domain


BAD: list[tuple[Callable[[], object], str]] = [
    (lambda: DiscreteDomain(()), "a discrete domain has no values; give it at least one"),
    (lambda: DiscreteDomain((1, 2, 1)), "a discrete domain holds 1 twice; give each value once"),
    (lambda: DiscreteDomain((1, True)), "a discrete domain holds 1 twice; give each value once"),
    (
        lambda: DiscreteDomain((1, object)),  # type: ignore[arg-type]
        "a discrete domain: <class 'object'> is a type, not plain data; use a bool, int, float, "
        "str, None or a tuple of those (for functions and objects, a name that you look up)",
    ),
    (
        lambda: DiscreteDomain((math.inf,)),
        "a discrete domain: inf is not a finite number; use a finite one",
    ),
    (lambda: PermutationDomain(0), "a permutation of 0 items; give it at least one"),
    (
        lambda: IntegerDomain(3, 2),
        "integer range [3, 2]: low must not be above high, both finite",
    ),
    (
        lambda: IntegerDomain(0, 2, log=True),
        "integer range [0, 2] with log=True: low must be above 0",
    ),
    (
        lambda: ja.FloatDomain(0, math.inf),
        "float range [0, inf]: low must not be above high, both finite",
    ),
    (
        lambda: ja.FloatDomain(-1e308, 1e308),
        "float range [-1e+308, 1e+308]: use bounds between -1e307 and 1e307",
    ),
    (
        lambda: IntegerDomain(1, 10**308),
        f"integer range [1, 1{'0' * 308}]: use bounds between -1e307 and 1e307",
    ),
    (
        lambda: ja.FloatDomain(0, 2, log=True),
        "float range [0, 2] with log=True: low must be above 0",
    ),
    (
        lambda: ja.FloatDomain(0, 1)[0],
        "[0, 1] cannot be enumerated; use a Discrete or an Integer for that",
    ),
    (
        lambda: ja.FloatDomain(0, 1).index(0.5),
        "[0, 1] cannot be enumerated; use a Discrete or an Integer for that",
    ),
    (
        lambda: len(ja.FloatDomain(0, 1)),
        "[0, 1] has no end; only finite domains have a length",
    ),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_domains_say_what_to_do(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ja.SpaceError) as error:
        make()
    assert str(error.value) == message


def draws(domain: ja.Domain, number: int = 6000) -> list[Any]:
    rng = np.random.default_rng(0)
    return [domain.sample(rng) for _ in range(number)]


@pytest.mark.parametrize(
    "domain",
    [
        DiscreteDomain(("a", "b", "c")),
        PermutationDomain(3),
        IntegerDomain(-2, 3),
    ],
)
def test_draws_are_uniform_over_the_values(domain: ja.Domain) -> None:
    counts = Counter(map(domain.index, draws(domain)))
    expected = 6000 / len(domain)
    assert sum((counts[i] - expected) ** 2 / expected for i in range(len(domain))) < 25


def test_log_draws_are_uniform_over_the_logarithm() -> None:
    """As often between 0.001 and 0.01 as between 0.01 and 0.1, and for integers by doublings."""
    decades = Counter(math.floor(math.log10(x)) for x in draws(ja.FloatDomain(1e-3, 1, log=True)))
    assert all(abs(decades[d] - 2000) < 200 for d in (-3, -2, -1))
    integers = draws(IntegerDomain(1, 1000, log=True))
    small, large = (sum(1 for x in integers if a <= x < b) for a, b in ((2, 32), (32, 512)))
    assert abs(small / large - 1) < 0.15
    shares = Counter(draws(IntegerDomain(1, 3, log=True)))
    assert shares[1] / shares[2] == pytest.approx(math.log(3) / math.log(5 / 3), rel=0.1)
    assert sum(shares.values()) == sum(shares[i] for i in (1, 2, 3))


def test_linear_draws_fill_the_range() -> None:
    drawn = draws(ja.FloatDomain(2.0, 4.0))
    assert all(isinstance(x, float) and 2 <= x <= 4 for x in drawn)
    assert np.histogram(drawn, 4, (2, 4))[0] == pytest.approx([1500] * 4, rel=0.1)


@pytest.mark.parametrize("log", [False, True])
def test_draws_are_plain_values_of_the_domain(log: bool) -> None:
    for domain in (IntegerDomain(1, 5, log), ja.FloatDomain(0.5, 5, log), PermutationDomain(4)):
        for value in draws(domain, 100):
            assert repr(domain.canonical(value)) == repr(value)


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (0, 2**64 - 1),
        (-(2**70), 2**70),
        (2**80, 2**80 + 2),
        (2**63 - 2, 2**63),
        (-(2**63), 2**63 - 1),
        (2**90, 2**90),
        (1, 10**306),
    ],
)
def test_integers_of_any_size_are_drawn_evenly(low: int, high: int) -> None:
    domain = IntegerDomain(low, high)
    parts = min(domain.size, 8)
    drawn = [domain.index(value) * parts // domain.size for value in draws(domain, 2000)]
    counts = Counter(drawn)
    assert sum((counts[i] - 2000 / parts) ** 2 / (2000 / parts) for i in range(parts)) < 25


def test_log_draws_of_large_integers_stay_in_their_range() -> None:
    domain = IntegerDomain(1, 2**70, log=True)
    halves = Counter(value < 2**35 for value in draws(domain, 2000))
    assert abs(halves[True] - 1000) < 150
    assert all(
        value in IntegerDomain(2**69, 2**70, log=True)
        for value in draws(IntegerDomain(2**69, 2**70, log=True), 100)
    )
