"""Trains the members of an ensemble side by side, as one program.

Shapes: K members, N places for observations of which n are taken, B of them a batch, E epochs.
N is a power of four and B follows from it, so that few programs serve fits of all sizes.
"""

# pyright: reportUnknownMemberType=false
# JAX leaves types out

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree
from numpy.typing import NDArray

from jarch import lowering
from jarch.surrogates.surrogate import FloatArray

Tree: TypeAlias = Any
"""A pytree of arrays, as JAX takes them."""
Apply: TypeAlias = Callable[[Tree, Tree], jax.Array]
"""From the parameters of one network and its inputs for b architectures to b numbers."""
Loss: TypeAlias = Literal["absolute", "squared"]

SMALLEST = 64  # places for observations in the smallest program
MOST_BATCHES = 8  # an epoch has no more of them once they are larger than the least size


@dataclass(frozen=True, slots=True)
class Recipe:
    """How networks are trained; hashable, since a program is compiled for each.

    Attributes:
        epochs: Passes over the observations.
        batch: Observations a step, at least.
        learning_rate: Of Adam.
        second_moment: Adam's decay of squared gradients.
        decay: Penalty on squared weights, as part of the gradient.
        annealed: Lower the learning rate to nothing in half a cosine.
        loss: Of a prediction's error.
        largest: Observations a step, at most.
        visits: No more than so many observations times epochs; None for any number.
    """

    epochs: int
    batch: int
    learning_rate: float
    second_moment: float = 0.999
    decay: float = 0.0
    annealed: bool = False
    loss: Loss = "absolute"
    largest: int = 1 << 30
    visits: int | None = None

    def epochs_of(self, number: int) -> int:
        """Return the number of epochs for so many observations."""
        if self.visits is None:
            return self.epochs
        return max(1, min(self.epochs, self.visits // max(number, 1)))

    def batch_of(self, size: int) -> int:
        """Return the observations a step for so many places."""
        return min(max(self.batch, size // MOST_BATCHES), max(self.batch, self.largest))


def places(number: int) -> int:
    """Return the places of a program for so many observations, a power of four.

    Example:
        >>> places(10), places(65), places(1000)
        (64, 256, 1024)
    """
    found = SMALLEST
    while found < number:
        found *= 4
    return found


def room(number: int, smallest: int = 4) -> int:
    """Return the least of 4, 6, 8, 12, 16, 24 … that holds so many, or of those from another on.

    Example:
        >>> [room(number) for number in (1, 5, 9, 25, 33)], room(10, 64), room(91, 64)
        ([4, 6, 12, 32, 48], 64, 96)
    """
    power = smallest
    while power < number:
        if power * 3 // 2 >= number:
            return power * 3 // 2
        power *= 2
    return power


def padded(array: NDArray[Any], size: int, axis: int = 0) -> NDArray[Any]:
    """Return the array with zeros after its end along an axis."""
    widths = [(0, 0)] * array.ndim
    widths[axis] = (0, size - array.shape[axis])
    return np.pad(array, widths)


def train(
    apply: Apply,
    parameters: Tree,
    inputs: Tree,
    targets: FloatArray,
    weights: FloatArray,
    rng: np.random.Generator,
    recipe: Recipe,
) -> Tree:
    """Return the parameters of K networks after training, each in an order of its own.

    Args:
        apply: A function of a module, not made anew for each call.
        parameters: At the beginning, each array with an axis of K members in front.
        inputs: Of n observations, each array with an axis of n in front.
        targets: What to predict, of shape (n,).
        weights: How much each error counts, of shape (n,).
        rng: Orders the observations, anew in each epoch.
        recipe: How to train.
    """
    n, members = len(targets), _length(parameters)
    size = places(n)
    batch, epochs = recipe.batch_of(size), recipe.epochs_of(n)
    orders = np.tile(np.arange(n, dtype=np.int32), (members, epochs, 1))
    orders = padded(rng.permuted(orders, axis=2), -(-size // batch) * batch, axis=2)
    orders = padded(orders, recipe.epochs_of(size // 4), axis=1)  # those of the fewest it serves
    pad = partial(padded, size=size)
    with on_processor():
        trained: Tree = train_program(
            apply,
            recipe,
            batch,
            parameters,
            jax.tree.map(pad, inputs),
            pad(targets.astype(np.float32)),
            pad(weights.astype(np.float32)),
            orders,
            np.int32(n),
            np.int32(epochs),
        )
        return jax.tree.map(np.asarray, trained)


def _train(
    apply: Apply,
    recipe: Recipe,
    batch: int,
    parameters: Tree,
    inputs: Tree,
    targets: jax.Array,
    weights: jax.Array,
    orders: jax.Array,
    count: jax.Array,
    epochs: jax.Array,
) -> Tree:
    """Train all members; in `orders` (K, E, N) the first `epochs` and `count` are in use."""
    member = partial(_train_one, apply, recipe, batch, inputs, targets, weights, count, epochs)
    trained: Tree = jax.vmap(member)(parameters, orders)
    return trained


# products of matrices this small take less time on one core than to share out among cores
_OPTIONS = {"xla_cpu_multi_thread_eigen": False}

train_program: Any = jax.jit(_train, static_argnums=(0, 1, 2), compiler_options=_OPTIONS)


def _train_one(
    apply: Apply,
    recipe: Recipe,
    batch: int,
    inputs: Tree,
    targets: jax.Array,
    weights: jax.Array,
    count: jax.Array,
    epochs: jax.Array,
    parameters: Tree,
    orders: jax.Array,
) -> Tree:
    # in one vector, which an optimiser updates in one go
    flat, restored = ravel_pytree(parameters)
    optimizer: Any = optax.chain(
        optax.add_decayed_weights(recipe.decay), optax.scale_by_adam(b2=recipe.second_moment)
    )
    batches = (count + batch - 1) // batch
    steps = batches * epochs

    def loss(vector: jax.Array, chosen: jax.Array, taken: jax.Array) -> jax.Array:
        found = apply(restored(vector), _taken(inputs, chosen))
        error = found - targets[chosen]
        each = jnp.abs(error) if recipe.loss == "absolute" else jnp.square(error)
        return jnp.sum(jnp.where(taken, weights[chosen] * each, 0.0)) / jnp.sum(taken)

    slope = cast(Any, jax.grad(loss))

    def step(i: jax.Array, carried: tuple[jax.Array, Tree]) -> tuple[jax.Array, Tree]:
        vector, state = carried
        first = i % batches * batch
        chosen = jax.lax.dynamic_slice(orders[i // batches], (first,), (batch,))
        taken = first + jnp.arange(batch) < count
        change, state = optimizer.update(slope(vector, chosen, taken), state, vector)
        left = 0.5 + 0.5 * jnp.cos(jnp.pi * i / steps) if recipe.annealed else 1.0
        return vector - recipe.learning_rate * left * change, state

    ended = cast(Any, jax.lax.fori_loop(0, steps, step, (flat, optimizer.init(flat))))
    return restored(ended[0])


def _taken(inputs: Tree, which: Any) -> Tree:
    """Return some of what is along the first axis of each array."""

    def take(array: Any) -> Any:
        return array[which]

    return jax.tree.map(take, inputs)


def _length(tree: Tree) -> int:
    """Return the size of the first axis, which all arrays share."""
    leaves: list[Any] = jax.tree.leaves(tree)
    return len(leaves[0])


def predict(apply: Apply, parameters: Tree, inputs: Tree) -> FloatArray:
    """Return what K networks predict of m architectures, of shape (K, m).

    Args:
        apply: See `train`.
        parameters: See `train`.
        inputs: Each array with an axis of m in front.
    """
    m = _length(inputs)
    pad = partial(padded, size=places(m))
    with on_processor():
        found: Any = predict_program(apply, parameters, jax.tree.map(pad, inputs))
    return np.asarray(found, np.float64)[:, :m]


def _predict(apply: Apply, parameters: Tree, inputs: Tree) -> Tree:
    found: Tree = jax.vmap(apply, (0, None))(parameters, inputs)
    return found


predict_program: Any = jax.jit(_predict, static_argnums=0)


def on_processor() -> AbstractContextManager[Any]:
    """Run on the CPU, where there is one: networks this small wait for an accelerator."""
    lowering.enable_compilation_cache()
    try:
        device = cast(Any, jax.local_devices(backend="cpu")[0])
    except RuntimeError:  # JAX was told to know no CPU
        device = cast(Any, jax.local_devices()[0])
    placed: AbstractContextManager[Any] = jax.default_device(device)
    return placed
