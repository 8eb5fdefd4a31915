"""grad_norm: how steep the loss is."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from .probe import Probe, total


def gradient_norms(probe: Probe) -> jax.Array:
    """Return the Euclidean norms of the gradients of the loss by each array of weights, summed.

    Reference:
        Abdelfattah et al. 2021, "Zero-cost proxies for lightweight NAS".
    """
    return total(jnp.sqrt(jnp.sum(gradient**2)) for gradient in probe.gradients.values())
