"""Images turned, sheared and moved: one look-up whatever it is."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
from jax.scipy.ndimage import map_coordinates

_interpolate = cast(Callable[..., Any], map_coordinates)  # its types are not said


class Warp(NamedTuple):
    """How an image is warped about its centre; scalars, all 0 for the image itself."""

    angle: Any  # in radians
    shear_x: Any  # pixels to the side for each pixel down
    shear_y: Any
    move_x: Any  # as a part of the width
    move_y: Any


def warp(image: Any, by: Warp) -> Any:
    """Return the warped image, interpolated between four pixels, with 0 where nothing was.

    Args:
        image: (H, W, C).
        by: How.
    """
    height, width, _ = image.shape
    middle = (height - 1) / 2, (width - 1) / 2
    down = jnp.arange(height, dtype=jnp.float32)[:, None] - middle[0]
    right = jnp.arange(width, dtype=jnp.float32)[None, :] - middle[1]
    down, right = (
        jnp.cos(by.angle) * down - jnp.sin(by.angle) * right,
        jnp.sin(by.angle) * down + jnp.cos(by.angle) * right,
    )
    rows = down + by.shear_y * right + by.move_y * height + middle[0]
    columns = right + by.shear_x * down + by.move_x * width + middle[1]

    def channel(plane: Any) -> Any:
        return _interpolate(plane, [rows, columns], order=1, mode="constant")

    return jax.vmap(channel, in_axes=-1, out_axes=-1)(image)
