"""The Pareto archive: what nothing seen so far dominates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from .objectives import Objectives, Scores
from .pareto import dominates

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ParetoArchive(Generic[T]):
    """Items with scores, none of which dominates another. A value: adding returns a new one.

    Attributes:
        objectives: What the scores are of.
        entries: Scores and item, in the order of arrival.

    Example:
        >>> from jarch.search import Objective
        >>> archive = ParetoArchive((Objective("accuracy"), Objective("size", maximize=False)))
        >>> for name, scores in {"a": (0.8, 9.0), "b": (0.9, 12.0), "c": (0.9, 9.0)}.items():
        ...     archive = archive.add(name, scores)
        >>> list(archive)
        ['c']
    """

    objectives: Objectives
    entries: tuple[tuple[Scores, T], ...] = ()

    def __len__(self) -> int:
        """Return how many items it holds."""
        return len(self.entries)

    def __iter__(self) -> Iterator[T]:
        """Yield the items, in the order of arrival."""
        return (item for _, item in self.entries)

    def admits(self, scores: Scores) -> bool:
        """Say whether nothing in it dominates these scores, or has the same."""
        return not any(
            known == scores or dominates(known, scores, self.objectives)
            for known, _ in self.entries
        )

    def add(self, item: T, scores: Scores) -> ParetoArchive[T]:
        """Return the archive with an item more, and without those that it dominates.

        The archive itself, where it does not admit the scores.
        """
        if not self.admits(scores):
            return self
        kept = [e for e in self.entries if not dominates(scores, e[0], self.objectives)]
        return replace(self, entries=(*kept, (scores, item)))
