"""grasp: how much the flow of gradients would shrink if weights were cut."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import jax
import jax.numpy as jnp

from .probe import Probe, Weights, total


def gradient_signal_preservation(probe: Probe) -> jax.Array:
    """Return the scores of gradient signal preservation summed over the weights: -Σ θ (H g).

    H is the Hessian of the loss by the weights, and g its gradient; their product takes one
    derivative of the gradient along itself. The loss takes the logits as they are: the paper
    divides them by a temperature.

    Reference:
        Wang, Zhang and Grosse 2020, "Picking winning tickets before training by preserving
        gradient flow"; with the sign, and summed, as in Abdelfattah et al. 2021, "Zero-cost proxies
        for lightweight NAS".
    """
    slope = cast("Callable[[Weights], Weights]", jax.grad(probe.loss))
    _, curved = jax.jvp(slope, (probe.weights,), (probe.gradients,))
    return -total(jnp.sum(w * curved[path]) for path, w in probe.weights.items())
