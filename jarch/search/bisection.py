"""Halvings of ordered domains: what a tree branches by in place of single values.

A span is a part of a domain: the values from one index to another, that excluded. Real numbers are
cut into 1,024 equal parts, of which the span holds some.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np

from jarch.ir import Constant, Domain, FloatDomain, IntegerDomain, PermutationDomain

from .units import from_unit, to_unit

Span: TypeAlias = "tuple[int, int]"
"""Where a part of a domain begins, and where the next one does."""

PARTS = 1024  # of a range of real numbers; the smallest are not halved


def whole(domain: Domain) -> Span | None:
    """Return the span of all values; None where there is nothing to halve.

    That is where there is no order: permutations, values that are not numbers ascending or
    descending, and 0, 1, …, k - 1 of a discrete domain, which are positions of something else as
    `OneOfK` has them. `Integer` always has an order. Nor is it worth it for one or two values.

    Example:
        >>> from jarch.ir import DiscreteDomain
        >>> whole(DiscreteDomain((8, 16, 32))), whole(DiscreteDomain(("relu", "gelu", "tanh")))
        ((0, 3), None)
    """
    if isinstance(domain, FloatDomain):
        return (0, PARTS) if domain.low < domain.high else None
    size = domain.size
    if size is None or size < 3 or isinstance(domain, PermutationDomain):
        return None
    return (0, size) if isinstance(domain, IntegerDomain) or _ascends(domain) else None


def halves(domain: Domain, span: Span) -> tuple[Span, Span]:
    """Return both halves of a span of two or more; where they differ, the first is the larger one.

    Integers with `log` are cut so that the halves are equal in the logarithm.
    """
    low, high = span
    middle = (low + high + 1) // 2
    if isinstance(domain, IntegerDomain) and domain.log:
        begin, end = domain.low + low - 0.5, domain.low + high - 0.5
        edge = math.exp((math.log(begin) + math.log(end)) / 2)
        middle = min(max(round(edge - domain.low + 0.5), low + 1), high - 1)
    return (low, middle), (middle, high)


def single(domain: Domain, span: Span) -> bool:
    """Say whether a span holds one value; no span of real numbers does."""
    return span[1] - span[0] == 1 and not isinstance(domain, FloatDomain)


def draw_within(domain: Domain, span: Span, rng: np.random.Generator) -> Constant:
    """Draw a value of a span, as `domain.sample` draws one of the domain.

    Example:
        >>> import numpy as np
        >>> from jarch.ir import DiscreteDomain
        >>> rng = np.random.default_rng(0)
        >>> sorted({draw_within(DiscreteDomain((8, 16, 32, 64)), (1, 3), rng) for _ in range(20)})
        [16, 32]
    """
    low, high = span
    if isinstance(domain, FloatDomain):
        return from_unit(domain, (low + rng.random() * (high - low)) / PARTS)
    if isinstance(domain, IntegerDomain):
        part = IntegerDomain(domain.low + low, domain.low + high - 1, domain.log)
        return part.sample(rng)
    return domain[int(rng.integers(low, high))]


def place(domain: Domain, value: Constant) -> int:
    """Return the index of a value, or of the part of a range of real numbers that it is in."""
    if isinstance(domain, FloatDomain):
        return min(int(to_unit(domain, value) * PARTS), PARTS - 1)
    return domain.index(value)


def _ascends(domain: Domain) -> bool:
    """Say whether all values are numbers that ascend or descend, and not just positions."""
    values = list(domain)
    if any(isinstance(value, bool) or not isinstance(value, (int, float)) for value in values):
        return False
    ordered = sorted(values)  # type: ignore[type-var]
    return values in (ordered, ordered[::-1]) and values != list(range(len(values)))
