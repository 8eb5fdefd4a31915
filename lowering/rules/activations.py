"""Functions of each value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
from flax import linen as nn

from jarch.lowering.context import Context, Rule

FUNCTIONS: Mapping[str, Callable[[jax.Array], jax.Array]] = {
    "elu": nn.elu,
    "gelu": nn.gelu,
    "hard_swish": nn.hard_swish,
    "leaky_relu": nn.leaky_relu,
    "relu": nn.relu,
    "relu6": nn.relu6,
    "selu": nn.selu,
    "sigmoid": nn.sigmoid,
    "silu": nn.silu,
    "softmax": nn.softmax,
    "softplus": nn.softplus,
    "tanh": nn.tanh,
}


def elementwise(function: Callable[[jax.Array], jax.Array]) -> Rule:
    """Return the rule of an operation without properties."""

    def rule(context: Context, properties: Mapping[str, Any], value: jax.Array) -> jax.Array:
        return function(value)

    return rule


def activation(context: Context, properties: Mapping[str, Any], value: jax.Array) -> jax.Array:
    """Apply the function named."""
    return FUNCTIONS[properties["function"]](value)


def leaky_relu(context: Context, properties: Mapping[str, Any], value: jax.Array) -> jax.Array:
    """Scale what is negative."""
    return nn.leaky_relu(value, properties["negative_slope"])
