"""Steps of gradient ascent on what a policy is rewarded for, in JAX and optax."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (the annotations of JAX and optax are partial)

from __future__ import annotations

from functools import partial
from typing import Any, Literal, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .network import Network, Weights
from .trajectory import Batch

Surrogate: TypeAlias = Literal["reinforce", "ppo"]
"""What is to be maximised in place of the expected reward; its gradient is what matters."""


def improve(
    network: Network,
    batch: Batch,
    surrogate: Surrogate,
    *,
    learning_rate: float,
    entropy: float,
    clip: float = 0.2,
    epochs: int = 1,
) -> None:
    """Change the weights of a network so that what did well becomes more likely.

    Computed on the CPU, so that the accelerator is left to the candidates, and equal states and
    results give equal weights.

    Args:
        network: Changed.
        batch: Trajectories of the network, and how well they did.
        surrogate: What is maximised.
        learning_rate: Of Adam.
        entropy: How much the entropy counts.
        clip: How far from 1 a ratio of probabilities pays, for "ppo".
        epochs: So many steps are made on the batch.
    """
    weights: Any = network.weights
    moments: Any = (network.mean, network.square)
    with jax.default_device(_cpu()):
        for epoch in range(epochs):
            weights, moments = _step(
                weights,
                moments,
                network.updates + epoch,
                batch,
                surrogate,
                np.float32(learning_rate),
                np.float32(entropy),
                np.float32(clip),
            )
        found = [_to_numpy(tree) for tree in (weights, *moments)]
    network.update(found[0], found[1], found[2], network.updates + epochs)


def loss(weights: Any, batch: Batch, surrogate: Surrogate, entropy: Any, clip: Any) -> jax.Array:
    """Return what is minimised, as a mean over trajectories of sums over choices.

    With `reinforce` minus the log-probability times the advantage; with `ppo` minus the lesser of
    r A and clip(r) A, where r is the probability over what it was when the choice was made, and A
    the advantage. From both is taken the entropy times its weight.

    Args:
        weights: Of the network.
        batch: Trajectories, and advantages.
        surrogate: Which of them.
        entropy: The weight of the entropy.
        clip: Of the ratio.
    """
    logs, uncertainty = choices(weights, batch)
    advantages = batch.advantages[:, None]
    if surrogate == "reinforce":
        gain = logs * advantages
    else:
        ratio = jnp.exp(jnp.clip(logs - batch.logs, -20, 20))  # of very old ones: stay finite
        clipped = jnp.clip(ratio, 1 - clip, 1 + clip)
        gain = jnp.minimum(ratio * advantages, clipped * advantages)
    real = jnp.any(batch.real, axis=-1)
    gain = jnp.where(real, gain + entropy * uncertainty, 0.0)
    return -jnp.mean(jnp.sum(gain, axis=1))


def choices(weights: Any, batch: Batch) -> tuple[jax.Array, jax.Array]:
    """Return the log-probability of each choice, and the entropy, both of shape (B, T)."""
    table = weights["table"]
    units = (table.shape[1] - 1) // 2
    read = table[batch.questions, :units] + table[batch.previous, :units]
    for i in range(len(weights) // 2):
        read = _lstm(weights[f"kernel{i}"], weights[f"bias{i}"], read)
    rows = table[batch.answers]
    scores = jnp.einsum("btau,btu->bta", rows[..., units : 2 * units], read) + rows[..., -1]
    scores = jnp.where(batch.real, scores, -1e9)
    logs = jax.nn.log_softmax(scores)
    uncertainty = -jnp.sum(jnp.where(batch.real, jnp.exp(logs) * logs, 0.0), axis=-1)
    return jnp.take_along_axis(logs, batch.chosen[..., None], axis=-1)[..., 0], uncertainty


def _lstm(kernel: Any, bias: Any, read: jax.Array) -> jax.Array:
    """Return the outputs of a layer for inputs of shape (B, T, U)."""

    def step(carry: Any, x: jax.Array) -> Any:
        output, memory = carry
        gates = jnp.concatenate([x, output], axis=-1) @ kernel + bias
        enter, keep, new, show = jnp.split(gates, 4, axis=-1)
        memory = jax.nn.sigmoid(keep) * memory + jax.nn.sigmoid(enter) * jnp.tanh(new)
        output = jax.nn.sigmoid(show) * jnp.tanh(memory)
        return (output, memory), output

    begin = jnp.zeros((read.shape[0], read.shape[2]), read.dtype)
    _, outputs = jax.lax.scan(step, (begin, begin), jnp.swapaxes(read, 0, 1))
    return jnp.swapaxes(outputs, 0, 1)


@partial(jax.jit, static_argnames="surrogate")
def _step(
    weights: Any,
    moments: Any,
    updates: Any,
    batch: Batch,
    surrogate: Surrogate,
    learning_rate: Any,
    entropy: Any,
    clip: Any,
) -> Any:
    """Return weights and moments after a step of Adam."""
    slope = jax.grad(loss)(weights, batch, surrogate, entropy, clip)
    adam: Any = optax.scale_by_adam()
    before = optax.ScaleByAdamState(jnp.asarray(updates, jnp.int32), moments[0], moments[1])
    changes, after = adam.update(slope, before)
    scale: Any = optax.scale(-learning_rate)
    changes, _ = scale.update(changes, scale.init(weights))
    return optax.apply_updates(weights, changes), (after.mu, after.nu)


def _cpu() -> Any:
    """Return the CPU as a device; None where the process is kept from it."""
    try:
        return jax.devices("cpu")[0]
    except RuntimeError:
        return None


def _to_numpy(tree: Any) -> Weights:
    return {name: np.array(array, np.float32) for name, array in tree.items()}
