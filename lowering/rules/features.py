"""Operations on the last axis, and between positions: dense layers, embeddings, attention."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX and Flax are partial)

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.core import Tracer

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
    """Let each position attend to all (Vaswani et al. 2017); weights are normalised in float32."""
    rate = properties["dropout_rate"]
    number = isinstance(rate, Tracer)  # Flax compares it with 0
    attend = nn.MultiHeadDotProductAttention(
        num_heads=properties["num_heads"],
        qkv_features=properties["qkv_features"],
        dropout_rate=0.5 if number else rate,
        attention_fn=partial(_attend, rate) if number else nn.dot_product_attention,
        force_fp32_for_softmax=_is_half(context.dtype),
        **context.module(),
    )
    return cast(jax.Array, attend(value, deterministic=not context.train))


def _attend(
    rate: jax.Array,
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    dropout_rng: jax.Array | None = None,
    deterministic: bool = False,
    dtype: Any = None,
) -> jax.Array:
    """Attend as Flax does, which drops the same weights in all examples and heads."""
    weights = nn.dot_product_attention_weights(
        query, key, deterministic=True, dtype=dtype, force_fp32_for_softmax=_is_half(dtype)
    )
    if not deterministic:
        assert dropout_rng is not None
        shape = (1,) * (weights.ndim - 2) + weights.shape[-2:]
        keep = jax.random.bernoulli(dropout_rng, 1 - rate, shape)
        weights = weights * (keep / (1 - rate)).astype(weights.dtype)
    return jnp.einsum("...hqk,...khd->...qhd", weights, value)


def _is_half(dtype: Any) -> bool:
    return dtype is not None and jnp.dtype(dtype).itemsize < 4


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
