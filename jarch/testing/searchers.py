"""The promises of a searcher, as a state machine that hypothesis drives: for one's own too."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
from hypothesis import settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import jarch as ja
from jarch.search import (
    Constraint,
    Metrics,
    Objective,
    Searcher,
    SearchError,
    SpaceExhausted,
    Suggestion,
)

from . import strategies

MakeSearcher: TypeAlias = Callable[[ja.Space, Objective, Constraint], Searcher]
"""Makes a searcher from a space, what it is to learn from, and what it is not to suggest."""


def check_searcher(make: MakeSearcher, *, examples: int = 20, steps: int = 30) -> None:
    """Check that a searcher keeps its promises; raise an `AssertionError` that shows how not.

    On small random spaces, with a part of the architectures refused by the constraint, it is asked,
    told scores in any order, failures, or nothing at all. At any moment its state goes through JSON
    into a new searcher, and all copies must suggest the same from there on. Nothing that is refused
    may be suggested, nothing twice (but for a candidate that goes on at a higher fidelity), and
    `SpaceExhausted` (or `SearchError`, where nothing is allowed) raised only once all is suggested.
    What is told of a suggestion for a second time must change nothing.

    Args:
        make: Makes the searcher. The objective is named "score"; "other" is told too.
        examples: How many searches.
        steps: How much happens in each.

    Example:
        >>> import jarch as ja
        >>> def make(space, objective, constraint):
        ...     return ja.RandomSearcher(space, constraint=constraint)
        >>> check_searcher(make, examples=5)
    """

    class Machine(SearcherMachine):
        def __init__(self) -> None:
            super().__init__(make)

    few = settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    run_state_machine_as_test(Machine, settings=few)


def copy_searcher(searcher: Searcher, make: Callable[[], Searcher]) -> Searcher:
    """Return a new searcher in the state of another, by way of JSON."""
    new = make()
    new.restore(json.loads(json.dumps(searcher.state(), allow_nan=False)))
    return new


_SCORES = st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0])


class SearcherMachine(RuleBasedStateMachine):
    """Asks, tells in any order, failures, losses, and copies of which all must go on alike."""

    def __init__(self, make: MakeSearcher) -> None:
        super().__init__()
        self._make = make
        self.out: list[Suggestion] = []
        self.told: list[Suggestion] = []
        self.asked: set[str] = set()
        self.trials: dict[int, Suggestion] = {}  # each with its latest suggestion
        self.exhausted = False

    @initialize(
        space=strategies.spaces(max_leaves=6, max_count=60, decide=True),
        refused=st.sets(st.integers(0, 3), max_size=2),
        maximize=st.booleans(),
    )
    def begin(self, space: ja.Space, refused: set[int], maximize: bool) -> None:
        """Make a searcher of a small space in which a part of the architectures is refused."""

        def constraint(architecture: ja.Architecture) -> None:
            if int(ja.fingerprint(architecture), 16) % 4 in refused:
                raise ja.InvalidArchitecture("refused by its fingerprint")

        def make() -> Searcher:
            return self._make(space, Objective("score", maximize), constraint)

        self.space, self.make = space, make
        self.searchers = [make()]
        found = {ja.fingerprint(a): a for a in ja.enumerate_architectures(space)}
        self.allowed = {f for f in found if int(f, 16) % 4 not in refused}

    @precondition(lambda self: not self.exhausted)
    @rule(seed=st.integers(0, 2**32))
    def ask(self, seed: int) -> None:
        """Ask all copies: all suggest the same, which is allowed and new, or nothing is left."""
        first, *others = [self._ask(s, np.random.default_rng(seed)) for s in self.searchers]
        assert all(other == first for other in others)
        if isinstance(first, str):
            self.exhausted = True
            assert self.asked == self.allowed
            return
        if first.trial in self.trials:
            _assert_goes_on(self.trials[first.trial], first)
        else:
            assert first.fingerprint in self.allowed - self.asked
        assert ja.fingerprint(first.architecture) == first.fingerprint
        values = first.architecture.values[len(self.space.decisions) :]
        assert ja.replay(self.space, values) == first.architecture
        self.asked.add(first.fingerprint)
        if first.trial is not None:
            self.trials[first.trial] = first
        self.out.append(first)

    def _ask(self, searcher: Searcher, rng: np.random.Generator) -> Suggestion | str:
        """Return a suggestion, or how the search ended."""
        try:
            return searcher.ask(rng)
        except SpaceExhausted:
            return "exhausted"
        except SearchError:
            assert not self.allowed
            return "nothing"

    @precondition(lambda self: self.out)
    @rule(data=st.data(), score=_SCORES, other=_SCORES)
    def tell(self, data: st.DataObject, score: float, other: float) -> None:
        """Tell what one of those that are out scored."""
        self._tell(self._take(data), {"score": score, "other": other})

    @precondition(lambda self: self.out)
    @rule(data=st.data(), metrics=st.sampled_from([None, {"score": None}]))
    def fail(self, data: st.DataObject, metrics: Mapping[str, None] | None) -> None:
        """Tell of a failure."""
        self._tell(self._take(data), metrics)

    @precondition(lambda self: self.told)
    @rule(data=st.data(), metrics=st.sampled_from([None, {"score": 2e6, "other": -2e6}]))
    def tell_again(self, data: st.DataObject, metrics: Mapping[str, float] | None) -> None:
        """Tell of one that was told before: nothing changes."""
        suggestion = data.draw(st.sampled_from(self.told))
        before = json.dumps(self.searchers[0].state())
        for searcher in self.searchers:
            searcher.tell(suggestion, metrics)
        assert json.dumps(self.searchers[0].state()) == before, (
            "a second result of the same is to be ignored"
        )

    @precondition(lambda self: self.out)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """Never tell what became of one."""
        self._take(data)

    @rule()
    def save_and_restore(self) -> None:
        """Go on with a copy beside the original."""
        self.searchers = [copy_searcher(self.searchers[-1], self.make), *self.searchers[:1]]

    @invariant()
    def states_agree(self) -> None:
        """All copies know the same."""
        if hasattr(self, "searchers"):
            first, *others = [s.state() for s in self.searchers]
            assert all(other == first for other in others)

    def _tell(self, suggestion: Suggestion, metrics: Metrics | None) -> None:
        for searcher in self.searchers:
            searcher.tell(suggestion, metrics)
        self.told.append(suggestion)

    def _take(self, data: st.DataObject) -> Suggestion:
        return self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))


def _assert_goes_on(before: Suggestion, now: Suggestion) -> None:
    """A candidate that is suggested again is the same, at a higher fidelity."""
    assert before.fidelity is not None
    assert now.fidelity is not None
    assert now.fidelity > before.fidelity
    assert (now.fingerprint, now.architecture) == (before.fingerprint, before.architecture)
