"""Monte Carlo tree search against the original's statement, written down naively."""

import math
from collections import defaultdict

import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.ir import Constant, DiscreteDomain, FloatDomain, IntegerDomain, PermutationDomain
from jarch.search import MctsConfig, MctsSearcher
from jarch.search.bisection import draw_within, halves, place, single, whole
from jarch.search.mcts import BisectionMctsConfig

pytestmark = pytest.mark.unverified  # very many transitions, of spaces that are verified elsewhere

VALUES = (1, 2, 3)


def chain() -> ja.Fragment:
    return ja.sequential(*[nn.dense(ja.Discrete(VALUES, name="width")) for _ in range(4)])


@pytest.mark.parametrize("exploration", [0.0, 0.3, 1.0])
def test_each_walk_follows_the_bound_to_the_first_leaf(exploration: float) -> None:
    """To unvisited children, else to the highest mean + c sqrt(2 ln N / n); one leaf grows a walk.

    Visits and sums are kept by prefix, from what was suggested alone.
    """
    config = MctsConfig(exploration=exploration, scaled=False, repeats=True)
    searcher, rng = MctsSearcher(ja.trace(chain), config), np.random.default_rng(0)
    visits: dict[tuple[Constant, ...], int] = defaultdict(int)
    total: dict[tuple[Constant, ...], float] = defaultdict(float)
    grown: set[tuple[Constant, ...]] = set()

    def allowed(prefix: tuple[Constant, ...]) -> list[Constant]:
        fresh: list[Constant] = [v for v in VALUES if not visits[*prefix, v]]
        if fresh:
            return fresh

        def bound(value: Constant) -> float:
            n = visits[*prefix, value]
            spread = math.sqrt(2 * math.log(visits[prefix]) / n)
            return total[*prefix, value] / n + exploration * spread

        highest = max(bound(v) for v in VALUES)
        return [v for v in VALUES if math.isclose(bound(v), highest, rel_tol=1e-12)]

    for _ in range(300):
        suggestion = searcher.ask(rng)
        values = suggestion.architecture.values
        depth = 0
        while values[:depth] in grown and depth < len(values):
            assert values[depth] in allowed(values[:depth])
            depth += 1
        if depth < len(values):
            grown.add(values[:depth])
            depth += 1
        score = float(rng.random()) / 4 + sum(v == 2 for v in values) / 8
        searcher.tell(suggestion, {"accuracy": score})
        for length in range(depth + 1):
            visits[values[:length]] += 1
            total[values[:length]] += score


# Bisection


ORDERED = [
    DiscreteDomain((8, 16, 32, 64, 128)),
    DiscreteDomain((0.5, 0.25, 0.125)),
    IntegerDomain(0, 2),
    IntegerDomain(-3, 9),
    IntegerDomain(1, 10**12),
    IntegerDomain(1, 5000, log=True),
    FloatDomain(-1.0, 3.0),
    FloatDomain(1e-5, 1.0, log=True),
]
UNORDERED = [
    DiscreteDomain(("relu", "gelu", "tanh")),
    DiscreteDomain((False, True)),
    DiscreteDomain((3, 1, 2)),
    DiscreteDomain((1, None, 3)),
    DiscreteDomain((8, 16)),
    DiscreteDomain(tuple(range(5))),
    PermutationDomain(4),
    FloatDomain(0.5, 0.5),
]


def test_only_numbers_in_order_are_halved() -> None:
    assert [whole(domain) is None for domain in ORDERED] == [False] * len(ORDERED)
    assert [whole(domain) is None for domain in UNORDERED] == [True] * len(UNORDERED)


@pytest.mark.parametrize("domain", ORDERED, ids=str)
def test_halves_part_a_span_and_one_of_them_holds_a_value(domain: ja.Domain) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        value = domain.sample(rng)
        span = whole(domain)
        assert span is not None
        for depth in range(60):
            if span[1] - span[0] == 1:
                break
            first, second = halves(domain, span)
            assert span[0] == first[0] < first[1] == second[0] < second[1] == span[1]
            span = second if place(domain, value) >= second[0] else first
            assert place(domain, value) in range(*span)
            assert place(domain, draw_within(domain, span, rng)) in range(*span)
            assert depth < 45
        if single(domain, span):
            assert domain[span[0]] == value


def test_integers_with_log_are_halved_by_their_logarithm() -> None:
    first, second = halves(IntegerDomain(1, 1000, log=True), (0, 1000))
    assert (first, second) == ((0, 22), (22, 1000))
    rng = np.random.default_rng(0)
    drawn = [draw_within(IntegerDomain(1, 1000, log=True), second, rng) for _ in range(400)]
    assert min(drawn) == 23  # type: ignore[type-var]
    assert 0.4 < np.mean([value < 150 for value in drawn]) < 0.6  # type: ignore[operator]


def test_neighbours_share_statistics() -> None:
    """Of eight widths in order, the results of both halves are the sums over four widths each."""
    widths = [2**i for i in range(8)]
    space = ja.trace(lambda: nn.dense(ja.Discrete(widths, name="width")))
    searcher, rng = MctsSearcher(space, MctsConfig(bisection=True)), np.random.default_rng(0)
    scores: dict[Constant, float] = {}
    for _ in widths:
        suggestion = searcher.ask(rng)
        (width,) = suggestion.architecture.values
        assert width not in scores
        scores[width] = float(rng.random())
        searcher.tell(suggestion, {"accuracy": scores[width]})
    halved = searcher.root.children
    assert halved is not None
    assert len(halved) == 2
    below = [sum(scores[w] for w in part) for part in (widths[:4], widths[4:])]
    assert [child.total for child in halved] == pytest.approx(below)
    with pytest.raises(ja.SpaceExhausted):
        searcher.ask(rng)


def ordered() -> ja.Fragment:
    """Three widths among 64 each."""
    return ja.sequential(*[nn.dense(ja.Integer(1, 64, name="width")) for _ in range(3)])


def smooth(architecture: ja.Architecture) -> float:
    """Return a score that is 1 in one place and falls off evenly around it."""
    away = [abs(a - b) for a, b in zip(architecture.values, (44, 12, 28), strict=True)]  # type: ignore[operator]
    return 1 - sum(away) / 192


def test_bisection_finds_more_where_neighbours_are_alike() -> None:
    def scores(bisection: bool, seed: int) -> list[float]:
        config = MctsConfig(exploration=0.3, bisection=bisection)
        searcher, rng = MctsSearcher(ja.trace(ordered), config), np.random.default_rng(seed)
        found: list[float] = []
        for _ in range(200):
            suggestion = searcher.ask(rng)
            found.append(smooth(suggestion.architecture))
            searcher.tell(suggestion, {"accuracy": found[-1]})
        return found

    pairs = [(scores(True, seed), scores(False, seed)) for seed in range(20)]
    assert sum(max(halved) > max(plain) for halved, plain in pairs) >= 15
    assert all(np.mean(halved[-30:]) > np.mean(plain[-30:]) for halved, plain in pairs)


def test_real_numbers_come_down_to_where_they_do_well() -> None:
    space = ja.trace(lambda: nn.dropout(ja.Float(0.0, 0.9, name="rate")))
    searcher = MctsSearcher(space, MctsConfig(exploration=0.1, bisection=True))
    rng, away = np.random.default_rng(0), list[float]()
    for _ in range(80):
        suggestion = searcher.ask(rng)
        (rate,) = suggestion.architecture.values
        assert isinstance(rate, float)
        away.append(abs(rate - 0.3))
        searcher.tell(suggestion, {"accuracy": -away[-1]})
    assert np.mean(away[-20:]) < 0.02


def test_large_ranges_are_halved_where_the_plain_tree_ends() -> None:
    space = ja.trace(lambda: nn.dense(ja.Integer(1, 10**6, name="width")))
    plain, halved = MctsSearcher(space), MctsSearcher(space, BisectionMctsConfig())
    for searcher in (plain, halved):
        searcher.tell(searcher.ask(np.random.default_rng(0)), {"accuracy": 0.5})
    assert plain.root.children is None
    assert halved.root.children is not None
