"""Promotion without waiting: what asynchronous successive halving is, whatever its objectives.

What ASHA and MO-ASHA share.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from jarch.ir import Space
from jarch.search.constraints import Constraint
from jarch.search.gate import Gate
from jarch.search.searcher import Metrics, Suggestion

from .candidates import Candidate
from .ladder import levels
from .rungs import Rungs
from .trials import Trials


@dataclass(frozen=True, slots=True)
class PromotionConfig:
    """The rungs; eta is that of the experiments of Li et al. 2020.

    Attributes:
        maximum: The fidelity of the highest rung, such as the epochs of a training in full.
        minimum: No rung is below this fidelity.
        eta: A rung has one in so many of the candidates of the rung below, at so many times the
            fidelity.
        repeats: Suggest equal models more than once.
    """

    maximum: int = 256
    minimum: int = 1
    eta: int = 4
    repeats: bool = False

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            SearchError: One is out of range.
        """
        levels(self.maximum, self.eta, self.minimum)


C = TypeVar("C", bound=PromotionConfig)


@dataclass(slots=True)
class PromotionSearcher(ABC, Generic[C]):
    """Evaluates random candidates briefly, and lets the best of each rung go on, without waiting.

    Asked for a candidate, it looks from the highest rung down for one that is among the best
    `1 / eta` of all that has come back at its rung and has not gone on yet; if there is none, a new
    one begins at the lowest rung. So results that are late or lost hold up nothing. A failure
    counts in the size of its rung and never goes on.

    Attributes:
        space: Where to search.
        config: The rungs.
        constraint: Returns False, or raises `InvalidArchitecture`, for those not to suggest.
    """

    space: Space
    config: C
    constraint: Constraint | None = field(default=None, kw_only=True)
    _gate: Gate = field(init=False, repr=False)
    _rungs: Rungs = field(init=False, repr=False)
    _trials: Trials = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin with empty rungs."""
        config = self.config
        self._gate = Gate(self.space, self.constraint, config.repeats)
        self._trials = Trials(self._gate)
        fidelities = levels(config.maximum, config.eta, config.minimum)
        self._rungs = Rungs(fidelities, config.eta, self._rank)

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
        return self._trials.begin(self._gate.draw(rng), self._rungs.levels[0])

    def tell(self, suggestion: Suggestion, metrics: Metrics | None) -> None:
        """Take note of a result at its rung; a second one for the same is ignored."""
        if self._trials.knows(suggestion):
            candidate = Candidate.of(self.space, suggestion, self._scores(metrics))
            self._rungs.take(candidate, suggestion.fidelity)

    def ongoing(self) -> Sequence[int]:
        """Return the trials that may go on, those of higher rungs first, the best of each first."""
        return self._rungs.ongoing()

    def state(self) -> Mapping[str, Any]:
        """Return what was suggested, and the rungs."""
        return {
            "seen": list(self._gate.seen),
            "trials": self._trials.state(),
            "rungs": self._rungs.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the rungs of a state."""
        self._gate.restore(state["seen"])
        self._trials.restore(state["trials"])
        self._rungs.restore(state["rungs"])

    @abstractmethod
    def _scores(self, metrics: Metrics | None) -> tuple[float, ...] | None:
        """Return what a result is compared by; None for a failure."""

    @abstractmethod
    def _rank(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return the candidates of a rung that may go on, the best first."""
