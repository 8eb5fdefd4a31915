"""An architecture with what it scored, as searchers that learn keep it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jarch.ir import Architecture, Space, replay


@dataclass(frozen=True, slots=True)
class Scored:
    """An architecture and its score.

    Attributes:
        architecture: Drawn from the space in its order.
        score: Of the objective.
    """

    architecture: Architecture
    score: float

    def to_data(self, space: Space) -> list[Any]:
        """Return the values decided beyond those of the space, and the score, for JSON."""
        return [list(self.architecture.values[len(space.decisions) :]), self.score]

    @staticmethod
    def from_data(space: Space, data: Sequence[Any]) -> Scored:
        """Return what `to_data` described."""
        values, score = data
        return Scored(replay(space, values), score)
