"""A batch whose examples are spread over the devices of one axis of a mesh.

Each device computes its own examples. What depends on all of them says so here: statistics of a
batch, the mean loss and its gradient are averaged over the axis; and what is drawn at random for a
batch is drawn for all of it by each device, which takes the numbers of its own examples, so that
they are those of one device and nothing need be sent.
"""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, NamedTuple, cast

import jax


class Spread(NamedTuple):
    """Over what the examples of a batch are spread."""

    axis: str  # of the mesh, mapped by `jax.shard_map`
    parts: int  # devices along it; each has as many examples as another


_now: ContextVar[Spread | None] = ContextVar("spread", default=None)
_custom_vjp = cast("Callable[..., Any]", jax.custom_vjp)  # JAX does not say the types of these
_pmean = cast("Callable[..., Any]", jax.lax.pmean)


@contextmanager
def spread_over(spread: Spread | None) -> Generator[None]:
    """Say, while a program is traced, over what its batches are spread; None for one device."""
    before = _now.set(spread)
    try:
        yield
    finally:
        _now.reset(before)


def spread_axis() -> str | None:
    """Return the axis over which the examples of a batch are spread; None on one device."""
    spread = _now.get()
    return None if spread is None else spread.axis


def examples_of(own: int) -> int:
    """Return how many examples a batch has of which this device has so many."""
    spread = _now.get()
    return own if spread is None else own * spread.parts


def own_part(batch: Any) -> Any:
    """Return what belongs to the examples of this device, of a tree for all of the batch."""
    spread = _now.get()
    return batch if spread is None else jax.tree.map(partial(_part, spread), batch)


def first_own(own: int) -> Any:
    """Return the place in the batch of the first of so many examples of this device."""
    spread = _now.get()
    return 0 if spread is None else jax.lax.axis_index(spread.axis) * own


def shared(parameters: Any) -> Any:
    """Return parameters that all devices have; their gradients are averaged over the devices."""
    spread = _now.get()
    return parameters if spread is None else _shared(spread.axis)(parameters)


def mean_of_all(value: Any) -> Any:
    """Return the mean over devices; each differentiates its own, and `shared` averages that."""
    spread = _now.get()
    return value if spread is None else _mean(spread.axis)(value)


def _part(spread: Spread, leaf: Any) -> Any:
    own = leaf.shape[0] // spread.parts
    return jax.lax.dynamic_slice_in_dim(leaf, jax.lax.axis_index(spread.axis) * own, own)


def _shared(axis: str) -> Any:
    def same(tree: Any) -> Any:
        return tree

    def forward(tree: Any) -> tuple[Any, None]:
        return tree, None

    def backward(_: None, gradients: Any) -> tuple[Any]:
        return (_pmean(gradients, axis),)

    function = _custom_vjp(same)
    function.defvjp(forward, backward)
    return function


def _mean(axis: str) -> Any:
    def mean(value: Any) -> Any:
        return _pmean(value, axis)

    def forward(value: Any) -> tuple[Any, None]:
        return mean(value), None

    def backward(_: None, gradient: Any) -> tuple[Any]:
        return (gradient,)

    function = _custom_vjp(mean)
    function.defvjp(forward, backward)
    return function
