"""Mirrored images."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from .kinds import Flip


def flip(kind: Flip, numbers: Any, key: Any, image: Any) -> Any:
    """Return the image, or its mirror image.

    Args:
        kind: Has nothing that shapes the program.
        numbers: float32 (1,): the probability.
        key: Of threefry.
        image: (H, W, C).
    """
    mirror = jax.random.uniform(key, (), jnp.float32) < numbers[0]
    return jnp.where(mirror, jnp.flip(image, axis=1), image)
