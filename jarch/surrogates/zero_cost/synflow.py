"""synflow: how much flows through all weights together, whatever the data."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from .probe import Probe, total


def synaptic_flow(probe: Probe) -> jax.Array:
    """Return the synaptic saliencies summed over the weights: Σ θ ∂R/∂θ, where R = Σ f(1; |θ|).

    R is the sum of all outputs for an input of ones, with the absolute values of all parameters,
    in the network without normalisation (Abdelfattah et al. replace it by the identity) and
    without activations, which change nothing there where they are ReLUs. So in a chain of L
    layers each layer contributes R, the sum over all paths of the product of the weights on them.
    Input that is no floating-point number, such as a token, is 0 in place of 1.

    The numbers grow by a power with each layer: it is computed in double precision.

    Reference:
        Tanaka et al. 2020, "Pruning neural networks without any data by iteratively conserving
        synaptic flow": the objective R_SF and its saliencies; summed as in Abdelfattah et al. 2021,
        "Zero-cost proxies for lightweight NAS".
    """
    gradients = probe.gradients_of_sum
    return total(jnp.sum(jnp.abs(w * gradients[path])) for path, w in probe.weights.items())
