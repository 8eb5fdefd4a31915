"""Successive halving: after some epochs only the best members go on.

Reference: Jamieson & Talwalkar, "Non-stochastic best arm identification and hyperparameter
    optimization" (2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil
from numbers import Integral, Real
from typing import TypeAlias, TypeGuard, cast

from jarch.lowering.training.config import metrics_of
from jarch.lowering.training.errors import TrainConfigError
from jarch.lowering.training.preparation import Run

from .members import Member

Halving: TypeAlias = tuple[float, int] | Sequence[tuple[int, int]]
"""The part that goes on and after how many epochs each time, or pairs of an epoch and how many."""


def rungs_of(halving: Halving | None, members: int, epochs: int) -> list[tuple[int, int]]:
    """Return after which epochs how many members go on, in order.

    Args:
        halving: A fraction in (0, 1) and a number of epochs; or the pairs themselves.
        members: How many there are at first.
        epochs: The most that any of them is trained.

    Raises:
        TrainConfigError: Numbers are out of range, or do not fall.

    Example:
        >>> rungs_of((0.5, 2), members=12, epochs=9)
        [(2, 6), (4, 3), (6, 2), (8, 1)]
        >>> rungs_of([(1, 6), (3, 2)], members=12, epochs=9)
        [(1, 6), (3, 2)]
    """
    if halving is None:
        return []
    if _is_pair(halving):
        return _by_fraction(halving, members, epochs)
    if not _are_pairs(halving):
        raise _no_halving(halving)
    rungs = [*cast("Sequence[tuple[int, int]]", halving)]
    for (epoch, keep), (later, fewer) in pairwise(rungs):
        if later <= epoch or fewer > keep:
            raise TrainConfigError(f"halving is {rungs}; epochs must rise and members must not")
    if not all(isinstance(number, Integral) and number >= 1 for rung in rungs for number in rung):
        raise TrainConfigError(f"halving is {rungs}; epochs and members are integers, 1 or more")
    return rungs


def check_halving(runs: Sequence[Run]) -> None:
    """Require that members can be compared.

    Raises:
        TrainConfigError: There is no validation split, or they have different first metrics.
    """
    if not len(runs[0].data.x_validation):
        raise TrainConfigError("halving needs a validation split; there is none")
    names = sorted({metrics_of(run.config)[0].name for run in runs})
    if len(names) > 1:
        raise TrainConfigError(
            f"halving compares by the first metric, but configurations have {names}; give all of "
            "them the same"
        )


def drop_worst(members: Sequence[Member], keep: int) -> None:
    """End those that are still training, but for the best; among equals the first are kept."""
    active = [member for member in members if member.active]
    for member in sorted(active, key=lambda member: -member.score)[keep:]:
        member.ended = "dropped"


def _is_pair(given: object) -> TypeGuard[tuple[float, float]]:
    """Say whether this is two numbers."""
    items = cast("Sequence[object]", given) if isinstance(given, Sequence) else ()
    return len(items) == 2 and all(isinstance(item, Real) for item in items)


def _are_pairs(given: object) -> bool:
    """Say whether these are pairs of numbers, one or more."""
    items = cast("Sequence[object]", given) if isinstance(given, Sequence) else ()
    return bool(items) and all(map(_is_pair, items))


def _no_halving(halving: object) -> TrainConfigError:
    return TrainConfigError(
        f"halving is {halving!r}; it must be a fraction between 0 and 1 and a number of epochs, or "
        "pairs of an epoch and how many go on"
    )


def _by_fraction(halving: tuple[float, float], members: int, epochs: int) -> list[tuple[int, int]]:
    fraction, every = halving
    if not 0 < fraction < 1 or not (every >= 1 and every % 1 == 0):
        raise _no_halving(halving)
    rungs: list[tuple[int, int]] = []
    for epoch in range(int(every), epochs, int(every)):
        if members == 1:
            break
        members = min(members - 1, ceil(fraction * members))
        rungs.append((epoch, members))
    return rungs
