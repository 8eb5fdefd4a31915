"""Brackets: candidates compared rung by rung, of which the better part goes on once all are back.

What Hyperband, successive halving and successive narrowing share.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

import numpy as np

from jarch.ir import Space
from jarch.search.checks import check_at_least
from jarch.search.constraints import Constraint
from jarch.search.gate import Gate
from jarch.search.objective import Objective
from jarch.search.searcher import Metrics, SpaceExhausted, Suggestion

from .candidates import Candidate, only, ranked
from .ladder import Rung
from .trials import Trials

Plan: TypeAlias = tuple[tuple[Rung, ...], ...]
"""The rungs of each kind of bracket, in the order in which brackets begin."""


@dataclass(frozen=True, slots=True)
class BracketConfig(ABC):
    """What all brackets can be told.

    Attributes:
        overdue: A result is taken for lost when so many have come that were not there when it was
            asked for: its rung no longer waits for it. None waits for ever, as in the papers. Give
            a number well above that of the evaluations that are under way at once.
        repeats: Suggest equal models more than once.
    """

    overdue: int | None = field(default=None, kw_only=True)
    repeats: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            SearchError: One is out of range.
        """
        check_at_least(self, 1, "overdue")
        self.plan()

    @abstractmethod
    def plan(self) -> Plan:
        """Return the brackets.

        Raises:
            SearchError: A number is out of range.
        """


C = TypeVar("C", bound=BracketConfig)


@dataclass(slots=True)
class _Bracket:
    """A bracket that is going on."""

    kind: int  # which of the plan
    height: int = 0  # which of its rungs
    asked: dict[int, int] = field(default_factory=dict[int, int])  # trials, and results before each
    told: list[Candidate] = field(default_factory=list[Candidate])  # at this rung
    queue: list[Candidate] = field(default_factory=list[Candidate])  # to be asked at this rung
    full: bool = False  # nothing new was left when the lowest rung was being filled

    def to_data(self) -> list[Any]:
        lists = [[c.to_data() for c in each] for each in (self.told, self.queue)]
        return [self.kind, self.height, [list(a) for a in self.asked.items()], *lists, self.full]

    @staticmethod
    def from_data(data: Sequence[Any]) -> _Bracket:
        kind, height, asked, *lists, full = data
        told, queue = ([Candidate.from_data(c) for c in each] for each in lists)
        return _Bracket(kind, height, dict(asked), told, queue, full)


@dataclass(slots=True)
class BracketSearcher(ABC, Generic[C]):
    """Begins many candidates briefly, and lets the best of each rung go on for longer.

    When all results of a rung are back, as many of the best as the next rung has places go on
    there. Brackets follow each other in the order of the plan, and then all over again. Asked while
    a rung waits for results, it goes on with an earlier or later bracket, and if all wait it begins
    the next. So a result that is late holds up its own bracket and no other.

    Attributes:
        space: Where to search.
        config: The brackets.
        objective: What candidates are compared by, within a rung.
        constraint: Returns False, or raises `InvalidArchitecture`, for those not to suggest.
    """

    name: ClassVar[str]

    space: Space
    config: C
    objective: Objective = field(default_factory=Objective, kw_only=True)
    constraint: Constraint | None = field(default=None, kw_only=True)
    _gate: Gate = field(init=False, repr=False)
    _plan: Plan = field(init=False, repr=False)
    _active: list[_Bracket] = field(init=False, default_factory=list[_Bracket], repr=False)
    _begun: int = field(init=False, default=0, repr=False)
    _trials: Trials = field(init=False, repr=False)
    _results: int = field(init=False, default=0, repr=False)

    def __post_init__(self) -> None:
        """Begin before the first bracket."""
        self._gate = Gate(self.space, self.constraint, self.config.repeats)
        self._trials = Trials(self._gate)
        self._plan = self.config.plan()

    def ask(self, rng: np.random.Generator) -> Suggestion:
        """Return a candidate that goes on, or a new one.

        Raises:
            SpaceExhausted: Nothing new is left, and no candidate may go on; after more results one
                may.
            SearchError: Nothing at all is valid and allowed.
        """
        ended: SpaceExhausted | None = None
        for bracket in [*self._active, None]:
            if bracket is None:
                if ended is not None:
                    raise ended
                bracket = self._begin()
            if bracket.queue:
                candidate = bracket.queue.pop(0)
                bracket.asked[candidate.trial] = self._results
                return candidate.suggest(self.space, self._fidelity(bracket))
            if bracket.height == 0 and not bracket.full and self._missing(bracket):
                try:
                    return self._begin_trial(bracket, rng)
                except SpaceExhausted as exhausted:
                    ended = exhausted
                    bracket.full = True
                    self._advance(bracket)
                    if bracket.queue:
                        return self.ask(rng)
        assert ended is not None
        raise ended

    def tell(self, suggestion: Suggestion, metrics: Metrics | None) -> None:
        """Take note of a result at its rung; one that comes twice is ignored."""
        bracket = self._bracket_of(suggestion) if self._trials.knows(suggestion) else None
        if bracket is None:
            return
        self._results += 1
        score = self.objective.of(metrics)
        bracket.told.append(Candidate.of(self.space, suggestion, only(score)))
        self._learn(suggestion, score)
        overdue = self.config.overdue is not None
        for each in list(self._active) if overdue else [bracket]:
            self._advance(each)

    def ongoing(self) -> Sequence[int]:
        """Return the trials that may go on, those first that will."""
        queued = [c.trial for b in self._active for c in b.queue]
        waiting = [c.trial for b in self._active for c in ranked(b.told, self.objective)]
        return [*queued, *waiting]

    def options(self) -> Mapping[str, Any]:
        """Return the configuration and the objective."""
        return {"name": self.name, **self.objective.options(), **asdict(self.config)}

    def state(self) -> Mapping[str, Any]:
        """Return what was suggested, and the brackets that are going on."""
        return {
            "seen": list(self._gate.seen),
            "trials": self._trials.state(),
            "results": self._results,
            "begun": self._begun,
            "active": [bracket.to_data() for bracket in self._active],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the brackets of a state."""
        self._gate.restore(state["seen"])
        self._trials.restore(state["trials"])
        self._begun = state["begun"]
        self._results = state["results"]
        self._active = [_Bracket.from_data(data) for data in state["active"]]

    def _draw(self, rng: np.random.Generator) -> Suggestion:
        """Return a candidate that is new."""
        return self._gate.draw(rng)

    def _learn(self, suggestion: Suggestion, score: float | None) -> None:
        """Take note of a result, beside the comparison in its rung."""

    def _begin(self) -> _Bracket:
        bracket = _Bracket(self._begun % len(self._plan))
        self._begun += 1
        self._active.append(bracket)
        return bracket

    def _begin_trial(self, bracket: _Bracket, rng: np.random.Generator) -> Suggestion:
        suggestion = self._trials.begin(self._draw(rng), self._fidelity(bracket))
        bracket.asked[len(self._trials) - 1] = self._results
        return suggestion

    def _bracket_of(self, suggestion: Suggestion) -> _Bracket | None:
        """Return the bracket in which a rung waits for this."""
        for bracket in self._active:
            at_rung = suggestion.fidelity == self._fidelity(bracket)
            known = any(c.trial == suggestion.trial for c in bracket.told)
            if at_rung and suggestion.trial in bracket.asked and not known:
                return bracket
        return None

    def _advance(self, bracket: _Bracket) -> None:
        """Move to the next rung where all results are back that may still come."""
        if bracket.queue or (bracket.height == 0 and self._missing(bracket) and not bracket.full):
            return
        if self._waits(bracket):
            return
        rungs = self._plan[bracket.kind]
        best = ranked(bracket.told, self.objective)
        bracket.height += 1
        bracket.asked, bracket.told = {}, []
        if bracket.height < len(rungs):
            bracket.queue = best[: rungs[bracket.height][0]]
        if not bracket.queue:
            self._active.remove(bracket)

    def _waits(self, bracket: _Bracket) -> bool:
        """Say whether a result of the rung is out, and not overdue."""
        if len(bracket.told) == len(bracket.asked):
            return False
        told = {c.trial for c in bracket.told}
        overdue = self.config.overdue
        return any(
            overdue is None or self._results - before < overdue
            for trial, before in bracket.asked.items()
            if trial not in told
        )

    def _missing(self, bracket: _Bracket) -> bool:
        """Say whether the lowest rung is to have more candidates."""
        return len(bracket.asked) < self._plan[bracket.kind][0][0]

    def _fidelity(self, bracket: _Bracket) -> int:
        return self._plan[bracket.kind][bracket.height][1]
