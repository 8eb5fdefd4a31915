"""Operations that move values or join them."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX and Flax are partial)

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import add as plus, mul as times
from typing import Any

import jax
import jax.numpy as jnp

from jarch.lowering.context import Context


def flatten(context: Context, properties: Mapping[str, Any], value: jax.Array) -> jax.Array:
    """Make one axis of all but the batch."""
    return value.reshape((value.shape[0], -1))


def identity(context: Context, properties: Mapping[str, Any], value: jax.Array) -> jax.Array:
    """Pass the value on."""
    return value


def zero(context: Context, properties: Mapping[str, Any], value: jax.Array) -> jax.Array:
    """Give zeros of the same shape."""
    return jnp.zeros_like(value)


def add(context: Context, properties: Mapping[str, Any], *values: jax.Array) -> jax.Array:
    """Add, from the first to the last."""
    return reduce(plus, values)


def multiply(context: Context, properties: Mapping[str, Any], *values: jax.Array) -> jax.Array:
    """Multiply, from the first to the last."""
    return reduce(times, values)


def concatenate(context: Context, properties: Mapping[str, Any], *values: jax.Array) -> jax.Array:
    """Join along the last axis."""
    return jnp.concatenate(values, axis=-1)
