"""The fidelities at which candidates are evaluated, and how many of them at each."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TypeAlias

from jarch.search.searcher import SearchError

Rung: TypeAlias = tuple[int, int]
"""How many candidates are evaluated, and at which fidelity."""


def levels(maximum: int, eta: int, minimum: int = 1) -> tuple[int, ...]:
    """Return the fidelities of all rungs, the lowest first: the maximum divided by powers of eta.

    Counted from the top, so that the last is the maximum; rounded to whole numbers.

    Raises:
        SearchError: A number is out of range.

    Example:
        >>> levels(81, 3), levels(8, 3)
        ((1, 3, 9, 27, 81), (3, 8))
    """
    for name, value, least in (("minimum", minimum, 1), ("maximum", maximum, minimum)):
        if value < least:
            raise SearchError(f"{name} is {value}; use at least {least}")
    if eta < 2:
        raise SearchError(f"eta is {eta}; use at least 2")
    most = 0
    while minimum * eta ** (most + 1) <= maximum:
        most += 1
    found = tuple(math.floor(maximum / eta**k + 0.5) for k in range(most, -1, -1))
    assert all(low < high for low, high in pairwise(found))
    return found


def brackets(maximum: int, eta: int, minimum: int = 1) -> tuple[tuple[Rung, ...], ...]:
    """Return the rungs of each of Hyperband's brackets, the one with the most candidates first.

    With s from the most that fits down to 0, a bracket begins with n = ceil((s_max + 1) eta^s /
    (s + 1)) candidates at maximum / eta^s, and floor(n / eta^i) of them come to rung i.

    Reference:
        Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar 2018, "Hyperband: a novel bandit-based
        approach to hyperparameter optimization", JMLR; algorithm 1.

    Example:
        >>> brackets(9, 3)
        (((9, 1), (3, 3), (1, 9)), ((5, 3), (1, 9)), ((3, 9),))
    """
    fidelities = levels(maximum, eta, minimum)
    most = len(fidelities) - 1
    found: list[tuple[Rung, ...]] = []
    for s in range(most, -1, -1):
        number = -(-(most + 1) * eta**s // (s + 1))
        sizes = [number // eta**i for i in range(s + 1)]
        found.append(tuple(zip(sizes, fidelities[most - s :], strict=True)))
    return tuple(found)
