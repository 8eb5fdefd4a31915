"""Points spread evenly over the simplex of weights, as directions to cover."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np

from .objectives import FloatArray

_DIVISIONS = {1: 1, 2: 39, 3: 12, 5: 6}  # of an axis, by objectives
_MOST = 100  # points for other numbers of objectives
_LAYERED = 8  # objectives from which on one layer of few divisions has no point within


def das_dennis(objectives: int, divisions: int) -> FloatArray:
    """Return all points with coordinates that are multiples of 1/divisions and sum to one.

    Args:
        objectives: m.
        divisions: Of each axis.

    Returns:
        (n, m), in lexical order.

    Reference:
        Das and Dennis 1998, "Normal-boundary intersection".

    Example:
        >>> das_dennis(2, 2).tolist()
        [[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]
    """
    places = range(divisions + objectives - 1)
    points: list[list[int]] = []
    for bars in combinations(places, objectives - 1):  # each gap between two bars is a coordinate
        edges = (-1, *bars, divisions + objectives - 1)
        points.append([edges[i + 1] - edges[i] - 1 for i in range(objectives)])
    return np.array(points, np.float64) / divisions


def reference_points(objectives: int, divisions: int | None = None) -> FloatArray:
    """Return the reference points of NSGA-III.

    Args:
        objectives: m.
        divisions: Of each axis. None is as in the paper: 12 for three objectives, 6 for five, and
            from eight on two layers, of 3 and 2 divisions, or 2 and 1 above ten. For numbers of
            objectives that the paper does not have: 39 for two, which are 40 points, the population
            of `Nsga2Config`; else as many as give at most 100 points.

    Returns:
        (n, m).

    Example:
        >>> [reference_points(m).shape for m in (2, 3, 8)]
        [(40, 2), (91, 3), (156, 8)]
    """
    if divisions is not None:
        return das_dennis(objectives, divisions)
    if objectives >= _LAYERED:
        outer, inner = (3, 2) if objectives <= 10 else (2, 1)
        halved = das_dennis(objectives, inner) / 2 + 1 / (2 * objectives)
        return np.vstack([das_dennis(objectives, outer), halved])
    chosen = _DIVISIONS.get(objectives, 1)
    while objectives not in _DIVISIONS and comb(chosen + objectives, objectives - 1) <= _MOST:
        chosen += 1
    return das_dennis(objectives, chosen)
