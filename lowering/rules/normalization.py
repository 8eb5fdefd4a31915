"""Normalisation, dropout and dropped paths: what keeps training in bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import jax
from flax import linen as nn
from jax.core import Tracer

from jarch.lowering.context import Context
from jarch.lowering.spreading import spread_axis


def batch_norm(context: Context, properties: Mapping[str, Any], value: jax.Array) -> jax.Array:
    """Normalise over the batch in training, by running statistics otherwise."""
    normalize = nn.BatchNorm(
        use_running_average=not context.train,
        momentum=properties["momentum"],
        epsilon=properties["epsilon"],
        axis_name=spread_axis(),
        **context.module(),
    )
    normal: jax.Array = normalize(value)
    return normal


def layer_norm(context: Context, properties: Mapping[str, Any], value: jax.Array) -> jax.Array:
    """Normalise over the last axis."""
    normalize = nn.LayerNorm(epsilon=properties["epsilon"], **context.module())
    normal: jax.Array = normalize(value)
    return normal


def group_norm(context: Context, properties: Mapping[str, Any], value: jax.Array) -> jax.Array:
    """Normalise over groups of channels and all positions."""
    normalize = nn.GroupNorm(
        num_groups=properties["groups"], epsilon=properties["epsilon"], **context.module()
    )
    normal: jax.Array = normalize(value)
    return normal


def dropout(context: Context, properties: Mapping[str, Any], value: jax.Array) -> jax.Array:
    """Set values to zero at random in training; needs a random key named `dropout` there."""
    if context.bits is not None and isinstance(properties["rate"], Tracer):
        return context.bits.dropped(value, properties["rate"])
    drop = nn.Dropout(properties["rate"], name=context.key)
    return cast(jax.Array, drop(value, deterministic=not context.train))


def drop_path(context: Context, properties: Mapping[str, Any], value: jax.Array) -> jax.Array:
    """Set whole examples to zero at random in training, by the random key named `dropout`."""
    if context.bits is not None and isinstance(properties["rate"], Tracer):
        each = (value.shape[0], *[1] * (value.ndim - 1))
        return context.bits.dropped(value, properties["rate"], each)
    together = tuple(range(1, value.ndim))
    drop = nn.Dropout(properties["rate"], broadcast_dims=together, name=context.key)
    return cast(jax.Array, drop(value, deterministic=not context.train))
