"""Data on the device, and in which order it is gone through."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX, Flax, optax and orbax are partial)

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol, TypeAlias
from weakref import WeakKeyDictionary

import jax
import numpy as np
import numpy.typing as npt

from .metrics import Array

Batches: TypeAlias = list[Any]
"""Inputs of B examples each, the last one padded."""


class Data(Protocol):
    """What training needs of a data set; `jarch.data.Dataset` is one. Immutable."""

    @property
    def x_train(self) -> Array:
        """Training inputs, examples first."""
        ...

    @property
    def y_train(self) -> Array:
        """Class indices (N,), or numbers (N,) or (N, K)."""
        ...

    @property
    def x_validation(self) -> Array:
        """Inputs to select on; may be empty."""
        ...

    @property
    def y_validation(self) -> Array:
        """Their targets."""
        ...

    @property
    def num_classes(self) -> int | None:
        """None for regression."""
        ...

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """By index, where classes have names."""
        ...


class DeviceData(NamedTuple):
    """A data set on the device."""

    x: Any  # training inputs
    y: Any  # training targets; in regression of shape (N, K)
    validation: Batches


_on_device: WeakKeyDictionary[Data, dict[int, DeviceData]] = WeakKeyDictionary()


def device_data(data: Data, batch_size: int) -> DeviceData:
    """Return the data on the device; put there once, and kept as long as the data set lives.

    Args:
        data: Compared by identity.
        batch_size: Of the validation batches.
    """
    kept = _on_device.setdefault(data, {})
    if batch_size not in kept:
        earlier = next(iter(kept.values()), None)
        if earlier is None:
            x, y = jax.device_put((data.x_train, target_rows(data.y_train, data.num_classes)))
        else:
            x, y = earlier.x, earlier.y
        validation = list(jax.device_put(list(batches(data.x_validation, batch_size))))
        kept[batch_size] = DeviceData(x, y, validation)
    return kept[batch_size]


def target_rows(y: Array, num_classes: int | None) -> Array:
    """Return regression targets of shape (N,) as (N, 1); leave others as they are."""
    return y[:, None] if num_classes is None and y.ndim == 1 else y


def batches(x: Array, batch_size: int) -> Iterator[Array]:
    """Yield batches of exactly `batch_size` examples; zeros fill the last.

    Example:
        >>> [batch.tolist() for batch in batches(np.array([1, 2, 3]), 2)]
        [[1, 2], [3, 0]]
    """
    for first in range(0, len(x), batch_size):
        batch = x[first : first + batch_size]
        missing = batch_size - len(batch)
        yield np.pad(batch, [(0, missing)] + [(0, 0)] * (x.ndim - 1)) if missing else batch


def epoch_order(examples: int, batch_size: int, seed: int, epoch: int) -> npt.NDArray[np.int32]:
    """Return which examples make up each batch of an epoch: shape (steps, batch_size), shuffled.

    What does not fill a batch is left out.
    """
    steps = examples // batch_size
    order = np.random.default_rng((seed, epoch)).permutation(examples)
    return order[: steps * batch_size].reshape(steps, batch_size).astype(np.int32)
