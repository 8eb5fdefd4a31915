"""Tukey's outer fence: scores beyond it, of what diverged, must not hide all others.

A training that diverges may end with a finite loss of a million. Searchers that compare scores by
their range, or fit a model to them, would then see no difference between all others.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

_WIDTH = 3.0  # of the outer fence, in interquartile ranges


def outer_fence(ascending: Sequence[float]) -> float:
    """Return the upper outer fence: the third quartile and three times the interquartile range.

    Quartiles are interpolated linearly. Infinite where there is no number, or where the
    interquartile range is 0 or too large for a float.

    Args:
        ascending: n numbers in ascending order, less of which is better.

    Reference:
        Tukey 1977, "Exploratory data analysis", section 2C.

    Example:
        >>> outer_fence([0.0, 1.0, 2.0, 3.0, 1e6])
        9.0
    """
    if not len(ascending):
        return math.inf
    first, third = _quantile(ascending, 0.25), _quantile(ascending, 0.75)
    spread = third - first
    return third + _WIDTH * spread if spread > 0 else math.inf


def fenced(scores: ArrayLike, maximize: bool) -> NDArray[np.float64]:
    """Return scores, those beyond the outer fence on the bad side as bad as the worst within it.

    The good side stays as it is, and so does all where the interquartile range is 0.

    Args:
        scores: (n,).
        maximize: Whether more is better.

    Returns:
        (n,).

    Example:
        >>> fenced([0.3, 0.1, 1e6, 0.2, 0.4], maximize=False).tolist()
        [0.3, 0.1, 0.4, 0.2, 0.4]
        >>> fenced([0.3, 0.1, 1e6, 0.2, 0.4], maximize=True).tolist()
        [0.3, 0.1, 1000000.0, 0.2, 0.4]
    """
    sign = -1.0 if maximize else 1.0
    losses = sign * np.asarray(scores, np.float64)
    kept: NDArray[np.float64] = sign * np.minimum(losses, _limit(np.sort(losses).tolist()))
    return kept


@dataclass(slots=True)
class FencedScores:
    """Scores that come in one by one, and the range in which they count.

    Adding one takes a search in a sorted list, all else a few look-ups.

    Attributes:
        maximize: Whether more is better.
        limited: Whether there is a fence; else all scores count as they are.

    Example:
        >>> known = FencedScores(maximize=False)
        >>> for loss in (0.0, 1.0, 2.0, 3.0, 1e6):
        ...     known.add(loss)
        >>> known.best, known.worst, known.clip(1e6), known.clip(-1e6)
        (0.0, 3.0, 3.0, -1000000.0)
    """

    maximize: bool
    limited: bool = True
    _losses: list[float] = field(default_factory=list[float], repr=False)  # ascending
    _limit: float = field(default=math.inf, repr=False)  # of the losses

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._losses)

    def add(self, score: float) -> None:
        """Take note of a score."""
        insort(self._losses, -score if self.maximize else score)
        self._move()

    def clip(self, score: float) -> float:
        """Return a score, or the worst within the fence where it is worse."""
        loss = min(-score if self.maximize else score, self._limit)
        return -loss if self.maximize else loss

    @property
    def best(self) -> float:
        """The best score; 0 where there is none."""
        return self._score(0)

    @property
    def worst(self) -> float:
        """The worst score within the fence; 0 where there is none."""
        return self.clip(self._score(-1))

    def state(self) -> list[float]:
        """Return the scores, the best first."""
        return [-loss for loss in self._losses] if self.maximize else list(self._losses)

    def restore(self, scores: Iterable[float]) -> None:
        """Know these scores, and no others."""
        self._losses = sorted(-score if self.maximize else score for score in scores)
        self._move()

    def _move(self) -> None:
        """Find out what is within the fence."""
        if self.limited:
            self._limit = _limit(self._losses)

    def _score(self, place: int) -> float:
        if not self._losses:
            return 0.0
        loss = self._losses[place]
        return -loss if self.maximize else loss


def _limit(ascending: Sequence[float]) -> float:
    """Return the greatest number within the fence; infinite where there is no number."""
    within = bisect_right(ascending, outer_fence(ascending))
    return ascending[within - 1] if within else math.inf


def _quantile(ascending: Sequence[float], part: float) -> float:
    """Return the number at a part of the way from the least to the greatest."""
    place = part * (len(ascending) - 1)
    low = int(place)
    high = min(low + 1, len(ascending) - 1)
    rest = place - low
    return (1 - rest) * ascending[low] + rest * ascending[high]
