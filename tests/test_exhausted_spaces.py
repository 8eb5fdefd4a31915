"""Spaces to their end: in full, without a valid architecture, or without an end."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.search import (
    Constraint,
    ExhaustiveSearcher,
    RandomSearcher,
    SearchError,
    SpaceExhausted,
    exhaustive,
    gate,
    make_searcher,
)
from jarch.testing.searchers import copy_searcher

from .searched_spaces import ask_all, two_steps

pytestmark = pytest.mark.unverified  # the transitions are verified elsewhere, on the same spaces


def test_exhaustive_search_goes_in_the_order_of_the_enumeration() -> None:
    space = ja.trace(two_steps)
    found = [s.architecture for s in ask_all(ExhaustiveSearcher(space), np.random.default_rng(0))]
    assert found == list(ja.enumerate_architectures(space))


def test_exhaustive_search_of_real_numbers_has_no_end() -> None:
    searcher = ExhaustiveSearcher(ja.trace(lambda: nn.dropout(ja.Float(0.0, 0.5))))
    with pytest.raises(ja.SpaceError, match="has no end"):
        searcher.ask(np.random.default_rng(0))


def test_exhaustive_search_of_a_vast_space_begins_at_once() -> None:
    def vast() -> ja.Fragment:
        return ja.sequential(*[nn.dense(ja.Integer(1, 10**9)) for _ in range(50)])

    searcher, rng = ExhaustiveSearcher(ja.trace(vast)), np.random.default_rng(0)
    assert [searcher.ask(rng).architecture.values[-1] for _ in range(3)] == [1, 2, 3]
    again = copy_searcher(searcher, lambda: ExhaustiveSearcher(ja.trace(vast)))
    assert again.ask(rng).architecture.values == (1,) * 49 + (4,)


def refusing(accept: Callable[[int], bool]) -> Callable[[], ja.Fragment]:
    """Twelve decisions of five values, of which a substitution refuses most: 244 million."""

    def space() -> ja.Fragment:
        def layer(**values: int) -> ja.Fragment:
            number = sum(value * 5**i for i, value in enumerate(values.values()))
            if not accept(number):
                raise ja.InvalidArchitecture(f"{number} is refused")
            return nn.dense(1 + number)

        decisions = {f"d{i}": ja.Discrete(range(5), name=f"d{i}") for i in range(12)}
        return ja.substitution(layer, decisions, name="layer")

    return space


@pytest.mark.parametrize("kind", ["random", "exhaustive", "mcts"])
def test_a_vast_space_without_architectures_is_an_error(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "REFUSED", 1000)
    monkeypatch.setattr(gate, "LAST_DRAWS", 100)
    monkeypatch.setattr(exhaustive, "PATIENCE", 1000)
    searcher = make_searcher(kind, ja.trace(refusing(lambda number: False)))
    with pytest.raises(SearchError, match=r"no architecture is valid and allowed.*is refused"):
        searcher.ask(np.random.default_rng(0))


def test_rare_architectures_of_a_vast_space_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "REFUSED", 10)
    searcher = RandomSearcher(ja.trace(refusing(lambda number: number * 7919 % 1009 == 5)))
    rng = np.random.default_rng(0)
    found = [searcher.ask(rng) for _ in range(4)]
    assert len({suggestion.fingerprint for suggestion in found}) == 4
    assert max(suggestion.invalid_draws for suggestion in found) > gate.PATIENCE


def by_constraint(constraint: Constraint) -> RandomSearcher:
    return RandomSearcher(ja.trace(two_steps), constraint=constraint)


@pytest.mark.parametrize("kind", [bool, np.bool_])
def test_a_constraint_may_be_a_predicate(kind: Callable[[bool], bool]) -> None:
    searcher = by_constraint(lambda architecture: kind(architecture.values[1] != 2))
    found = [s.architecture.values for s in ask_all(searcher, np.random.default_rng(0))]
    assert sorted(found) == [("left", 1), ("left", 3), ("right", 1), ("right", 3)]


def test_what_a_predicate_refuses_is_told() -> None:
    with pytest.raises(SearchError) as error:
        by_constraint(lambda architecture: False).ask(np.random.default_rng(0))
    assert str(error.value) == (
        "no architecture is valid and allowed (all of the space was looked through; 500 invalid or "
        "not allowed, the last: the constraint refused it); loosen the constraint"
    )


@pytest.mark.parametrize("answer", ["yes", 1, 0, np.float64(0.0)])
def test_a_constraint_that_answers_neither_yes_nor_no_is_an_error(answer: Any) -> None:
    with pytest.raises(SearchError, match=r"the constraint returned .*; return False to refuse"):
        by_constraint(lambda architecture: answer).ask(np.random.default_rng(0))


def test_the_end_of_a_space_is_told_as_such() -> None:
    def of(widths: tuple[int, ...]) -> RandomSearcher:
        return by_constraint(lambda net: net.values in [("left", width) for width in widths])

    rng = np.random.default_rng(0)
    for widths, models in (((1, 2, 3), "3 different models"), ((2,), "1 model")):
        searcher = of(widths)
        ask_all(searcher, rng)
        with pytest.raises(SpaceExhausted, match=f"nothing is left of the space after {models};"):
            searcher.ask(rng)
