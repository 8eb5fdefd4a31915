"""Asynchronous successive halving: promote whenever something is good enough, else begin anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from jarch.search.objective import Objective
from jarch.search.searcher import Metrics

from .candidates import Candidate, only, ranked
from .promotion import PromotionConfig, PromotionSearcher


@dataclass(frozen=True, slots=True)
class AshaConfig(PromotionConfig):
    """The rungs; eta is that of the experiments of Li et al. 2020.

    Attributes:
        maximum: The fidelity of the highest rung, such as the epochs of a training in full.
        minimum: No rung is below this fidelity.
        eta: A rung has one in so many of the candidates of the rung below, at so many times the
            fidelity.
        repeats: Suggest equal models more than once.

    Raises:
        SearchError: A number is out of range.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> config = ja.AshaConfig(maximum=100, minimum=10, eta=3)  # rungs at 11, 33 and 100
        >>> searcher = ja.AshaSearcher(ja.trace(ja.spaces.digits_dense), config)
        >>> searcher.ask(np.random.default_rng(0)).fidelity
        11
    """


@dataclass(slots=True)
class AshaSearcher(PromotionSearcher[AshaConfig]):
    """Evaluates random candidates briefly, and lets the best of each rung go on, without waiting.

    See `PromotionSearcher` for how they go on.

    Attributes:
        space: Where to search.
        config: The rungs.
        objective: What candidates are compared by, within a rung.
        constraint: Returns False, or raises `InvalidArchitecture`, for those not to suggest.

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

    config: AshaConfig = field(default_factory=AshaConfig)
    objective: Objective = field(default_factory=Objective, kw_only=True)

    def options(self) -> Mapping[str, Any]:
        """Return the configuration and the objective."""
        return {"name": "asha", **self.objective.options(), **asdict(self.config)}

    def _scores(self, metrics: Metrics | None) -> tuple[float, ...] | None:
        return only(self.objective.of(metrics))

    def _rank(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        return ranked(candidates, self.objective)
