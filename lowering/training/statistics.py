"""Running averages that are of use from the first epoch on."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX, Flax, optax and orbax are partial)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jarch.ir import Architecture, properties


def momenta(architecture: Architecture) -> dict[str, float]:
    """Return the momentum of each batch normalisation by its node's key.

    Example:
        >>> import jarch as ja
        >>> momenta(ja.replay(ja.trace(lambda: ja.nn.batch_norm(momentum=0.9)), []))
        {'batch_norm': 0.9}
    """
    found: dict[str, float] = {}
    for key, node in architecture.nodes:
        momentum = properties(node).get("momentum") if node.op.name == "batch_norm" else None
        if isinstance(momentum, (int, float)) and 0 <= momentum < 1:
            found[key] = float(momentum)
    return found


def warm_statistics(
    momenta: Mapping[str, float], old: Mapping[str, Any], new: Mapping[str, Any], step: Any
) -> dict[str, Any]:
    """Return the collections after a step, with batch statistics that warm up.

    A running average of momentum 0.99 still holds a third of its initial value after 100 steps,
    which is all that a candidate may be trained for, and its validation metrics would be those of
    wrong statistics. So the momentum of step t, counted from 0, is at most (1 + t) / (10 + t), as
    for the moving averages of TensorFlow (`ExponentialMovingAverage` with `num_updates`). From step
    9 * m / (1 - m) on, 890 for m = 0.99, it is m itself.

    Args:
        momenta: Of the nodes whose statistics are to warm up.
        old: All collections but the parameters, before the step.
        new: What the step made of them, with each node's own momentum.
        step: Counted from 0.
    """
    warmed = {**old, **new}
    if "batch_stats" not in warmed:
        return warmed
    statistics = dict(warmed["batch_stats"])
    for key, momentum in momenta.items():
        least = jnp.minimum(momentum, (1 + step) / (10 + step))
        gain = (1 - least) / (1 - momentum)

        def go_further(before: Any, after: Any, gain: Any = gain) -> Any:
            return (before + gain * (after - before)).astype(before.dtype)

        statistics[key] = jax.tree.map(go_further, old["batch_stats"][key], statistics[key])
    return {**warmed, "batch_stats": statistics}
