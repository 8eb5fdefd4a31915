"""The values of a domain as numbers from 0 to 1: what quasi-random points and halvings work on."""

from __future__ import annotations

import math
from typing import cast

from jarch.ir import Constant, Domain, FloatDomain, IntegerDomain


def from_unit(domain: Domain, unit: float) -> Constant:
    """Return the value at a part of the way through a domain.

    A finite domain is cut into equal parts, one for each value in its order, integers with `log`
    into parts of their logarithm. So a uniform number gives what `domain.sample` gives.

    Args:
        domain: Any.
        unit: From 0 to 1.

    Example:
        >>> from jarch.ir import DiscreteDomain, FloatDomain
        >>> from_unit(FloatDomain(-1.0, 3.0), 0.75)
        2.0
        >>> [from_unit(DiscreteDomain(("a", "b")), unit) for unit in (0.0, 0.49, 0.5, 1.0)]
        ['a', 'a', 'b', 'b']
    """
    if isinstance(domain, FloatDomain):
        low, high = _edges(domain)
        found = low + unit * (high - low)
        found = math.exp(found) if domain.log else found
        return min(max(found, domain.low), domain.high)
    if isinstance(domain, IntegerDomain) and domain.log:
        low, high = _edges(domain)
        rounded = round(math.exp(low + unit * (high - low)))
        return min(max(rounded, domain.low), domain.high)
    size = cast(int, domain.size)
    return domain[min(int(unit * size), size - 1)]


def to_unit(domain: FloatDomain | IntegerDomain, value: Constant) -> float:
    """Return how far through a range a number is, from 0 to 1: what `from_unit` makes it of.

    An integer is in the middle of its part.

    Example:
        >>> from jarch.ir import FloatDomain
        >>> to_unit(FloatDomain(1.0, 100.0, log=True), 10.0)
        0.5
    """
    number = cast(float, value)
    low, high = _edges(domain)
    return ((math.log(number) if domain.log else number) - low) / (high - low)


def _edges(domain: FloatDomain | IntegerDomain) -> tuple[float, float]:
    """Return where the range begins and ends, in logarithms with `log`."""
    half = 0.5 if isinstance(domain, IntegerDomain) else 0.0
    low, high = domain.low - half, domain.high + half
    return (math.log(low), math.log(high)) if domain.log else (low, high)
