"""Operations on the last axis, and between positions: dense layers, embeddings, attention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import jax
import jax.numpy as jnp
from flax import linen as nn

from jarch.lowering.context import Context
from jarch.lowering.errors import LoweringError


def dense(context: Context, properties: Mapping[str, Any], value: jax.Array) -> jax.Array:
    """Map the last axis linearly."""
    return nn.Dense(properties["features"], use_bias=properties["use_bias"], **context.module())(
        value
    )


def embedding(context: Context, properties: Mapping[str, Any], value: jax.Array) -> jax.Array:
    """Look up a vector for each number."""
    if not jnp.issubdtype(value.dtype, jnp.integer):
        raise LoweringError(
            f"{context.key}: embedding takes integers, not {value.dtype}; convert the input"
        )
    return nn.Embed(properties["num_embeddings"], properties["features"], **context.module())(value)


def attention(context: Context, properties: Mapping[str, Any], value: jax.Array) -> jax.Array:
    """Let each position attend to all (Vaswani et al. 2017)."""
    attend = nn.MultiHeadDotProductAttention(
        num_heads=properties["num_heads"],
        qkv_features=properties["qkv_features"],
        dropout_rate=properties["dropout_rate"],
        **context.module(),
    )
    return cast(jax.Array, attend(value, deterministic=not context.train))


def squeeze_excite(context: Context, properties: Mapping[str, Any], value: jax.Array) -> jax.Array:
    """Weight the channels by what is in them (Hu et al. 2018)."""
    hidden = max(1, value.shape[-1] // properties["ratio"])
    return SqueezeExcite(hidden, **context.module())(value)


class SqueezeExcite(nn.Module):
    """Weights for the channels, from their means over the spatial axes.

    Attributes:
        hidden: Units between.
        dtype: What it computes in.
        param_dtype: What its parameters are kept in.
    """

    hidden: int
    dtype: Any
    param_dtype: Any

    @nn.compact
    def __call__(self, value: jax.Array) -> jax.Array:
        """Weight the channels."""
        types = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        means = value.mean(axis=tuple(range(1, value.ndim - 1)), keepdims=True)
        hidden = nn.relu(nn.Dense(self.hidden, name="reduce", **types)(means))
        return value * nn.sigmoid(nn.Dense(value.shape[-1], name="expand", **types)(hidden))
