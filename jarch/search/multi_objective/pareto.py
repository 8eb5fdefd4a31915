"""Pareto dominance: who is beaten by nobody, ranks by fronts, and how crowded a front is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jarch.search.objective import Objective

from .objectives import FloatArray, as_losses


def dominates(
    first: Sequence[float], second: Sequence[float], objectives: Sequence[Objective]
) -> bool:
    """Say whether the first is at least as good in every objective, and better in one.

    Example:
        >>> from jarch.search import Objective
        >>> accuracy, size = Objective("accuracy"), Objective("size", maximize=False)
        >>> dominates((0.9, 10), (0.8, 10), (accuracy, size))
        True
    """
    no_worse = not any(o.better(b, a) for a, b, o in zip(first, second, objectives, strict=True))
    return no_worse and tuple(first) != tuple(second)


def non_dominated(scores: ArrayLike, objectives: Sequence[Objective]) -> NDArray[np.bool_]:
    """Return which items nothing dominates, equal ones among them.

    Args:
        scores: (n, m), a row for each item and a column for each objective.
        objectives: m of them.

    Returns:
        (n,) booleans.

    Example:
        >>> from jarch.search import Objective
        >>> objectives = Objective("accuracy"), Objective("size", maximize=False)
        >>> non_dominated([[0.9, 10], [0.8, 5], [0.8, 20]], objectives).tolist()
        [True, True, False]
    """
    return non_dominated_losses(as_losses(scores, objectives))


def non_dominated_losses(losses: FloatArray) -> NDArray[np.bool_]:
    """Return which rows nothing dominates where less of each column is better.

    Rows are taken in lexical order, in which none can be dominated by a later one.
    """
    kept = np.empty_like(losses)
    count = 0
    mask = np.zeros(len(losses), np.bool_)
    for i in np.lexsort(losses.T[::-1]):
        front = kept[:count]
        if not np.any(np.all(front <= losses[i], 1) & np.any(front < losses[i], 1)):
            kept[count], mask[i] = losses[i], True
            count += 1
    return mask


def front_ranks(scores: ArrayLike, objectives: Sequence[Objective]) -> NDArray[np.int64]:
    """Return the front of each item: 0 if nothing dominates it, 1 if only items of 0 do, ….

    Args:
        scores: (n, m), a row for each item and a column for each objective.
        objectives: m of them.

    Returns:
        (n,) ranks.

    Reference:
        Deb, Pratap, Agarwal and Meyarivan 2002, "A fast and elitist multiobjective genetic
        algorithm: NSGA-II", section III-A.

    Example:
        >>> from jarch.search import Objective
        >>> objectives = Objective("accuracy"), Objective("size", maximize=False)
        >>> front_ranks([[0.9, 10], [0.8, 5], [0.8, 20], [0.7, 30]], objectives).tolist()
        [0, 0, 1, 2]
    """
    losses = as_losses(scores, objectives)
    no_worse = np.ones((len(losses), len(losses)), np.bool_)
    for column in losses.T:
        no_worse &= column[:, None] <= column
    beats = no_worse & ~no_worse.T  # it is better in one where the other is not as good in all
    beaten_by = beats.sum(0)
    ranks = np.full(len(losses), -1, np.int64)
    rank = 0
    while np.any(ranks < 0):
        front = (beaten_by == 0) & (ranks < 0)
        ranks[front] = rank
        beaten_by = beaten_by - beats[front].sum(0)
        rank += 1
    return ranks


def crowding_distances(scores: ArrayLike) -> FloatArray:
    """Return how far apart the neighbours of each item of one front are, summed over objectives.

    Each objective counts as a part of its range over the front. Those with the least and with the
    most of an objective are infinitely far from others, so that a front keeps its ends.

    Args:
        scores: (n, m), a row for each item and a column for each objective, in either direction.

    Returns:
        (n,) distances.

    Reference:
        Deb et al. 2002, section III-B.

    Example:
        >>> crowding_distances([[0.9, 10], [0.8, 6], [0.7, 4], [0.5, 0]]).round(2).tolist()
        [inf, 1.1, 1.35, inf]
    """
    scores = np.asarray(scores, np.float64)
    distances = np.zeros(len(scores))
    for column in scores.T:
        order = np.argsort(column, kind="stable")
        spread = column[order[-1]] - column[order[0]] if len(order) else 0.0
        if spread > 0:
            distances[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / spread
        distances[order[[0, -1]] if len(order) else order] = np.inf
    return distances
