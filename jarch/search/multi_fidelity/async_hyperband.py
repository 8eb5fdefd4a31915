"""Asynchronous Hyperband: asynchronous successive halving that begins at different fidelities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from jarch.ir import Space
from jarch.search.constraints import Constraint
from jarch.search.gate import Gate
from jarch.search.objective import Objective
from jarch.search.searcher import Metrics, SpaceExhausted, Suggestion

from .candidates import Candidate, only, ranked
from .ladder import brackets
from .promotion import PromotionConfig
from .rungs import Rungs
from .trials import Trials


@dataclass(frozen=True, slots=True)
class AsyncHyperbandConfig(PromotionConfig):
    """The brackets; see `AshaConfig` for the other options.

    Attributes:
        sampled: Draw the bracket of each suggestion, with a probability in proportion to the
            candidates that Hyperband begins in it. Else the brackets take turns, each until its
            suggestions have cost what the same bracket costs in Hyperband.

    Raises:
        SearchError: A number is out of range.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> space, rng = ja.trace(ja.spaces.digits_dense), np.random.default_rng(0)
        >>> for sampled in (False, True):  # begin in one bracket for a while, or in any
        ...     config = ja.AsyncHyperbandConfig(maximum=9, eta=3, sampled=sampled)
        ...     searcher = ja.AsyncHyperbandSearcher(space, config)
        ...     print(sorted({searcher.ask(rng).fidelity for _ in range(9)}))
        [1]
        [1, 3, 9]
    """

    sampled: bool = False

    def __post_init__(self) -> None:
        """Check the numbers."""
        brackets(self.maximum, self.eta, self.minimum)


@dataclass(slots=True)
class AsyncHyperbandSearcher:
    """Runs ASHA in several brackets, of which each begins at a higher fidelity than the one before.

    Within its bracket a candidate goes on as in `AshaSearcher`, without waiting, compared with
    those of the same bracket only. Fidelities count as what a suggestion costs, and of a candidate
    that goes on only what is more than before.

    Attributes:
        space: Where to search.
        config: The brackets.
        objective: What candidates are compared by, within a rung of a bracket.
        constraint: Returns False, or raises `InvalidArchitecture`, for those not to suggest.

    Reference:
        Li, Jamieson, Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht and Talwalkar 2020, "A system for
        massively parallel hyperparameter tuning", MLSys: brackets take turns by the budget of those
        of Hyperband. Klein, Tiao, Lienart, Archambeau and Seeger 2020, "Model-based asynchronous
        hyperparameter and neural architecture search": brackets are drawn.

    Example:
        >>> import jarch as ja
        >>> from jarch.search import WithFidelity
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Integer(1, 1000, name="width")))
        >>> def evaluate(architecture, seed, fidelity):
        ...     return {"accuracy": architecture.values[0] * fidelity}
        >>> searcher = AsyncHyperbandSearcher(space, AsyncHyperbandConfig(maximum=9, eta=3))
        >>> found = ja.run_search(searcher, WithFidelity(evaluate, full=9), 22)
        >>> {e.fidelity for e in found.evaluations}
        {1, 3, 9}
    """

    space: Space
    config: AsyncHyperbandConfig = field(default_factory=AsyncHyperbandConfig)
    objective: Objective = field(default_factory=Objective, kw_only=True)
    constraint: Constraint | None = field(default=None, kw_only=True)
    _gate: Gate = field(init=False, repr=False)
    _sizes: tuple[int, ...] = field(init=False, repr=False)  # candidates that begin in Hyperband
    _budgets: tuple[int, ...] = field(init=False, repr=False)
    _brackets: tuple[Rungs, ...] = field(init=False, repr=False)
    _current: int = field(init=False, default=0, repr=False)  # whose turn it is
    _spent: int = field(init=False, default=0, repr=False)  # in this turn
    _trials: Trials = field(init=False, repr=False)
    _homes: list[int] = field(init=False, default_factory=list[int], repr=False)  # by trial

    def __post_init__(self) -> None:
        """Begin with empty brackets."""
        config = self.config
        self._gate = Gate(self.space, self.constraint, config.repeats)
        self._trials = Trials(self._gate)
        plan = brackets(config.maximum, config.eta, config.minimum)
        self._sizes = tuple(rungs[0][0] for rungs in plan)
        self._budgets = tuple(_cost(rungs) for rungs in plan)
        self._brackets = tuple(
            Rungs(tuple(fidelity for _, fidelity in rungs), config.eta, self._rank)
            for rungs in plan
        )

    def ask(self, rng: np.random.Generator) -> Suggestion:
        """Return a candidate that goes on in the bracket whose turn it is, or else a new one.

        Raises:
            SpaceExhausted: Nothing new is left, and no candidate of any bracket may go on; after
                more results one may.
            SearchError: Nothing at all is valid and allowed.
        """
        if self.config.sampled:
            weights = np.array(self._sizes) / sum(self._sizes)
            self._current = int(rng.choice(len(weights), p=weights))
        elif self._spent >= self._budgets[self._current]:
            self._current, self._spent = (self._current + 1) % len(self._budgets), 0
        suggestion = self._promote(self._current)
        if suggestion is not None:
            return suggestion
        try:
            return self._begin(rng)
        except SpaceExhausted:
            for home in range(len(self._brackets)):
                suggestion = self._promote(home)
                if suggestion is not None:
                    return suggestion
            raise

    def tell(self, suggestion: Suggestion, metrics: Metrics | None) -> None:
        """Take note of a result at its rung; a second one for the same is ignored."""
        if self._trials.knows(suggestion):
            candidate = Candidate.of(self.space, suggestion, only(self.objective.of(metrics)))
            self._brackets[self._homes[candidate.trial]].take(candidate, suggestion.fidelity)

    def ongoing(self) -> Sequence[int]:
        """Return the trials that may go on, those first of the bracket whose turn it is."""
        number = len(self._brackets)
        order = [(self._current + i) % number for i in range(number)]
        return [trial for home in order for trial in self._brackets[home].ongoing()]

    def options(self) -> Mapping[str, Any]:
        """Return the configuration and the objective."""
        return {"name": "async_hyperband", **self.objective.options(), **asdict(self.config)}

    def state(self) -> Mapping[str, Any]:
        """Return what was suggested, the brackets, and whose turn it is."""
        return {
            "seen": list(self._gate.seen),
            "trials": self._trials.state(),
            "homes": list(self._homes),
            "current": self._current,
            "spent": self._spent,
            "brackets": [rungs.state() for rungs in self._brackets],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the brackets of a state."""
        self._gate.restore(state["seen"])
        self._trials.restore(state["trials"])
        self._homes = list(state["homes"])
        self._current, self._spent = state["current"], state["spent"]
        for rungs, data in zip(self._brackets, state["brackets"], strict=True):
            rungs.restore(data)

    def _promote(self, home: int) -> Suggestion | None:
        """Return a candidate of a bracket that goes on."""
        rungs = self._brackets[home]
        promoted = rungs.promote()
        if promoted is None:
            return None
        candidate, height = promoted
        fidelity = rungs.levels[height]
        self._spent += fidelity - rungs.levels[height - 1]
        return candidate.suggest(self.space, fidelity)

    def _begin(self, rng: np.random.Generator) -> Suggestion:
        """Return a new candidate of the bracket whose turn it is."""
        fidelity = self._brackets[self._current].levels[0]
        suggestion = self._trials.begin(self._gate.draw(rng), fidelity)
        self._homes.append(self._current)
        self._spent += fidelity
        return suggestion

    def _rank(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        return ranked(candidates, self.objective)


def _cost(rungs: Sequence[tuple[int, int]]) -> int:
    """Return what a bracket costs in Hyperband where candidates go on from where they were."""
    first = rungs[0][0] * rungs[0][1]
    return first + sum(number * (high - low) for (_, low), (number, high) in pairwise(rungs))
