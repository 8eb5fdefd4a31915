"""Asynchronous successive halving: promote whenever something is good enough, else begin anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from jarch.ir import Space
from jarch.search.constraints import Constraint
from jarch.search.gate import Gate
from jarch.search.objective import Objective
from jarch.search.searcher import Metrics, Suggestion

from .candidates import Candidate, first_rung, only, ranked
from .ladder import levels
from .rungs import Rungs


@dataclass(frozen=True, slots=True)
class AshaConfig:
    """The rungs; eta is that of the paper's experiments.

    Attributes:
        maximum: The fidelity of the highest rung, such as the epochs of a training in full.
        minimum: No rung is below this fidelity.
        eta: A rung has one in so many of the candidates of the rung below, at so many times the
            fidelity.
        repeats: Suggest equal models more than once.

    Raises:
        SearchError: A number is out of range.
    """

    maximum: int = 256
    minimum: int = 1
    eta: int = 4
    repeats: bool = False

    def __post_init__(self) -> None:
        """Check the numbers."""
        levels(self.maximum, self.eta, self.minimum)


@dataclass(slots=True)
class AshaSearcher:
    """Evaluates random candidates briefly, and lets the best of each rung go on, without waiting.

    Asked for a candidate, it looks from the highest rung down for one that is among the best
    `1 / eta` of all that has come back at its rung and has not gone on yet; if there is none, a new
    one begins at the lowest rung. So results that are late or lost hold up nothing. A failure
    counts in the size of its rung and never goes on.

    Attributes:
        space: Where to search.
        config: The rungs.
        objective: What candidates are compared by, within a rung.
        constraint: Raises `InvalidArchitecture` for those not to suggest.

    Reference:
        Li, Jamieson, Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht and Talwalkar 2020, "A system for
        massively parallel hyperparameter tuning", MLSys; algorithm 2.

    Example:
        >>> import jarch as ja
        >>> from jarch.search import WithFidelity
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Integer(1, 1000, name="width")))
        >>> def evaluate(architecture, seed, fidelity):
        ...     return {"accuracy": architecture.values[0] * fidelity}
        >>> searcher = AshaSearcher(space, AshaConfig(maximum=9, eta=3))
        >>> found = ja.run_search(searcher, WithFidelity(evaluate, full=9), 13)
        >>> [sum(e.fidelity == fidelity for e in found.evaluations) for fidelity in (1, 3, 9)]
        [8, 4, 1]
    """

    space: Space
    config: AshaConfig = field(default_factory=AshaConfig)
    objective: Objective = field(default_factory=Objective, kw_only=True)
    constraint: Constraint | None = field(default=None, kw_only=True)
    _gate: Gate = field(init=False, repr=False)
    _rungs: Rungs = field(init=False, repr=False)
    _trials: int = field(init=False, default=0, repr=False)

    def __post_init__(self) -> None:
        """Begin with empty rungs."""
        self._gate = Gate(self.space, self.constraint, self.config.repeats)
        config = self.config
        self._rungs = Rungs(
            levels(config.maximum, config.eta, config.minimum),
            config.eta,
            lambda candidates: ranked(candidates, self.objective),
        )

    def ask(self, rng: np.random.Generator) -> Suggestion:
        """Return a candidate that goes on, or else a new one.

        Raises:
            SpaceExhausted: Nothing new is left, and no candidate may go on; after more results one
                may.
            SearchError: Nothing at all is valid and allowed.
        """
        promoted = self._rungs.promote()
        if promoted is not None:
            candidate, height = promoted
            return candidate.suggest(self.space, self._rungs.levels[height])
        suggestion = first_rung(self._gate.draw(rng), self._trials, self._rungs.levels[0])
        self._trials += 1
        return suggestion

    def tell(self, suggestion: Suggestion, metrics: Metrics | None) -> None:
        """Take note of a result at its rung; a second one for the same is ignored."""
        if suggestion.trial is not None:
            scores = only(self.objective.of(metrics))
            self._rungs.take(Candidate.of(self.space, suggestion, scores), suggestion.fidelity)

    def ongoing(self) -> Sequence[int]:
        """Return the trials that may go on, those of higher rungs first, the best of each first."""
        return self._rungs.ongoing()

    def options(self) -> Mapping[str, Any]:
        """Return the configuration and the objective."""
        return {"name": "asha", **self.objective.options(), **asdict(self.config)}

    def state(self) -> Mapping[str, Any]:
        """Return what was suggested, and the rungs."""
        return {
            "seen": list(self._gate.seen),
            "trials": self._trials,
            "rungs": self._rungs.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the rungs of a state."""
        self._gate.restore(state["seen"])
        self._trials = state["trials"]
        self._rungs.restore(state["rungs"])
