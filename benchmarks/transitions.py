"""Figures of spaces and transitions: pure Python, no JAX."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import jarch as ja

from . import peers
from .measure import Make, Pair, Timing, time_alone, time_in_turn, warm
from .spaces import chain, dependents, nest


def time_sample() -> Timing:
    """Time one random architecture of the published space, warm."""
    run = samples(ja.spaces.mobilenet_blog)
    for _ in range(500):
        run()
    return time_alone(warm(run), rounds=15, times=200)


def compare_sample(peer: Callable[[int], Callable[[], object]], draws: int) -> Pair:
    """Time random architectures against as many drawn by a peer.

    Args:
        peer: Makes a run of a number of draws.
        draws: How many draws of the peer make up one timing.

    Raises:
        ImportError: The peer is not installed.
    """
    run, other = samples(ja.spaces.mobilenet_blog), peer(draws)
    for _ in range(500):
        run()
    other()
    pair = time_in_turn(warm(run), warm(other), rounds=11, times=(200, 1))
    first, second, ratio = pair
    return Pair(first, Timing(second.median / draws, second.best / draws), ratio * draws)


def compare_with_optuna() -> Pair:
    """Time random architectures against Optuna drawing the same decisions."""
    return compare_sample(peers.optuna_draws, 100)


def compare_with_pyglove() -> Pair:
    """Time random architectures against PyGlove drawing those decisions that have a choice."""
    return compare_sample(peers.pyglove_draws, 50)


def compare_chains() -> Pair:
    """Time a sample of 1,000 optional blocks in series against one of 100."""
    return _compare_growth(chain)


def compare_nests() -> Pair:
    """Time a sample of substitutions nested 1,000 deep against 100 deep."""
    return _compare_growth(nest)


def compare_dependents() -> Pair:
    """Time a sample of a chain of 1,000 dependents against one of 100."""
    return _compare_growth(dependents)


def time_count() -> Timing:
    """Time the count of the MobileNet space, cold: each time of a space traced anew."""

    def make() -> Callable[[], object]:
        space = ja.trace(ja.spaces.mobilenet)
        return lambda: ja.count(space)

    return time_alone(make, rounds=41)


def samples(
    space_function: Callable[..., ja.Fragment], **arguments: object
) -> Callable[[], object]:
    """Return a run that draws one architecture of a space that is traced now."""
    space = ja.trace(space_function, **arguments)
    rng = np.random.default_rng(0)
    return lambda: ja.sample(space, rng)


def _compare_growth(space_function: Callable[[int], ja.Fragment]) -> Pair:
    """Time one full sample at 1,000 against 100, each of a space that was never expanded before."""

    def make(size: int) -> Make:
        def run_of(spaces: int) -> Callable[[], object]:
            traced = [ja.trace(lambda: space_function(size)) for _ in range(spaces)]
            upcoming = iter(traced)  # the list holds them, so that no timing pays for freeing one
            rng = np.random.default_rng(0)
            return lambda: ja.sample(next(upcoming), rng)

        return lambda: run_of(10 if size == 100 else 1)

    make(1000)()()  # the code's own first time
    return time_in_turn(make(1000), make(100), rounds=15, times=(1, 10))
