"""Images with other colours. All take and return values of 0 to 1, of shape (H, W, C)."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

_LEVELS = 255
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow takes it
_AROUND, _MIDDLE = 1.0, 5.0  # of Pillow's filter SMOOTH


def autocontrast(image: Any) -> Any:
    """Stretch each channel from 0 to 1; one that is constant stays."""
    low, high = image.min((0, 1), keepdims=True), image.max((0, 1), keepdims=True)
    constant = high <= low
    return jnp.where(constant, image, (image - low) / jnp.where(constant, 1, high - low))


def equalize(image: Any) -> Any:
    """Spread each channel's values so that all are about as frequent, by 256 levels."""

    def channel(plane: Any) -> Any:
        levels = jnp.asarray(jnp.round(plane * _LEVELS), jnp.int32)
        below = jnp.cumsum(jnp.zeros(_LEVELS + 1, jnp.float32).at[levels].add(1.0))
        first = below[levels.min()]
        rest = plane.size - first
        spread = (below[levels] - first) / jnp.where(rest > 0, rest, 1)
        return jnp.where(rest > 0, spread.astype(plane.dtype), plane)

    return jax.vmap(channel, in_axes=-1, out_axes=-1)(image)


def solarize(image: Any, threshold: Any) -> Any:
    """Invert what is above a threshold."""
    return jnp.where(image > threshold, 1 - image, image)


def posterize(image: Any, bits: Any) -> Any:
    """Keep so many bits of eight of each value; with all eight it stays as it is."""
    step = jnp.exp2(8 - bits)
    kept = jnp.floor(jnp.round(image * _LEVELS) / step) * step / _LEVELS
    return jnp.where(bits >= 8, image, kept)


def saturate(image: Any, factor: Any) -> Any:
    """Blend with the grey image: 0 is grey, 1 the image; images of no three channels stay."""
    return _blend(_grey(image), image, factor) if image.shape[-1] == 3 else image


def contrast(image: Any, factor: Any) -> Any:
    """Blend with the mean grey: 0 is that alone, 1 the image."""
    return _blend(_grey(image).mean(), image, factor)


def brighten(image: Any, factor: Any) -> Any:
    """Blend with black: 0 is black, 1 the image."""
    return _blend(0.0, image, factor)


def sharpen(image: Any, factor: Any) -> Any:
    """Blend with the smoothed image: 0 is smooth, 1 the image; the outermost pixels stay."""
    height, width, _ = image.shape
    if min(height, width) < 3:
        return image
    parts = [
        (_MIDDLE if down == right == 1 else _AROUND)
        * image[down : height - 2 + down, right : width - 2 + right]
        for down in range(3)
        for right in range(3)
    ]
    smooth = image.at[1:-1, 1:-1].set(sum(parts) / (8 * _AROUND + _MIDDLE))
    return _blend(smooth, image, factor)


def _blend(other: Any, image: Any, factor: Any) -> Any:
    return jnp.clip(other + factor * (image - other), 0, 1)


def _grey(image: Any) -> Any:
    if image.shape[-1] != 3:
        return image.mean(-1, keepdims=True)
    return (image * jnp.asarray(_LUMA, image.dtype)).sum(-1, keepdims=True)
