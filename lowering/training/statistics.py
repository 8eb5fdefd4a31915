"""Running averages that are of use from the first epoch on."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from jarch.ir import Architecture


def warm_momenta(
    architecture: Architecture, numbers: Mapping[str, Mapping[str, Any]], step: Any
) -> dict[str, Any]:
    """Return the numbers of a program with the momenta of batch normalisation as of one step.

    A running average of momentum 0.99 still holds a third of its initial value after 100 steps,
    which is all that a candidate may be trained for, and its validation metrics would be those of
    wrong statistics. So the momentum of step t, counted from 0, is at most (1 + t) / (10 + t), as
    for the moving averages of TensorFlow (`ExponentialMovingAverage` with `num_updates`). From step
    9 * m / (1 - m) on, 890 for m = 0.99, it is m itself.

    Args:
        architecture: Whose nodes the numbers are of.
        numbers: By node and name.
        step: Counted from 0.
    """
    most = (1 + step) / (10 + step)
    averaging = {key for key, node in architecture.nodes if node.op.name == "batch_norm"}
    return {
        key: {**named, "momentum": jnp.minimum(named["momentum"], most)}
        if key in averaging and "momentum" in named
        else dict(named)
        for key, named in numbers.items()
    }
