"""A MobileNet of the space `jarch.spaces.mobilenet`, and the same net in plain Flax."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (the annotations of JAX and Flax are partial)

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

import jarch as ja

BATCH, SHAPE, CLASSES = 128, (8, 8, 1), 10
FILTERS = (32, 64, 128)  # of the stages
BLOCKS = (4, 2, 4)  # in each stage: ten in all; the first of each halves height and width

Variables: TypeAlias = Mapping[str, Any]
Apply: TypeAlias = Callable[..., Any]
Step: TypeAlias = Callable[[Variables, Any, Any, Any], tuple[Variables, Any, Any]]

_DECISIONS = {
    "filters": FILTERS[0],
    "stem_kernel_size": 3,
    "normalize": True,
    "drop": False,
    "reductions": len(FILTERS),
    "kernel_size": 3,
    "multiplier": FILTERS[1] // FILTERS[0],
    **{f"stages/stage{i}_repeats": blocks - 1 for i, blocks in enumerate(BLOCKS)},
}


def architecture() -> ja.Architecture:
    """Return the net as an architecture of the space."""
    return ja.replay(ja.trace(ja.spaces.mobilenet, num_classes=CLASSES), _DECISIONS)


class MobileNet(nn.Module):
    """The net as one writes it without a search space."""

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        """Return the logits of images (batch, height, width, channels)."""

        def regularized(x: jax.Array) -> jax.Array:
            return nn.relu(nn.BatchNorm(use_running_average=not train)(x))

        x = regularized(nn.Conv(FILTERS[0], (3, 3), strides=2)(x))
        for features, blocks in zip(FILTERS, BLOCKS, strict=True):
            for block in range(blocks):
                channels, strides = x.shape[-1], 1 if block else 2
                x = nn.Conv(channels, (3, 3), strides, feature_group_count=channels)(x)
                x = regularized(x)
                x = regularized(nn.Conv(features, (1, 1))(x))
        return nn.Dense(CLASSES)(x.mean((1, 2)))


def handwritten_apply() -> Apply:
    """Return `apply` of a new module."""
    apply: Apply = MobileNet().apply
    return apply


def batch() -> tuple[Any, Any]:
    """Return images and labels."""
    rng = np.random.default_rng(0)
    images = rng.standard_normal((BATCH, *SHAPE)).astype(np.float32)
    return jnp.asarray(images), jnp.asarray(rng.integers(CLASSES, size=BATCH))


def training_step(apply: Apply, optimizer: optax.GradientTransformation) -> Step:
    """Return a new function that takes one step of training with a model's `apply`."""

    def step(
        variables: Variables, state: Any, images: Any, labels: Any
    ) -> tuple[Variables, Any, Any]:
        def loss_of(params: Any) -> tuple[Any, Any]:
            every = {**variables, "params": params}
            logits, changed = apply(every, images, train=True, mutable=["batch_stats"])
            losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
            return losses.mean(), changed

        (loss, changed), gradients = jax.value_and_grad(loss_of, has_aux=True)(variables["params"])
        updates, state = optimizer.update(gradients, state)
        params = optax.apply_updates(variables["params"], updates)
        return {"params": params, **changed}, state, loss

    return step
