"""What all searchers do with results: of other spaces, of an earlier search, and told twice."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.search import Searcher, SearchError, Suggestion, gate, make_searcher
from jarch.search.gate import Gate
from jarch.testing.searchers import copy_searcher

from .searched_spaces import WIDTHS, chain, matches
from .test_searchers import CONFIGS

pytestmark = pytest.mark.unverified  # the transitions are verified elsewhere, on the same spaces


def searcher_with_results(kind: str, space: ja.Space) -> Searcher:
    name, options = CONFIGS[kind]
    searcher = make_searcher(name, space, options)
    for seed in range(6):
        suggestion = searcher.ask(np.random.default_rng(seed))
        searcher.tell(suggestion, {"accuracy": seed % 4 / 4})
    return searcher


def told_of(space: ja.Space, values: object) -> Suggestion:
    found = ja.replay(space, values)  # type: ignore[arg-type]
    return Suggestion(found, ja.fingerprint(found))


def other_keys() -> ja.Fragment:
    """The models of `chain`, under other names."""
    return ja.sequential(*[nn.dense(ja.Discrete(WIDTHS, name="size")) for _ in range(8)])


@pytest.mark.parametrize("kind", CONFIGS)
def test_architectures_of_other_spaces_are_refused_at_once(kind: str) -> None:
    """Also where fingerprint, trial and fidelity are those of a suggestion."""
    searcher = searcher_with_results(kind, ja.trace(chain))
    suggestion = searcher.ask(np.random.default_rng(6))
    state = json.dumps(searcher.state())
    for space, values in (
        (ja.trace(ja.spaces.digits_dense), [1, 16, "relu"]),
        (ja.trace(lambda: nn.dense(8)), []),
        (ja.trace(other_keys), suggestion.architecture.values),
    ):
        foreign = told_of(space, values)
        for claimed in (foreign.fingerprint, suggestion.fingerprint):
            told = replace(suggestion, architecture=foreign.architecture, fingerprint=claimed)
            for claim in (told, replace(told, trial=None, fidelity=None)):
                with pytest.raises(SearchError, match=r"architecture with .* is not of this space"):
                    searcher.tell(claim, {"accuracy": 9.0})
    assert json.dumps(searcher.state()) == state
    searcher.tell(suggestion, {"accuracy": 0.5})
    searcher.ask(np.random.default_rng(7))


@pytest.mark.parametrize("kind", CONFIGS)
def test_results_of_an_earlier_search_are_welcome(kind: str) -> None:
    name, options = CONFIGS[kind]
    space = ja.trace(chain)
    searcher = searcher_with_results(kind, space)
    for values in ([8] * 8, [16] * 8):
        told = told_of(space, values)
        searcher.tell(told, {"accuracy": 2.0})
        state = json.dumps(searcher.state())
        searcher.tell(told, {"accuracy": 3.0})  # a second one is ignored
        searcher.tell(told, None)
        assert json.dumps(searcher.state()) == state
    searchers = searcher, copy_searcher(searcher, lambda: make_searcher(name, space, options))
    for seed in range(10):
        first, second = (s.ask(np.random.default_rng(seed)) for s in searchers)
        assert first == second
        for each in searchers:
            each.tell(first, {"accuracy": 0.5})
    assert searchers[0].state() == searchers[1].state()


@pytest.mark.parametrize("kind", CONFIGS)
def test_trials_have_the_architecture_that_was_suggested(kind: str) -> None:
    space = ja.trace(chain)
    searcher = searcher_with_results(kind, space)
    suggestion = searcher.ask(np.random.default_rng(6))
    if suggestion.trial is None:
        return
    state = json.dumps(searcher.state())
    for trial in (99, -1):
        with pytest.raises(SearchError, match=f"there is no trial {trial}, of "):
            searcher.tell(replace(suggestion, trial=trial), {"accuracy": 9.0})
    other = told_of(space, [8] * 8)
    with pytest.raises(SearchError, match=f"trial {suggestion.trial} has the architecture"):
        searcher.tell(
            replace(suggestion, architecture=other.architecture, fingerprint=other.fingerprint),
            {"accuracy": 9.0},
        )
    assert json.dumps(searcher.state()) == state


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_second_result_counts_where_models_may_repeat(kind: str) -> None:
    """Not for tree search and policies, which know ways, nor for trials, of which there is one."""
    name, options = CONFIGS[kind]
    searcher = make_searcher(name, ja.trace(chain), {**options, "repeats": True})
    suggestion = searcher.ask(np.random.default_rng(0))
    searcher.tell(suggestion, {"accuracy": 0.5})
    state = json.dumps(searcher.state())
    searcher.tell(suggestion, {"accuracy": 0.75})
    blind = ("random", "exhaustive", "quasi_random", "mcts", "mcts_bisection", "reinforce", "ppo")
    same = json.dumps(searcher.state()) == state
    assert same == (name in blind or suggestion.trial is not None)


@pytest.mark.parametrize("kind", CONFIGS)
def test_what_was_suggested_is_not_replayed_when_it_is_told(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("it was suggested, and so is of the space")

    name, options = CONFIGS[kind]
    searcher, rng = make_searcher(name, ja.trace(chain), options), np.random.default_rng(0)
    for _ in range(12):
        suggestion = searcher.ask(rng)
        with monkeypatch.context() as patch:
            patch.setattr(gate, "replay", refuse)
            searcher.tell(suggestion, matches(suggestion.architecture))


HUGE = 1e308, -1e308, 1e150, -1e150, 1e-300, 0.0, 1.0, math.inf


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", CONFIGS)
def test_scores_of_any_size_leave_a_state_for_json(kind: str) -> None:
    """Beyond 1e150 they are failures, for their squares and differences are no floats."""
    name, options = CONFIGS[kind]
    for maximize in (True, False):
        objective = ja.Objective("score", maximize)
        searcher = make_searcher(name, ja.trace(chain), options, objective=objective)
        for i in range(24):
            suggestion = searcher.ask(np.random.default_rng(i))
            searcher.tell(suggestion, {"score": HUGE[i % len(HUGE)]})
        json.dumps(searcher.state(), allow_nan=False)


def test_a_fingerprint_is_that_of_the_architecture() -> None:
    space = ja.trace(chain)
    told = replace(told_of(space, [8] * 8), fingerprint="0" * 32)
    with pytest.raises(SearchError, match=r"has the fingerprint .*, not 0000"):
        Gate(space).check(told)


def test_what_was_told_of_before_may_be_suggested_and_counts_then() -> None:
    space = ja.trace(lambda: nn.dense(ja.Discrete([8, 16], name="width")))
    known = told_of(space, [8])
    mine = Gate(space)
    assert [mine.takes(known) for _ in range(2)] == [True, False]
    assert [mine.takes(replace(known, fidelity=3)) for _ in range(2)] == [True, False]
    suggestions = [mine.draw(np.random.default_rng(0)) for _ in range(2)]
    assert [mine.takes(suggestion) for suggestion in suggestions * 2] == [True, True, False, False]
    assert mine.state()["awaited"] == []


def test_a_part_of_the_space_may_be_decided_before() -> None:
    space = ja.assign(ja.trace(chain), 8)
    gate_of_part = Gate(space)
    gate_of_part.check(told_of(space, [16] * 7))
    with pytest.raises(SearchError, match="is not of this space"):
        gate_of_part.check(told_of(ja.trace(chain), [16] * 8))
