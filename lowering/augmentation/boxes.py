"""Rectangles in images, as masks: their corners may be traced numbers."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


def random_box(key: Any, shape: tuple[int, int], sides: Any) -> Any:
    """Return where a rectangle lies: a mask of booleans (H, W, 1).

    Its centre is a pixel drawn uniformly; what lies outside of the image is cut off.

    Args:
        key: Of threefry.
        shape: H and W.
        sides: Two whole numbers: its height and width.
    """
    drawn = jax.random.uniform(key, (2,), jnp.float32)
    inside = [_between(drawn[axis], shape[axis], sides[axis]) for axis in (0, 1)]
    return (inside[0][:, None] & inside[1])[:, :, None]


def _between(drawn: Any, length: int, side: Any) -> Any:
    first = jnp.floor(drawn * length) - jnp.floor(side / 2)
    places = jnp.arange(length)
    return (places >= first) & (places < first + side)
