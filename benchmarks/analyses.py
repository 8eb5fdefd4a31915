"""Figures of analysis in pure Python, against JAX and XLA."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX and Flax are partial)

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jarch as ja

from .measure import Pair, time_in_turn
from .spaces import transformer

_struct: Callable[..., Any] = jax.ShapeDtypeStruct


def compare_analyses() -> Pair:
    """Time analysis against `jax.eval_shape` of the Flax init, of ever new random MobileNets.

    Each is analysed some times in a row, because a single run of 0.1 ms after one of 100 ms is
    mostly the processor's caches; JAX traces anew each time.
    """
    space, shape = ja.trace(ja.spaces.mobilenet_blog), (224, 224, 3)
    x = _struct((1, *shape), jnp.float32)
    key = jax.eval_shape(lambda: jax.random.key(0))

    def analysis(rng: np.random.Generator) -> Callable[[], object]:
        drawn = ja.sample(space, rng)
        return lambda: ja.analyze(drawn, {"in": shape})

    def shapes(rng: np.random.Generator) -> Callable[[], object]:
        module = ja.lower(ja.sample(space, rng)).module
        return lambda: jax.eval_shape(partial(module.init), key, x)  # partial: never seen before

    first, second = np.random.default_rng(1), np.random.default_rng(1)  # the same architectures
    shapes(np.random.default_rng(0))()
    return time_in_turn(lambda: analysis(first), lambda: shapes(second), rounds=15, times=(20, 1))


def farthest_flops() -> float:
    """Return FLOPs by analysis over FLOPs by XLA, of the architecture where that is farthest off.

    XLA counts the lowered program of one forward pass over one example, before it optimises it.
    """
    return max(map(_flops_ratio, _architectures(), _shapes()), key=lambda ratio: abs(ratio - 1))


def _flops_ratio(architecture: ja.Architecture, shape: tuple[int, ...]) -> float:
    model = ja.lower(architecture)
    x = np.zeros((1, *shape), np.float32)
    lowered = jax.jit(model.module.apply).lower(model.init(0, x), x)
    costs: dict[str, float] = lowered.cost_analysis()  # type: ignore[assignment]
    return ja.analyze(architecture, {"in": shape}).flops / costs["flops"]


def _architectures() -> Iterator[ja.Architecture]:
    """Yield nets of all the spaces that come with jarch, and one with attention."""
    rng = np.random.default_rng(0)
    for space in (
        ja.spaces.mobilenet_blog,
        ja.spaces.mobilenet,
        ja.spaces.mobilenet,
        ja.spaces.digits_conv,
        ja.spaces.digits_conv,
        ja.spaces.digits_dense,
        transformer,
    ):
        yield ja.sample(ja.trace(space), rng)


def _shapes() -> Iterator[tuple[int, ...]]:
    yield (224, 224, 3)
    yield (32, 32, 3)
    yield from [(8, 8, 1)] * 4
    yield (16, 8)
