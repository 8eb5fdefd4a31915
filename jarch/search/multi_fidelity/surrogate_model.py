"""A surrogate in the place of BOHB's densities: which architecture it thinks is worth most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jarch.ir import Architecture, Space
from jarch.search.gate import Gate
from jarch.search.model_based.acquisitions import AcquisitionName, acquire
from jarch.search.model_based.candidates import mutation_pool, random_pool
from jarch.search.model_based.observations import Observations
from jarch.search.objective import Objective
from jarch.search.searcher import Suggestion
from jarch.surrogates import Directed, Fitted, Surrogate


@dataclass(slots=True)
class SurrogateModel:
    """Results by fidelity, and what a surrogate makes of those at one of them.

    Candidates are mutations of the best results there; architectures at random where none of those
    is new. The surrogate is fitted again once there are new results, with a seed that follows from
    their number, so that results are all of its state.

    Attributes:
        space: What architectures are drawn from.
        objective: What is predicted.
        surrogate: Predicts it.
        acquisition: How candidates are compared.
        exploration: How many standard deviations the confidence bound adds.
        top: The part of the results that is mutated.
        candidates: Among how many it chooses.
    """

    space: Space
    objective: Objective
    surrogate: Surrogate
    acquisition: AcquisitionName
    exploration: float
    top: float
    candidates: int
    _seen: dict[int, Observations] = field(
        init=False, default_factory=dict[int, Observations], repr=False
    )
    _fitted: tuple[tuple[int, int], Fitted] | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        """Tell the surrogate which way is better."""
        if isinstance(self.surrogate, Directed):
            self.surrogate = self.surrogate.directed(self.objective.maximize)

    def note(self, suggestion: Suggestion, score: float | None) -> None:
        """Take note of a result."""
        assert suggestion.fidelity is not None
        self._at(suggestion.fidelity).take(suggestion, score)

    def restore(self, records: Sequence[Sequence[Any]]) -> None:
        """Take results in the order in which they came: fidelity, values and score of each."""
        self._seen, self._fitted = {}, None
        for fidelity in dict.fromkeys(record[0] for record in records):
            told = [[values, score] for at, values, score in records if at == fidelity]
            self._at(fidelity).restore({"told": told, "out": []})

    def propose(self, gate: Gate, fidelity: int, rng: np.random.Generator) -> Architecture | None:
        """Return what is worth most by the results at a fidelity; None where nothing is new."""
        seen = self._at(fidelity)
        if seen.succeeded < 2:
            return None
        fitted = self._fit(fidelity)
        parents = seen.best(max(1, int(self.top * len(seen.told))))
        each = -(-self.candidates // len(parents))
        pool = mutation_pool(gate, parents, rng, self.candidates, attempts=each)
        candidates = list((pool or random_pool(gate, rng, self.candidates)).values())
        if not candidates:
            return None
        values = acquire(
            self.acquisition,
            fitted,
            candidates,
            seen.best_score(),
            rng,
            maximize=self.objective.maximize,
            exploration=self.exploration,
        )
        return candidates[int(np.argmax(values))]

    def _at(self, fidelity: int) -> Observations:
        return self._seen.setdefault(fidelity, Observations(self.space, self.objective))

    def _fit(self, fidelity: int) -> Fitted:
        count = len(self._seen[fidelity].told)
        if self._fitted is None or self._fitted[0] != (fidelity, count):
            architectures, scores = self._seen[fidelity].data(count)
            rng = np.random.default_rng([fidelity, count])
            fitted = self.surrogate.fit(architectures, scores, rng)
            self._fitted = (fidelity, count), fitted
        return self._fitted[1]
