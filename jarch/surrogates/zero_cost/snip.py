"""snip: how much the loss would change if weights were cut."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from .probe import Probe, total


def connection_sensitivity(probe: Probe) -> jax.Array:
    """Return the connection sensitivities summed over the weights: Σ |θ ∂L/∂θ|.

    Reference:
        Lee, Ajanthan and Torr 2019, "SNIP: single-shot network pruning based on connection
        sensitivity": the sensitivities before they are normalised; summed as in Abdelfattah et al.
        2021, "Zero-cost proxies for lightweight NAS".
    """
    gradients = probe.gradients
    return total(jnp.sum(jnp.abs(w * gradients[path])) for path, w in probe.weights.items())
