"""Moving averages of the weights, which are what is validated and kept.

Batch statistics are averaged with the same decay as the weights: those of the last step belong to
the last weights, not to averages of the weights of many steps. (The alternative, to go through the
data again for statistics of the averaged weights, costs an epoch of forward passes each time that a
model is validated.)

Reference: Polyak & Juditsky, "Acceleration of stochastic approximation by averaging" (1992).
"""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


def averaged(averages: Any, now: Any, decay: Any, step: Any) -> Any:
    """Return averages one step later.

    As for batch statistics, the decay of step t, counted from 0, is at most (1 + t) / (10 + t), so
    that a short training does not end with averages of its initial weights.

    Args:
        averages: Before, of the tree of `now`.
        now: Weights and other variables after the step.
        decay: A scalar in [0, 1); None keeps no averages.
        step: Counted from 0.
    """
    if decay is None:
        return ()
    limited = jnp.minimum(decay, (1 + step) / (10 + step))

    def moved(average: Any, value: Any) -> Any:
        if not jnp.issubdtype(value.dtype, jnp.floating):
            return value  # a counter, say
        wide = jnp.promote_types(value.dtype, jnp.float32)
        made = average.astype(wide) + (1 - limited) * (value.astype(wide) - average.astype(wide))
        return made.astype(value.dtype)

    return jax.tree.map(moved, averages, now)
