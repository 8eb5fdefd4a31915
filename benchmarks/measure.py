"""Timing: medians of interleaved runs, because machines drift but neighbours drift together."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from statistics import median
from time import perf_counter
from typing import NamedTuple, TypeAlias

Run: TypeAlias = Callable[[], object]
Make: TypeAlias = Callable[[], Run]
"""Prepares a run, untimed: traces a space anew, empties caches, builds new functions."""


class Timing(NamedTuple):
    """Of several runs of one thing, in seconds."""

    median: float
    best: float


class Pair(NamedTuple):
    """Two things timed in turn; `ratio` is the median of A/B, round by round."""

    first: Timing
    second: Timing
    ratio: float


@contextmanager
def young_garbage_only() -> Generator[None]:
    """Leave the garbage collector on, but spare it what was loaded before.

    Collections that a run causes are part of its cost. That they walk over the million objects
    of the libraries loaded for other figures is not, nor is the garbage of earlier runs.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def seconds(run: Run, times: int = 1) -> float:
    """Return how long one run takes, as the mean over some that follow one another."""
    start = perf_counter()
    for _ in range(times):
        run()
    return (perf_counter() - start) / times


def _prepared(make: Make, times: int) -> float:
    """Prepare a run, collect the garbage of earlier ones, and time it."""
    run = make()
    gc.collect()
    return seconds(run, times)


def time_alone(make: Make, rounds: int, times: int = 1) -> Timing:
    """Time runs, each round prepared anew."""
    with young_garbage_only():
        return _timing([_prepared(make, times) for _ in range(rounds)])


def time_in_turn(first: Make, second: Make, rounds: int, times: tuple[int, int] = (1, 1)) -> Pair:
    """Time two things in turn, A B, B A, A B, …, each prepared anew in each round.

    Args:
        first: Prepares A.
        second: Prepares B.
        rounds: How often both are run.
        times: How many runs of A and of B make up one timing.
    """
    pairs: list[tuple[float, float]] = []
    with young_garbage_only():
        for i in range(rounds):
            if i % 2:
                b, a = _prepared(second, times[1]), _prepared(first, times[0])
            else:
                a, b = _prepared(first, times[0]), _prepared(second, times[1])
            pairs.append((a, b))
    first_times, second_times = zip(*pairs, strict=True)
    return Pair(_timing(first_times), _timing(second_times), median(a / b for a, b in pairs))


def warm(run: Run) -> Make:
    """Return a preparation that prepares nothing: the same run each time."""
    return lambda: run


def _timing(found: Sequence[float]) -> Timing:
    return Timing(median(found), min(found))
