"""Timings of spaces and transitions, by pytest-benchmark: `pytest benchmarks -n0`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest

import jarch as ja

from .spaces import chain, dependents, nest
from .transitions import samples

Benchmark: TypeAlias = Any  # the annotations of pytest-benchmark are partial

PUBLISHED = [2, 0, 1, 16, 3, 2, 1, 1, 1, 1, 3, 2, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1]


def test_trace(benchmark: Benchmark) -> None:
    assert benchmark(ja.trace, ja.spaces.mobilenet_blog).next is not None


def test_assign_every_value(benchmark: Benchmark) -> None:
    start = ja.trace(ja.spaces.mobilenet_blog)

    def run() -> ja.Space:
        space = start
        for value in PUBLISHED:
            space = ja.assign(space, value)
        return space

    assert benchmark(run).next is None


def test_replay(benchmark: Benchmark) -> None:
    space = ja.trace(ja.spaces.mobilenet_blog)
    assert benchmark(ja.replay, space, PUBLISHED).values == tuple(PUBLISHED)


def test_sample(benchmark: Benchmark) -> None:
    run = samples(ja.spaces.mobilenet_blog)
    for _ in range(500):
        run()
    assert benchmark(run)


@pytest.mark.parametrize("space_function", [chain, nest, dependents])
@pytest.mark.parametrize("size", [100, 1000])
def test_sample_of_a_growing_space(
    benchmark: Benchmark, space_function: Callable[[int], ja.Fragment], size: int
) -> None:
    rng = np.random.default_rng(0)

    def setup() -> tuple[tuple[ja.Space], dict[str, object]]:
        return (ja.trace(lambda: space_function(size)),), {}

    def run(space: ja.Space) -> ja.Architecture:
        return ja.sample(space, rng)

    assert benchmark.pedantic(run, setup=setup, rounds=10).nodes


def test_count_cold(benchmark: Benchmark) -> None:
    def setup() -> tuple[tuple[ja.Space], dict[str, object]]:
        return (ja.trace(ja.spaces.mobilenet),), {}

    assert benchmark.pedantic(ja.count, setup=setup, rounds=20) == 8640


def test_enumerate(benchmark: Benchmark) -> None:
    space = ja.trace(ja.spaces.digits_dense)
    found = benchmark(lambda: sum(1 for _ in ja.enumerate_architectures(space)))
    assert found == ja.count(space)
