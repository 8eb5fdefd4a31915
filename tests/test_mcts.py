"""Monte Carlo tree search against the original's statement, written down naively."""

import math
from collections import defaultdict

import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.ir import Constant
from jarch.search import MctsConfig, MctsSearcher

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
