"""Hypervolume: how much of the space of scores a set dominates, as one number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from jarch.search.objective import Objective

from .objectives import FloatArray, as_losses
from .pareto import non_dominated_losses


def hypervolume(
    scores: ArrayLike, reference: Sequence[float], objectives: Sequence[Objective]
) -> float:
    """Return the volume of what some item dominates and the reference point does not.

    Exact in any number of objectives; in two it takes a sort. It is in the units of the scores,
    multiplied with each other.

    Args:
        scores: (n, m), a row for each item and a column for each objective.
        reference: m scores that are the worst of interest; an item counts where it is better in
            every objective.
        objectives: m of them.

    Reference:
        While, Bradstreet and Barone 2012, "A fast way of calculating exact hypervolumes".

    Example:
        >>> from jarch.search import Objective
        >>> objectives = Objective("accuracy"), Objective("size", maximize=False)
        >>> hypervolume([[3, 1], [2, 0.5]], reference=(0, 2), objectives=objectives)
        4.0
    """
    losses, limit = as_losses(scores, objectives), as_losses(reference, objectives)[0]
    return dominated_volume(losses, limit)


def hypervolume_curve(
    scores: ArrayLike, reference: Sequence[float], objectives: Sequence[Objective]
) -> FloatArray:
    """Return the hypervolume after each item.

    Args:
        scores: (n, m), in the order of the search; a row with a NaN is a failure and adds nothing.
        reference: m scores that are the worst of interest.
        objectives: m of them.

    Returns:
        (n,) volumes, never falling.

    Example:
        >>> from jarch.search import Objective
        >>> objectives = Objective("accuracy"), Objective("size", maximize=False)
        >>> scores = [[2, 0.5], [np.nan, 1], [3, 1], [1, 1]]
        >>> hypervolume_curve(scores, reference=(0, 2), objectives=objectives).tolist()
        [3.0, 3.0, 4.0, 4.0]
    """
    losses, limit = as_losses(scores, objectives), as_losses(reference, objectives)[0]
    front = losses[:0]
    volumes = np.zeros(len(losses))
    total = 0.0
    for i, point in enumerate(losses):
        if np.all(point < limit) and not np.any(np.all(front <= point, 1)):
            total += _exclusive(point, front, limit)
            front = np.vstack([front[np.any(front < point, 1)], point])
        volumes[i] = total
    return volumes


def dominated_volume(losses: FloatArray, limit: FloatArray) -> float:
    """Return the hypervolume where less of each column is better.

    Args:
        losses: (n, m).
        limit: (m,), the reference point.
    """
    inside = losses[np.all(losses < limit, 1)]
    return _volume(inside[non_dominated_losses(inside)], limit)


def _volume(front: FloatArray, limit: FloatArray) -> float:
    """Return the hypervolume of points none of which dominates another."""
    if len(front) == 0:
        return 0.0
    if front.shape[1] == 1:
        return float(limit[0] - front[:, 0].min())
    if front.shape[1] == 2:
        front = front[np.lexsort(front.T[::-1])]
        above = np.append(limit[1], np.minimum.accumulate(front[:-1, 1]))
        return float(np.sum((limit[0] - front[:, 0]) * np.maximum(above - front[:, 1], 0.0)))
    front = front[np.argsort(-front[:, -1], kind="stable")]
    return sum(_exclusive(point, front[i + 1 :], limit) for i, point in enumerate(front))


def _exclusive(point: FloatArray, others: FloatArray, limit: FloatArray) -> float:
    """Return the volume that only the point dominates: its box, less what others have of that."""
    shared = np.maximum(others, point)
    alone = float(np.prod(limit - point))
    return alone - _volume(shared[non_dominated_losses(shared)], limit)
