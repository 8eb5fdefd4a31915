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
from .spreading import examples_of, own_part

_LEVELS = 1 << 16  # rates are rounded to so many parts of one
_IN_PAIR = 4  # numbers of 16 bits in the pair of words that threefry makes at a time


class RandomBits:
    """Bits that are given out one after the other, while a program is traced.

    Numbers of one key are the same under `vmap` as alone, and those of a node the same whether they
    are drawn with those of other nodes or by themselves.
    """

    def __init__(self, key: jax.Array, size: int) -> None:
        """Draw.

        Args:
            key: Of threefry.
            size: How many numbers of 16 bits there are to be in all.
        """
        self._words, self._taken = draw_words(key, -(-size // _IN_PAIR)), 0

    @classmethod
    def of(cls, words: jax.Array) -> RandomBits:
        """Return those that `draw_words` drew."""
        made = cls.__new__(cls)
        made._words, made._taken = words, 0
        return made

    def keep(self, rate: Any, shape: tuple[int, ...]) -> jax.Array:
        """Return an array of booleans, each True with probability `1 - rate`.

        Args:
            rate: A number in [0, 1).
            shape: The examples of this device first.
        """
        shape = (examples_of(shape[0]), *shape[1:])
        size = prod(shape)
        pairs = -(-size // _IN_PAIR)
        part = jax.lax.slice_in_dim(self._words, self._taken, self._taken + pairs, axis=1)
        self._taken += pairs
        numbers = jax.lax.bitcast_convert_type(part, jnp.uint16).reshape(-1)[:size]
        least = jnp.asarray(jnp.round(jnp.float32(rate) * _LEVELS), jnp.uint16)
        return cast(jax.Array, own_part((numbers >= least).reshape(shape)))

    def dropped(
        self, value: jax.Array, rate: Any, shape: tuple[int, ...] | None = None
    ) -> jax.Array:
        """Return the values with some set to zero, the others divided by `1 - rate`.

        Args:
            value: An array.
            rate: The probability of zero.
            shape: Of what is dropped together, with 1 where an axis is; None for each by itself.
        """
        scale = (1 / (1 - jnp.float32(rate))).astype(value.dtype)
        keep = self.keep(rate, value.shape if shape is None else shape)
        return jnp.where(keep, value * scale, jnp.zeros_like(value))


def draw_words(key: jax.Array, pairs: int, first: Any = 0) -> jax.Array:
    """Return pairs of random words: uint32 (2, pairs).

    Args:
        key: Of threefry.
        pairs: How many.
        first: The number of the first pair of this key; it may be traced.
    """
    counts = jnp.arange(pairs, dtype=jnp.uint32) + jnp.asarray(first, jnp.uint32)
    both = jnp.concatenate([counts, jnp.zeros_like(counts)])
    drawn = cast(Any, threefry_2x32(jax.random.key_data(key), both))
    return cast(jax.Array, drawn.reshape(2, pairs))


def pairs_needed(architecture: Architecture, shapes: Mapping[str, Shape], examples: int) -> int:
    """Return how many pairs of words the dropout of a batch takes: whole ones for each node."""
    dropping = {
        key: node.op.name
        for key, node in architecture.nodes
        if node.op.name in ("dropout", "drop_path") and numbers_of(node)
    }
    if not dropping:
        return 0
    analysis = analyze(architecture, shapes)
    sizes = [
        prod(analysis.shapes[key]) if name == "dropout" else 1 for key, name in dropping.items()
    ]
    return sum(-(-examples * size // _IN_PAIR) for size in sizes)
