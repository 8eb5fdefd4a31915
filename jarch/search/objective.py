"""What a search is after: a metric, and which direction of it is better."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from .searcher import Metrics

T = TypeVar("T")

LARGEST = 1e150  # size of a score; its square is still a float


@dataclass(frozen=True, slots=True)
class Objective:
    """A metric by name, with its direction; scores keep their sign, whichever it is.

    Attributes:
        name: Of the metric.
        maximize: Whether more of it is better.

    Example:
        >>> loss = Objective("loss", maximize=False)
        >>> loss.better(0.1, 0.2), loss.best([0.3, 0.1, 0.2], lambda score: score)
        (True, 0.1)
    """

    name: str = "accuracy"
    maximize: bool = True

    def options(self) -> dict[str, Any]:
        """Return name and direction as `Searcher.options` has them."""
        return {"objective": self.name, "maximize": self.maximize}

    def of(self, metrics: Metrics | None) -> float | None:
        """Return the score in the metrics; None for a failure.

        That is also what is not finite, or beyond 1e150 in size: nothing can be computed of such
        scores, whose squares and differences overflow.

        Example:
            >>> [Objective("loss").of({"loss": loss}) for loss in (0.5, 1e200, float("nan"))]
            [0.5, None, None]
        """
        found = None if metrics is None else metrics.get(self.name)
        score = math.nan if found is None else float(found)
        return score if abs(score) <= LARGEST else None

    def better(self, first: float, second: float) -> bool:
        """Say whether the first score is strictly better than the second."""
        return first > second if self.maximize else first < second

    def best(self, items: Sequence[T], score: Callable[[T], float]) -> T:
        """Return the item with the best score, the first of equals."""
        return (max if self.maximize else min)(items, key=score)

    def worst(self, items: Sequence[T], score: Callable[[T], float]) -> T:
        """Return the item with the worst score, the first of equals."""
        return (min if self.maximize else max)(items, key=score)
