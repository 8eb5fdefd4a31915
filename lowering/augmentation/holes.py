"""Images with a hole."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from .boxes import random_box
from .kinds import Cutout


def cutout(kind: Cutout, numbers: Any, key: Any, image: Any) -> Any:
    """Return the image with zeros in a square.

    Args:
        kind: Has nothing that shapes the program.
        numbers: float32 (1,): the side of the square in pixels.
        key: Of threefry.
        image: (H, W, C).

    Reference: DeVries & Taylor 2017.
    """
    side = jnp.round(numbers[0])
    hole = random_box(key, image.shape[:2], (side, side))
    return jnp.where(hole, jnp.zeros_like(image), image)
