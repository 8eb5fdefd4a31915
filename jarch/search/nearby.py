"""The values of a domain that are near one of them: where a local search goes next."""

from __future__ import annotations

from itertools import combinations
from typing import TypeAlias, cast

import numpy as np

from jarch.ir import Constant, Domain, FloatDomain, IntegerDomain, PermutationDomain

from .bisection import whole
from .units import from_unit, to_unit

Pair: TypeAlias = tuple[int, int]

HALVINGS = (1, 5)
"""A step in a range goes between 1 / 2 and 1 / 2 ** 5 of the way to its end.

There is one step on either side. With two of them climbs over four ranges came less far in a
hundred evaluations, since a move waits for all neighbours.
"""


def near(domain: Domain, now: Constant, rng: np.random.Generator, most: int) -> list[Constant]:
    """Return the neighbours of a value: all others, where the domain holds at most `most`.

    Of larger domains:

    - Of numbers in order (integers, real numbers, numbers ascending or descending) one on either
      side, between half and a thirty-second of the way to the end: the part is drawn, each halving
      with the same probability. With `log` it is a part of the logarithm. Of what is counted, it is
      at least the next.
    - Of permutations those with two items exchanged: neighbouring items first, then any, drawn
      where they are too many.
    - Where there is no order, `most` draws.

    Args:
        domain: Any.
        now: A value of it, which is left out.
        rng: Draws, where something is drawn.
        most: At most so many.

    Example:
        >>> import numpy as np
        >>> from jarch.ir import DiscreteDomain, IntegerDomain
        >>> rng = np.random.default_rng(0)
        >>> near(DiscreteDomain(("relu", "gelu", "tanh")), "relu", rng, 32)
        ['gelu', 'tanh']
        >>> below, above = near(IntegerDomain(1, 1001), 501, rng, 32)
        >>> 251 <= below <= 486, 516 <= above <= 751
        (True, True)
    """
    if domain.size is not None and domain.size <= most:
        return [value for value in domain if value != now]
    if isinstance(domain, PermutationDomain):
        return _exchanged(cast("tuple[int, ...]", now), rng, most)
    if whole(domain) is None:
        drawn = dict.fromkeys(domain.sample(rng) for _ in range(most))
        return [value for value in drawn if value != now]
    found = [_step(domain, now, side, 0.5 ** rng.uniform(*HALVINGS)) for side in (-1, 1)]
    others = [value for value in found if value != now]
    return others if len(others) <= most else [others[int(rng.integers(len(others)))]]


def _step(domain: Domain, now: Constant, side: int, part: float) -> Constant:
    """Return the value in a part of the way to the end on a side; the end itself at the end."""
    if isinstance(domain, FloatDomain) or (isinstance(domain, IntegerDomain) and domain.log):
        unit = to_unit(domain, now)
        found = from_unit(domain, unit + side * part * (unit if side < 0 else 1 - unit))
        if isinstance(domain, FloatDomain) or found != now:
            return found
    place, last = domain.index(now), cast(int, domain.size) - 1
    steps = max(1, int(part * (place if side < 0 else last - place)))
    return domain[min(max(place + side * steps, 0), last)]


def _exchanged(order: tuple[int, ...], rng: np.random.Generator, most: int) -> list[Constant]:
    """Return orders with two items exchanged, neighbouring items first, at most so many."""
    n = len(order)
    beside = [(i, i + 1) for i in range(n - 1)]
    apart = [(i, j) for i, j in combinations(range(n), 2) if j > i + 1]
    found: list[Constant] = []
    for i, j in [*_some(beside, rng, most), *_some(apart, rng, most - len(beside))]:
        items = list(order)
        items[i], items[j] = items[j], items[i]
        found.append(tuple(items))
    return found


def _some(pairs: list[Pair], rng: np.random.Generator, most: int) -> list[Pair]:
    """Return all, in order, or so many of them that are drawn."""
    if len(pairs) <= most:
        return pairs
    return [pairs[i] for i in sorted(rng.permutation(len(pairs))[: max(most, 0)])]
