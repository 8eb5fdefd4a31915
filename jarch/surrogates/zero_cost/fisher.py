"""fisher: how much the loss would change if channels were cut."""

from __future__ import annotations

from itertools import starmap

import jax

from .probe import Probe, total


def fisher_information(probe: Probe) -> jax.Array:
    """Return the Fisher information of channels, summed: Σ_c 1/(2N) Σ_n (Σ_p a_npc ∂L/∂a_npc)².

    Channels c are those of the outputs a of all nodes with weights, before normalisation and
    activation, over N examples n and positions p. L is the mean loss over the batch, as in the
    code of Abdelfattah et al.; by the losses of single examples it would be N² times as much.
    Each channel counts once, as in the papers; that code counts it once for each of its weights.

    Reference:
        Theis et al. 2018, "Faster gaze prediction with dense networks and Fisher pruning": what
        cutting a feature map costs; Turner et al. 2020, "BlockSwap: Fisher-guided block
        substitution for network compression on a budget": its sum over the channels of a network;
        Abdelfattah et al. 2021, "Zero-cost proxies for lightweight NAS".
    """
    return total(starmap(_of_channels, probe.signals))


def _of_channels(values: jax.Array, gradients: jax.Array) -> jax.Array:
    """Return the sum over the channels of one node."""
    products = values * gradients
    each = products.reshape(len(products), -1, products.shape[-1]).sum(1)
    return (each**2).mean(0).sum() / 2
