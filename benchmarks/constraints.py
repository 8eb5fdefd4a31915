"""How many candidates a second a bound on parameters and FLOPs accepts or rejects."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from statistics import median
from time import process_time
from typing import NamedTuple

import numpy as np

import jarch as ja
from jarch.search import Constraint

from .measure import young_garbage_only

_SHAPE = (8, 8, 1)
_CANDIDATES = 2_000
_ROUNDS = 9
_WARM = 10_000  # candidates drawn and judged before, as in a search that is under way


class ConstraintRate(NamedTuple):
    """Candidates a second.

    Attributes:
        with_sampling: Each is drawn from the space and judged.
        without_sampling: Each was drawn before, and is judged for the first time.
        of_the_first: As without sampling, of the first candidates of a process, whose layers were
            never met.
        accepted: The part of all that the bounds accept.
    """

    with_sampling: float
    without_sampling: float
    of_the_first: float
    accepted: float


def constraint_rate() -> ConstraintRate:
    """Measure on `jarch.spaces.mobilenet`, with bounds that accept about half of it.

    Every candidate is an object of its own, drawn at random; most of its layers occurred in earlier
    ones. The times are those of the processor, medians over rounds.
    """
    space, rng = ja.trace(ja.spaces.mobilenet), np.random.default_rng(0)
    constraint = ja.within({"in": _SHAPE}, parameters=100_000, flops=2_000_000)

    def draw() -> list[ja.Architecture]:
        return [ja.sample(space, rng) for _ in range(_CANDIDATES)]

    def judge(candidates: Sequence[ja.Architecture]) -> int:
        return sum([_accepts(constraint, candidate) for candidate in candidates])

    def judge_while_drawing() -> None:
        for _ in range(_CANDIDATES):
            _accepts(constraint, ja.sample(space, rng))

    first = draw()
    began = process_time()
    accepted = [judge(first)]
    cold = process_time() - began
    accepted += [judge(draw()) for _ in range(_WARM // _CANDIDATES - 1)]
    together: list[float] = []
    alone: list[float] = []
    with young_garbage_only():
        for _ in range(_ROUNDS):
            candidates = draw()
            gc.collect()
            began = process_time()
            judge(candidates)
            between = process_time()
            judge_while_drawing()
            alone.append(between - began)
            together.append(process_time() - between)
    return ConstraintRate(
        _CANDIDATES / median(together),
        _CANDIDATES / median(alone),
        _CANDIDATES / cold,
        sum(accepted) / _WARM,
    )


def _accepts(constraint: Constraint, architecture: ja.Architecture) -> bool:
    try:
        constraint(architecture)
    except ja.InvalidArchitecture:
        return False
    return True


if __name__ == "__main__":
    print(constraint_rate())
