"""Spaces that grow with a number, to see how costs grow with it."""

from __future__ import annotations

import jarch as ja
from jarch import nn


def chain(length: int) -> ja.Fragment:
    """Return optional blocks in series, each with a decision of its own."""
    return ja.sequential(*[ja.optional(nn.relu, ja.Bool()) for _ in range(length)])


def nest(depth: int) -> ja.Fragment:
    """Return a substitution that makes a substitution that makes …, each with a decision."""

    def inside() -> ja.Fragment:
        return ja.sequential(nn.relu, nest(depth - 1)) if depth > 1 else nn.relu()

    return ja.optional(inside, ja.Discrete([1], "deeper"), name="level")


def dependents(length: int) -> ja.Fragment:
    """Return one decision and a chain of values, each computed from the one before it."""
    value: ja.ir.Hyperparameter = ja.Discrete([8, 16], "features")
    for _ in range(length):
        value = ja.Dependent(_next, {"value": value}, "next")
    return nn.dense(features=value)


def choices(length: int) -> ja.Fragment:
    """Return layers in series, each with a width of its own: no two architectures are equal."""
    return ja.sequential(*[nn.dense(ja.Discrete([8, 16, 32, 64])) for _ in range(length)])


def transformer() -> ja.Fragment:
    """Return a small network with attention, of the input (length, channels)."""
    return ja.sequential(
        nn.dense(features=32),
        ja.residual(ja.sequential(nn.layer_norm, nn.attention(num_heads=4))),
        ja.residual(
            ja.sequential(nn.layer_norm, nn.dense(features=128), nn.gelu, nn.dense(features=32))
        ),
        nn.flatten,
        nn.dense(features=10),
    )


def _next(value: int) -> int:
    return value + 1
