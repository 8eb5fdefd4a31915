"""What a proxy is given while its program is traced: a network, its weights, and one batch."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX and Flax are partial)

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, TypeAlias, cast

import jax
import jax.numpy as jnp
from flax import traverse_util

from jarch.ir import Source
from jarch.lowering.training.losses import mean_loss
from jarch.lowering.training.metrics import Task

from .network import Network, Path

_traverse: Any = traverse_util  # Flax does not say its types

Weights: TypeAlias = "dict[Path, jax.Array]"
_Backward: TypeAlias = Callable[[jax.Array], "tuple[Weights, jax.Array, tuple[jax.Array, ...]]"]
_Passed: TypeAlias = "tuple[jax.Array, _Backward, list[jax.Array]]"


def total(values: Iterable[jax.Array]) -> jax.Array:
    """Return the sum of scalars: 0 where there are none."""
    return sum(values, jnp.zeros(()))


class Probe:
    """One forward pass of a network over a batch of N examples, and what follows from it.

    Batch normalisation uses the batch, as in training. What several proxies of a program need is
    computed once: forward, and backward from the loss.

    Attributes:
        weights: What the proxies score, by path.
    """

    def __init__(
        self, network: Network, task: Task, variables: Mapping[str, Any], x: Any, y: Any
    ) -> None:
        self._network, self._x, self._y = network, x, y
        self._task: Task = task
        parameters: dict[Path, Any] = _traverse.flatten_dict(dict(variables.get("params", {})))
        self.weights: Weights = {path: parameters.pop(path) for path in network.weights}
        self._others = parameters
        self._rest = {name: tree for name, tree in variables.items() if name != "params"}

    @property
    def outputs(self) -> jax.Array:
        """What the network gives: shape (N, …)."""
        return self._passed[0]

    def loss(self, weights: Weights) -> jax.Array:
        """Return the mean loss over the batch with other weights."""
        outputs, _ = self._run(weights, self._x, self._unshifted)
        return self._loss(outputs)

    @cached_property
    def gradients(self) -> Weights:
        """The gradient of the mean loss by each weight."""
        return self._from_loss[0]

    @cached_property
    def gradients_of_sum(self) -> Weights:
        """The gradient of the sum of all outputs by each weight."""
        return self._passed[1](jnp.ones_like(self.outputs))[0]

    @cached_property
    def jacobian(self) -> jax.Array:
        """The gradient of the sum of all outputs by each example's input, (N, …)."""
        return self._passed[1](jnp.ones_like(self.outputs))[1]

    @property
    def signals(self) -> list[tuple[jax.Array, jax.Array]]:
        """Outputs of the nodes with weights, and the gradient of the loss by each: (N, …)."""
        values = [self._seen[source] for source in self._network.weighted]
        return list(zip(values, self._from_loss[2], strict=True))

    @property
    def activated(self) -> list[jax.Array]:
        """What goes into each activation: (N, …)."""
        return [self._seen[source] for source in self._network.activated]

    @cached_property
    def _unshifted(self) -> tuple[jax.Array, ...]:
        """Zeros to add to the outputs of nodes with weights, to differentiate by those."""
        shapes = {
            Source(node.key, name): shape
            for node in self._network.analysis.nodes
            for name, shape in node.outputs.items()
        }
        found = [shapes[source] for source in self._network.weighted]
        return tuple([jnp.zeros((len(self._x), *shape)) for shape in found])

    @cached_property
    def _passed(self) -> _Passed:
        """The forward pass: outputs, what goes back from them, and what was seen."""
        start = (self.weights, self._x, self._unshifted)
        return cast(_Passed, jax.vjp(self._run, *start, has_aux=True))

    @cached_property
    def _from_loss(self) -> tuple[Weights, jax.Array, tuple[jax.Array, ...]]:
        outputs, backward, _ = self._passed
        return backward(cast(jax.Array, jax.grad(self._loss)(outputs)))

    @property
    def _seen(self) -> dict[Source, jax.Array]:
        return dict(zip(self._watched, self._passed[2], strict=True))

    @property
    def _watched(self) -> list[Source]:
        return list(dict.fromkeys([*self._network.weighted, *self._network.activated]))

    def _loss(self, outputs: jax.Array) -> jax.Array:
        return cast(jax.Array, mean_loss(self._task, outputs, self._y, 0.0))

    def _run(
        self, weights: Weights, x: jax.Array, shifts: tuple[jax.Array, ...]
    ) -> tuple[jax.Array, list[jax.Array]]:
        """Return the outputs, and the watched values."""
        module = self._network.module
        added = dict(zip(self._network.weighted, shifts, strict=True))
        seen = {Source("", module.architecture.inputs[0]): x}

        def tap(source: Source, value: jax.Array) -> jax.Array:
            seen[source] = value + added[source] if source in added else value
            return seen[source]

        variables = {"params": _traverse.unflatten_dict({**self._others, **weights}), **self._rest}
        key = jax.random.key(0, impl="threefry2x32")  # operations of the user's own may draw
        outputs, _ = module.apply(
            variables, x, train=True, tap=tap, mutable=list(self._rest), rngs={"dropout": key}
        )
        return cast(jax.Array, outputs), [seen[source] for source in self._watched]
