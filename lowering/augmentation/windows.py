"""Random windows of padded images."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from .kinds import Crop


def crop(kind: Crop, numbers: Any, key: Any, image: Any) -> Any:
    """Return a window of the padded image, as large as the image.

    The padding is a number, so nothing is padded: rows and columns are looked up where they would
    come from.

    Args:
        kind: How to pad.
        numbers: float32 (1,): pixels on each side.
        key: Of threefry.
        image: (H, W, C).
    """
    padding = jnp.round(numbers[0])
    drawn = jax.random.uniform(key, (2,), jnp.float32)
    shifts = jnp.asarray(jnp.floor(drawn * (2 * padding + 1)) - padding, jnp.int32)
    for axis in (0, 1):
        length = image.shape[axis]
        places = jnp.arange(length, dtype=jnp.int32) + shifts[axis]
        if kind.mode == "reflect":
            image = jnp.take(image, _reflected(places, length), axis=axis, mode="clip")
            continue
        inside = ((places >= 0) & (places < length)).reshape([-1, 1, 1] if axis == 0 else [-1, 1])
        moved = jnp.take(image, jnp.clip(places, 0, length - 1), axis=axis, mode="clip")
        image = jnp.where(inside, moved, jnp.zeros_like(moved))
    return image


def _reflected(places: Any, length: int) -> Any:
    """Return places within 0 to `length - 1`, mirrored at both ends as often as needed."""
    period = max(1, 2 * (length - 1))
    places = places % period
    return jnp.minimum(places, period - places) if length > 1 else places
