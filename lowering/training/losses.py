"""What training minimises."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX, Flax, optax and orbax are partial)

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from jarch.lowering.augmentation.mixtures import Mixture

from .metrics import Task


def mean_loss(task: Task, outputs: Any, targets: Any, label_smoothing: Any) -> Any:
    """Return the mean loss over a batch of N examples, a scalar of float32 or wider.

    Args:
        task: Classification takes the cross-entropy, regression the squared error.
        outputs: Logits of shape (N, C), or what regression gives, of as many numbers as `targets`.
        targets: Class indices of shape (N,), mixed ones, or numbers of shape (N, K).
        label_smoothing: The part of the target's probability spread over all classes; unused in
            regression.

    Reference: Szegedy et al., "Rethinking the Inception architecture for computer vision" (2016),
        section 7, for label smoothing.
    """
    outputs = jnp.asarray(outputs, jnp.promote_types(outputs.dtype, jnp.float32))
    if task == "regression":
        return jnp.mean(jnp.square(outputs.reshape(targets.shape) - targets))
    smooth = optax.smooth_labels(_probabilities(targets, outputs), label_smoothing)
    return jnp.mean(optax.softmax_cross_entropy(outputs, smooth))


def _probabilities(targets: Any, outputs: Any) -> Any:
    """Return the probability of each class that is aimed at: (N, C), of the type of outputs."""
    if not isinstance(targets, Mixture):
        return jax.nn.one_hot(targets, outputs.shape[-1], dtype=outputs.dtype)
    labels = jax.nn.one_hot(targets.labels, outputs.shape[-1], dtype=outputs.dtype)
    return jnp.sum(labels * targets.weights[..., None].astype(outputs.dtype), axis=1)
