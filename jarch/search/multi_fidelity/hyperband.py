"""Hyperband: successive halving over and over, from many candidates briefly to few in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from jarch.ir import Space
from jarch.search.constraints import Constraint
from jarch.search.gate import Gate
from jarch.search.objective import Objective
from jarch.search.searcher import Metrics, SpaceExhausted, Suggestion

from .candidates import Candidate, first_rung, ranked
from .ladder import Rung, brackets


@dataclass(frozen=True, slots=True)
class HyperbandConfig:
    """The brackets; the defaults are those of the paper's example.

    Attributes:
        maximum: The fidelity of the highest rung, such as the epochs of a training in full.
        minimum: No rung is below this fidelity.
        eta: A rung has one in so many of the candidates of the rung below.
        halving: Run the bracket with the most candidates only, over and over, which is successive
            halving (Jamieson and Talwalkar 2016).
        repeats: Suggest equal models more than once.

    Raises:
        SearchError: A number is out of range.
    """

    maximum: int = 81
    minimum: int = 1
    eta: int = 3
    halving: bool = False
    repeats: bool = False

    def __post_init__(self) -> None:
        """Check the numbers."""
        brackets(self.maximum, self.eta, self.minimum)


@dataclass(slots=True)
class _Bracket:
    """Successive halving that is going on."""

    kind: int  # which of the brackets
    height: int = 0  # which of its rungs
    asked: list[int] = field(default_factory=list[int])  # trials, at this rung
    told: list[Candidate] = field(default_factory=list[Candidate])  # at this rung
    queue: list[Candidate] = field(default_factory=list[Candidate])  # to be asked at this rung
    full: bool = False  # nothing new was left when the lowest rung was being filled

    def to_data(self) -> list[Any]:
        lists = [[c.to_data() for c in each] for each in (self.told, self.queue)]
        return [self.kind, self.height, list(self.asked), *lists, self.full]

    @staticmethod
    def from_data(data: Sequence[Any]) -> _Bracket:
        kind, height, asked, *lists, full = data
        told, queue = ([Candidate.from_data(c) for c in each] for each in lists)
        return _Bracket(kind, height, list(asked), told, queue, full)


@dataclass(slots=True)
class HyperbandSearcher:
    """Runs brackets of successive halving that differ in how many begin and how briefly.

    A bracket draws its candidates at random and evaluates all at its lowest fidelity; when all
    results are back, the best `1 / eta` go on to `eta` times that, and so on to the maximum. The
    brackets follow each other from the one with the most candidates to the one that evaluates few
    at the maximum, and then all over again.

    Asked while a rung waits for results, it goes on with an earlier or later bracket, and if all
    wait it begins the next. So a result that never comes holds up its own bracket and no other.

    Attributes:
        space: Where to search.
        config: The brackets.
        objective: What candidates are compared by, within a rung.
        constraint: Raises `InvalidArchitecture` for those not to suggest.

    Reference:
        Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar 2018, "Hyperband: a novel bandit-based
        approach to hyperparameter optimization", JMLR; algorithm 1.

    Example:
        >>> import jarch as ja
        >>> from jarch.search import WithFidelity
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Integer(1, 1000, name="width")))
        >>> def evaluate(architecture, seed, fidelity):
        ...     return {"accuracy": architecture.values[0] * fidelity}
        >>> searcher = HyperbandSearcher(space, HyperbandConfig(maximum=9))
        >>> found = ja.run_search(searcher, WithFidelity(evaluate, full=9), 22)
        >>> [sum(e.fidelity == fidelity for e in found.evaluations) for fidelity in (1, 3, 9)]
        [9, 8, 5]
    """

    space: Space
    config: HyperbandConfig = field(default_factory=HyperbandConfig)
    objective: Objective = field(default_factory=Objective, kw_only=True)
    constraint: Constraint | None = field(default=None, kw_only=True)
    _gate: Gate = field(init=False, repr=False)
    _plan: tuple[tuple[Rung, ...], ...] = field(init=False, repr=False)
    _active: list[_Bracket] = field(init=False, default_factory=list[_Bracket], repr=False)
    _begun: int = field(init=False, default=0, repr=False)
    _trials: int = field(init=False, default=0, repr=False)

    def __post_init__(self) -> None:
        """Begin before the first bracket."""
        self._gate = Gate(self.space, self.constraint, self.config.repeats)
        plan = brackets(self.config.maximum, self.config.eta, self.config.minimum)
        self._plan = plan[:1] if self.config.halving else plan

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
                bracket.asked.append(candidate.trial)
                return candidate.suggest(self.space, self._fidelity(bracket))
            if bracket.height == 0 and not bracket.full and self._missing(bracket):
                try:
                    return self._draw(bracket, rng)
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
        for bracket in self._active:
            at_rung = suggestion.fidelity == self._fidelity(bracket)
            known = any(c.trial == suggestion.trial for c in bracket.told)
            if at_rung and suggestion.trial in bracket.asked and not known:
                score = self.objective.of(metrics)
                bracket.told.append(Candidate.of(self.space, suggestion, score))
                self._advance(bracket)
                return

    def ongoing(self) -> Sequence[int]:
        """Return the trials that may go on, those first that will."""
        queued = [c.trial for b in self._active for c in b.queue]
        waiting = [c.trial for b in self._active for c in ranked(b.told, self.objective)]
        return [*queued, *waiting]

    def options(self) -> Mapping[str, Any]:
        """Return the configuration and the objective."""
        return {"name": "hyperband", **self.objective.options(), **asdict(self.config)}

    def state(self) -> Mapping[str, Any]:
        """Return what was suggested, and the brackets that are going on."""
        return {
            "seen": list(self._gate.seen),
            "trials": self._trials,
            "begun": self._begun,
            "active": [bracket.to_data() for bracket in self._active],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the brackets of a state."""
        self._gate.restore(state["seen"])
        self._trials, self._begun = state["trials"], state["begun"]
        self._active = [_Bracket.from_data(data) for data in state["active"]]

    def _begin(self) -> _Bracket:
        bracket = _Bracket(self._begun % len(self._plan))
        self._begun += 1
        self._active.append(bracket)
        return bracket

    def _draw(self, bracket: _Bracket, rng: np.random.Generator) -> Suggestion:
        suggestion = first_rung(self._gate.draw(rng), self._trials, self._fidelity(bracket))
        bracket.asked.append(self._trials)
        self._trials += 1
        return suggestion

    def _advance(self, bracket: _Bracket) -> None:
        """Move to the next rung where all results are back."""
        filled = bracket.full or not self._missing(bracket)
        if bracket.queue or len(bracket.told) < len(bracket.asked):
            return
        if bracket.height == 0 and not filled:
            return
        rungs = self._plan[bracket.kind]
        best = ranked(bracket.told, self.objective)
        bracket.height += 1
        bracket.asked, bracket.told = [], []
        if bracket.height < len(rungs):
            bracket.queue = best[: rungs[bracket.height][0]]
        if not bracket.queue:
            self._active.remove(bracket)

    def _missing(self, bracket: _Bracket) -> bool:
        """Say whether the lowest rung is to have more candidates."""
        return len(bracket.asked) < self._plan[bracket.kind][0][0]

    def _fidelity(self, bracket: _Bracket) -> int:
        return self._plan[bracket.kind][bracket.height][1]
