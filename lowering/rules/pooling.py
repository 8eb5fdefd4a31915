"""Pooling over the spatial axes, which lie between the batch and the channels."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX and Flax are partial)

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import jax
import jax.numpy as jnp
from flax import linen as nn

from jarch.lowering.context import Context

from .convolution import per_axis

# Flax does not say their types.
_max_pool = cast("Callable[..., jax.Array]", nn.max_pool)
_avg_pool = cast("Callable[..., jax.Array]", nn.avg_pool)


def max_pool(context: Context, properties: Mapping[str, Any], value: jax.Array) -> jax.Array:
    """Take the greatest value of each window."""
    return _max_pool(value, **_window(properties, value))


def avg_pool(context: Context, properties: Mapping[str, Any], value: jax.Array) -> jax.Array:
    """Take the mean of each window; padding counts as zeros; sums are float32 at least."""
    wide = value.astype(jnp.promote_types(value.dtype, jnp.float32))
    return _avg_pool(wide, **_window(properties, value)).astype(value.dtype)


def global_max_pool(context: Context, properties: Mapping[str, Any], value: jax.Array) -> jax.Array:
    """Take the greatest value of each channel."""
    return value.max(axis=tuple(range(1, value.ndim - 1)))


def global_avg_pool(context: Context, properties: Mapping[str, Any], value: jax.Array) -> jax.Array:
    """Take the mean of each channel."""
    return value.mean(axis=tuple(range(1, value.ndim - 1)))


def _window(properties: Mapping[str, Any], value: jax.Array) -> dict[str, Any]:
    spatial = value.ndim - 2
    window = per_axis(properties["window"], spatial)
    strides = properties["strides"]
    return {
        "window_shape": window,
        "strides": window if strides is None else per_axis(strides, spatial),
        "padding": properties["padding"],
    }
