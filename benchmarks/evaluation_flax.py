"""The obvious loop over candidates: a Flax model by hand, `jit` of its init and of its step.

It is what one writes without a library for it. Each candidate is a new module, compiled as JAX
compiles; batches are gathered on the host.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (the annotations of JAX and Flax are partial)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import optax
from flax import linen as nn

import jarch as ja

from .handwritten import Apply


class MobileNet(nn.Module):
    """A net of the space `jarch.spaces.mobilenet`, written without a search space.

    Attributes:
        filters: Channels of the first stage.
        stem_kernel_size: Of the first convolution.
        normalize: Whether there is batch normalisation.
        drop_rate: Of dropout; None for none.
        kernel_size: Of the depthwise convolutions.
        multiplier: Of the channels, from stage to stage.
        blocks: How many each stage has.
        classes: Size of the output.
    """

    filters: int
    stem_kernel_size: int
    normalize: bool
    drop_rate: float | None
    kernel_size: int
    multiplier: int
    blocks: tuple[int, ...]
    classes: int = 10

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        """Return the logits of images (batch, height, width, channels)."""

        def regularized(x: jax.Array) -> jax.Array:
            if self.normalize:
                x = nn.BatchNorm(use_running_average=not train)(x)
            if self.drop_rate is not None:
                x = nn.Dropout(self.drop_rate, deterministic=not train)(x)
            return nn.relu(x)

        stem, kernel = (self.stem_kernel_size,) * 2, (self.kernel_size,) * 2
        x = regularized(nn.Conv(self.filters, stem, strides=2)(x))
        features = self.filters
        for blocks in self.blocks:
            for block in range(blocks):
                channels, strides = x.shape[-1], 1 if block else 2
                x = nn.Conv(channels, kernel, strides, feature_group_count=channels)(x)
                x = regularized(x)
                x = regularized(nn.Conv(features, (1, 1))(x))
            features *= self.multiplier
        return nn.Dense(self.classes)(x.mean((1, 2)))


def module_of(decisions: Mapping[str, Any], classes: int = 10) -> MobileNet:
    """Return the net that decisions of the space stand for, by their keys."""
    stages = range(decisions["reductions"])
    return MobileNet(
        filters=decisions["filters"],
        stem_kernel_size=decisions["stem_kernel_size"],
        normalize=decisions["normalize"],
        drop_rate=decisions["drop_rate"] if decisions["drop"] else None,
        kernel_size=decisions["kernel_size"],
        multiplier=decisions["multiplier"],
        blocks=tuple(1 + decisions[f"stages/stage{i}_repeats"] for i in stages),
        classes=classes,
    )


def train(module: nn.Module, data: ja.Dataset, config: ja.TrainConfig) -> dict[str, float]:
    """Train with Adam and a cosine schedule; return loss and accuracy on the validation split."""
    size, steps = config.batch_size, len(data.x_train) // config.batch_size
    assert isinstance(config.learning_rate, float)
    schedule = optax.cosine_decay_schedule(config.learning_rate, config.epochs * steps)
    optimizer = optax.adam(schedule)
    key = jax.random.key(config.seed)
    variables: Any = jax.jit(module.init)(key, data.x_train[:1])
    params, rest = variables.pop("params"), variables
    state = jax.jit(optimizer.init)(params)
    step, predict = _step(module.apply, optimizer), jax.jit(module.apply)
    metrics: dict[str, float] = {}
    for epoch in range(config.epochs):
        order = np.random.default_rng((config.seed, epoch)).permutation(len(data.x_train))
        losses: list[Any] = []
        for i in range(steps):
            batch = order[i * size : (i + 1) * size]
            x, y = data.x_train[batch], data.y_train[batch]
            number = jax.random.fold_in(key, epoch * steps + i)
            params, rest, state, loss = step(params, rest, state, x, y, number)
            losses.append(loss)
        metrics = _judge(predict({"params": params, **rest}, data.x_validation), data.y_validation)
        metrics["train_loss"] = float(np.mean(losses))
    return metrics


def _step(apply: Apply, optimizer: optax.GradientTransformation) -> Any:
    @jax.jit
    def step(params: Any, rest: Any, state: Any, x: Any, y: Any, key: Any) -> Any:
        def loss_of(params: Any) -> tuple[Any, Any]:
            every = {"params": params, **rest}
            rngs = {"dropout": key}
            logits, changed = apply(every, x, train=True, mutable=["batch_stats"], rngs=rngs)
            losses = optax.softmax_cross_entropy_with_integer_labels(logits, y)
            return losses.mean(), changed

        (loss, changed), gradients = jax.value_and_grad(loss_of, has_aux=True)(params)
        updates, state = optimizer.update(gradients, state)
        return optax.apply_updates(params, updates), changed, state, loss

    return step


def _judge(logits: Any, labels: Any) -> dict[str, float]:
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    right = np.argmax(np.asarray(logits), axis=-1) == labels
    return {"loss": float(losses.mean()), "accuracy": float(right.mean())}
