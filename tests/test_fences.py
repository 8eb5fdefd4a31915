"""The outer fence, and that searchers learn in spite of results that are far worse than others."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import jarch as ja
from jarch.search import Objective, make_searcher
from jarch.search.fences import FencedScores, fenced, outer_fence

from .searched_spaces import chain, matches

pytestmark = pytest.mark.unverified  # the transitions are verified elsewhere, on the same spaces

SCORES = st.lists(
    st.floats(-10, 10) | st.floats(-1e150, 1e150) | st.sampled_from([0.0, 1.0, 1e6]),
    min_size=1,
    max_size=30,
)


def test_the_fence_by_hand() -> None:
    """Quartiles 1.75 and 3.25 of 1, 2, 3, 4: the fence is 3.25 + 3 * 1.5."""
    assert outer_fence([1.0, 2.0, 3.0, 4.0]) == 7.75
    assert outer_fence([1.0, 1.0, 1.0, 9.0]) == 3.0 + 3 * 2.0
    assert outer_fence([1.0, 1.0, 1.0, 1.0, 9.0]) == math.inf
    assert outer_fence([]) == math.inf
    assert fenced([5.0, 4.0, 3.0, 2.0, -100.0, 100.0], maximize=True).tolist() == [
        5,
        4,
        3,
        2,
        2,
        100,
    ]


@given(scores=SCORES, maximize=st.booleans())
def test_order_and_the_good_side_stay(scores: list[float], maximize: bool) -> None:
    kept = fenced(scores, maximize)
    sign = -1.0 if maximize else 1.0
    losses, after = sign * np.array(scores), sign * kept
    order = np.argsort(losses, kind="stable")
    assert (np.diff(after[order]) >= 0).all()
    good = losses <= np.quantile(losses, 0.75)
    np.testing.assert_array_equal(kept[good], np.array(scores)[good])
    changed = kept != np.array(scores)
    assert set(after[changed]) <= {after[~changed].max()}  # as bad as the worst of the others
    assert changed.sum() <= len(scores) / 4
    np.testing.assert_array_equal(fenced(-np.array(scores), not maximize), -kept)


@given(scores=st.lists(st.floats(-10, 10), max_size=30), maximize=st.booleans())
def test_what_lies_close_together_stays_as_it_is(scores: list[float], maximize: bool) -> None:
    ordered = sorted(scores)
    low, high = np.quantile(ordered, [0.25, 0.75]) if scores else (0.0, 0.0)
    reach = 2.99 * (high - low)
    near = [score for score in scores if low - reach <= score <= high + reach]
    if len(near) == len(scores) or low == high:
        assert fenced(scores, maximize).tolist() == scores


@given(scores=SCORES, maximize=st.booleans())
def test_one_by_one_is_as_all_at_once(scores: list[float], maximize: bool) -> None:
    objective, known = Objective("score", maximize), FencedScores(maximize)
    for number, score in enumerate(scores, 1):
        known.add(score)
        kept = fenced(scores[:number], maximize).tolist()
        assert [known.clip(s) for s in scores[:number]] == kept
        assert known.worst == objective.worst(kept, float)
        assert known.best == objective.best(kept, float)
    again = FencedScores(maximize)
    again.restore(json.loads(json.dumps(known.state())))
    assert again == known


def test_there_may_be_no_fence() -> None:
    known = FencedScores(maximize=False, limited=False)
    for loss in (0.0, 1.0, 2.0, 3.0, 1e6):
        known.add(loss)
    assert known.worst == known.clip(1e6) == 1e6


FAST: Mapping[str, tuple[Mapping[str, Any], int]] = {
    "mcts": ({"exploration": 0.3}, 120),
    "mcts_bisection": ({"exploration": 0.3}, 120),
    "reinforce": (
        {"layers": 0, "batch": 4, "learning_rate": 0.3, "repeats": True, "exponent": 1.0},
        120,
    ),
    "ppo": (
        {"units": 8, "batch": 8, "learning_rate": 0.05, "epochs": 4, "repeats": True},
        120,
    ),
    "smbo": ({"optimizer": "mutation", "candidates": 20, "batch": 3}, 60),
    "nasbowl": ({"candidates": 40}, 90),
}


@pytest.mark.parametrize("name", FAST)
def test_results_that_diverged_do_not_hide_the_others(name: str) -> None:
    """One loss in 33 is a million; before there was a fence, that made random search of them."""
    options, evaluations = FAST[name]

    def mean(name: str, options: Mapping[str, Any]) -> float:
        return float(np.mean([least_loss(name, options, evaluations, s) for s in range(5)]))

    assert mean(name, options) < mean("random", {}) - 0.15


def least_loss(name: str, options: Mapping[str, Any], evaluations: int, seed: int) -> float:
    searcher = make_searcher(
        name, ja.trace(chain), options, objective=Objective("loss", maximize=False)
    )
    rng, diverges, found = np.random.default_rng(seed), np.random.default_rng([seed, 1]), [0.0]
    for _ in range(evaluations):
        suggestion = searcher.ask(rng)
        found.append(matches(suggestion.architecture)["loss"])
        searcher.tell(suggestion, {"loss": 1e6 if diverges.random() < 0.03 else found[-1]})
    return min(found)


def tell_all(searcher: ja.MctsSearcher, losses: Sequence[float]) -> None:
    rng = np.random.default_rng(0)
    for loss in losses:
        searcher.tell(searcher.ask(rng), {"loss": loss})


def test_what_came_before_the_fence_was_known_is_backed_up_anew() -> None:
    """A million among the first four cannot be told from the others; with the eighth it can."""
    space, objective = ja.trace(chain), Objective("loss", maximize=False)
    searcher = ja.MctsSearcher(space, objective=objective)
    losses = [0.5, 1e6, 0.25, 0.75, 0.5, 0.25, 0.75, 0.5]
    tell_all(searcher, losses[:4])
    assert searcher.root.total > 1e6
    tell_all(searcher, losses[4:])
    assert searcher.root.total == sum(losses) - 1e6 + 0.75


def test_a_tree_of_scores_as_they_are_has_no_fence() -> None:
    searcher = ja.MctsSearcher(ja.trace(chain), ja.MctsConfig(scaled=False))
    rng = np.random.default_rng(0)
    for score in [0.5, 0.25, 0.75, 0.5, 0.25, 0.75, 0.5, -1e6]:
        searcher.tell(searcher.ask(rng), {"accuracy": score})
    assert searcher.root.total == 3.5 - 1e6
