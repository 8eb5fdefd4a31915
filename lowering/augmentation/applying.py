"""Augmentation of a batch, one after the other, as a pure function of a key."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp

from .cutmix import cutmix
from .flips import flip
from .holes import cutout
from .kinds import Augmentation
from .mixtures import unmixed
from .mixup import mixup
from .rand_augment import rand_augment
from .windows import crop

_OF_ONE: Mapping[str, Callable[..., Any]] = {
    "crop": crop,
    "cutout": cutout,
    "flip": flip,
    "randaugment": rand_augment,
}
_OF_A_BATCH: Mapping[str, Callable[..., Any]] = {"cutmix": cutmix, "mixup": mixup}
_STREAM = 0x61756720  # folded into the key of a step, which dropout draws from too


def augment_batch(
    kinds: Sequence[Augmentation],
    values: Any,
    key: Any,
    inputs: Any,
    targets: Any,
    place: Any = 0,
) -> tuple[Any, Any]:
    """Return a batch with augmentations applied in order.

    Every image draws from a key of its own, folded from the key of the step, the place of the
    augmentation and that of the image; so numbers are the same under `vmap` as alone.

    Args:
        kinds: What to do; their own numbers are not looked at.
        values: float32 (K,): the numbers of all of them, in order.
        key: Of threefry, of the step.
        inputs: (N, H, W, C), of floating point.
        targets: Class indices (N,), or of regression.
        place: That of the first image in the batch, of which this may be a part where none mix.

    Returns:
        Inputs, and targets, which are a `Mixture` if anything mixes.
    """
    if any(kind.mixes for kind in kinds):
        targets = unmixed(targets)
    key, first = jax.random.fold_in(key, _STREAM), 0
    for i, kind in enumerate(kinds):
        numbers = values[first : first + len(kind.numeric)]
        first += len(kind.numeric)
        own = jax.random.fold_in(key, i)
        if kind.mixes:
            inputs, targets = _OF_A_BATCH[kind.kind](kind, numbers, own, inputs, targets)
        else:
            inputs = _each(partial(_OF_ONE[kind.kind], kind, numbers), own, inputs, place)
    return inputs, targets


def _each(change: Callable[[Any, Any], Any], key: Any, images: Any, place: Any) -> Any:
    fold = cast(Callable[..., Any], jax.vmap(jax.random.fold_in, in_axes=(None, 0)))
    places = jnp.arange(images.shape[0], dtype=jnp.uint32) + jnp.asarray(place, jnp.uint32)
    keys = fold(key, places)
    return jax.vmap(change)(keys, images)
