"""Random bits of a training step, drawn at once for all nodes that drop.

Drawing for each node by itself made half of what was compiled of a net with twenty of them, and
half of what its step took.
"""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, cast

import jax
import jax.numpy as jnp
from jax.extend.random import threefry_2x32

from jarch.ir import Architecture, Shape, analyze

from .numbers import numbers_of

_LEVELS = 1 << 16  # rates are rounded to so many parts of one


class RandomBits:
    """Bits that are given out one after the other, while a program is traced.

    Numbers of one key are the same under `vmap` as alone.
    """

    def __init__(self, key: jax.Array, size: int) -> None:
        """Draw.

        Args:
            key: Of threefry.
            size: How many numbers of 16 bits there are to be in all.
        """
        words = 2 * -(-size // 4)  # threefry makes pairs of words; a word is two numbers
        counts = jnp.arange(words, dtype=jnp.uint32)
        drawn = cast(Any, threefry_2x32(jax.random.key_data(key), counts))
        self._bits = jax.lax.bitcast_convert_type(drawn, jnp.uint16).reshape(-1)
        self._taken = 0

    def keep(self, rate: Any, shape: tuple[int, ...]) -> jax.Array:
        """Return an array of booleans, each True with probability `1 - rate`."""
        size = prod(shape)
        part = jax.lax.slice(self._bits, (self._taken,), (self._taken + size,))
        self._taken += size
        least = jnp.asarray(jnp.round(jnp.float32(rate) * _LEVELS), jnp.uint16)
        return (part >= least).reshape(shape)

    def dropped(self, value: jax.Array, rate: Any) -> jax.Array:
        """Return the values with some set to zero, the others divided by `1 - rate`."""
        scale = (1 / (1 - jnp.float32(rate))).astype(value.dtype)
        return jnp.where(self.keep(rate, value.shape), value * scale, jnp.zeros_like(value))


def bits_needed(architecture: Architecture, shapes: Mapping[str, Shape]) -> int:
    """Return how many numbers the dropout of one example takes."""
    nodes = architecture.nodes
    dropping = {key for key, node in nodes if node.op.name == "dropout" and numbers_of(node)}
    if not dropping:
        return 0
    analysis = analyze(architecture, shapes)
    return sum(prod(analysis.shapes[key]) for key in dropping)
