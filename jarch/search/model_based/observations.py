"""What a searcher with a surrogate was told, and what it still waits for, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jarch.ir import Architecture, Space, replay
from jarch.search.fences import fenced
from jarch.search.objective import Objective
from jarch.search.searcher import Suggestion
from jarch.surrogates import FloatArray


@dataclass(frozen=True, slots=True)
class Pending:
    """A suggestion that has not come back.

    Attributes:
        fingerprint: Of its architecture.
        architecture: What it suggests.
        before: How many results there were when it went out.
    """

    fingerprint: str
    architecture: Architecture
    before: int


@dataclass(slots=True)
class Observations:
    """Architectures with their scores as they came in, and those that are out.

    Attributes:
        space: What they were drawn from.
        objective: Which scores are better.
        told: Architectures and scores, in the order of coming in; the score of a failure is None.
        overdue: What is out is taken for lost when so many others have come in since it went out.
        out: What has been suggested and not come back, in the order of going out.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Discrete([8, 16, 32], name="width")))
        >>> seen = Observations(space, ja.Objective("loss", maximize=False))
        >>> for width, loss in ((8, 0.4), (16, 0.2), (32, None)):
        ...     found = ja.replay(space, [width])
        ...     seen.take(Suggestion(found, ja.fingerprint(found)), loss)
        >>> seen.data(3)[1].tolist(), [best.values for best in seen.best(1)]
        ([0.4, 0.2, 0.4], [(16,)])
    """

    space: Space
    objective: Objective
    overdue: int | None = None
    told: list[tuple[Architecture, float | None]] = field(
        default_factory=list[tuple[Architecture, float | None]]
    )
    out: list[Pending] = field(default_factory=list[Pending])
    _succeeded: int = 0

    @property
    def succeeded(self) -> int:
        """How many came in with a score."""
        return self._succeeded

    def send(self, suggestion: Suggestion) -> None:
        """Take note that something is out."""
        self.out.append(Pending(suggestion.fingerprint, suggestion.architecture, len(self.told)))

    def take(self, suggestion: Suggestion, score: float | None) -> None:
        """Take note of what came in, were it taken for lost or not."""
        for place, pending in enumerate(self.out):
            if pending.fingerprint == suggestion.fingerprint:
                del self.out[place]
                break
        self._add(suggestion.architecture, score)
        if self.overdue is not None:
            oldest = len(self.told) - self.overdue
            self.out = [pending for pending in self.out if pending.before > oldest]

    def data(self, count: int) -> tuple[list[Architecture], FloatArray]:
        """Return the first so many with their scores, in which a failure has the worst.

        A score beyond the outer fence has that (see `fenced`), or one training that diverged would
        be all that a surrogate sees.
        """
        told = self.told[:count]
        known = fenced([s for _, s in told if s is not None], self.objective.maximize)
        scores = np.full(len(told), self.objective.worst(known.tolist(), float))
        scores[[score is not None for _, score in told]] = known
        return [architecture for architecture, _ in told], scores

    def best_score(self) -> float:
        """Return the best score so far."""
        return self.objective.best([s for _, s in self.told if s is not None], float)

    def best(self, number: int) -> list[Architecture]:
        """Return the architectures of the best scores, the best first, the first of equals."""
        scored = [(score, a) for a, score in self.told if score is not None]
        scored.sort(key=lambda pair: pair[0], reverse=self.objective.maximize)
        return [architecture for _, architecture in scored[:number]]

    def state(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {
            "told": [[self.values(architecture), score] for architecture, score in self.told],
            "out": [[p.fingerprint, self.values(p.architecture), p.before] for p in self.out],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what `state` returned."""
        self.told, self._succeeded = [], 0
        for values, score in state["told"]:
            self._add(self.from_values(values), score)
        self.out = [
            Pending(found, self.from_values(values), before)
            for found, values, before in state["out"]
        ]

    def values(self, architecture: Architecture) -> list[Any]:
        """Return the values decided beyond those of the space."""
        return list(architecture.values[len(self.space.decisions) :])

    def from_values(self, values: Sequence[Any]) -> Architecture:
        """Return the architecture with these values."""
        return replay(self.space, values)

    def _add(self, architecture: Architecture, score: float | None) -> None:
        self.told.append((architecture, score))
        self._succeeded += score is not None
