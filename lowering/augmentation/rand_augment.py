"""Operations drawn at random, all of one magnitude."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from typing import Any, cast

import jax
import jax.numpy as jnp

from .colors import (
    autocontrast,
    brighten,
    contrast,
    equalize,
    posterize,
    saturate,
    sharpen,
    solarize,
)
from .kinds import RandAugment
from .warps import Warp, warp

OPERATIONS = (
    "identity",
    "rotate",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
    "autocontrast",
    "equalize",
    "solarize",
    "posterize",
    "color",
    "contrast",
    "brightness",
    "sharpness",
)
"""Those of the paper, in the order in which they are numbered."""

_MOST = 10.0  # magnitudes are parts of it
_DEGREES, _SHEAR, _MOVE, _FACTOR, _BITS = 30.0, 0.3, 150 / 331, 0.9, 4.0  # at the highest


def rand_augment(kind: RandAugment, numbers: Any, key: Any, image: Any) -> Any:
    """Return the image after `kind.layers` operations, of values within `low` to `high`.

    Warps, and factors of colour, contrast, brightness and sharpness, go either way at random.

    Args:
        kind: How many operations.
        numbers: float32 (4,): magnitude, probability, low, high.
        key: Of threefry.
        image: (H, W, C).

    Reference: Cubuk et al. 2020; strengths as in AutoAugment (Cubuk et al. 2019).
    """
    magnitude, probability, low, high = (numbers[i] for i in range(4))

    def layer(current: Any, own: Any) -> tuple[Any, None]:
        for_choice, for_sign, for_chance = jax.random.split(own, 3)
        choice = jax.random.randint(for_choice, (), 0, len(OPERATIONS), jnp.int32)
        sign = jnp.where(jax.random.bernoulli(for_sign), jnp.float32(1), jnp.float32(-1))
        applied = jax.random.uniform(for_chance, (), jnp.float32) < probability
        made = apply_operation(choice, magnitude / _MOST, sign, (current - low) / (high - low))
        made = (low + jnp.clip(made, 0, 1) * (high - low)).astype(current.dtype)
        changes = applied & (choice != 0)
        return jnp.where(changes, made, current), None

    # A loop that is compiled once for all layers; there are no convolutions in it.
    last, _ = cast(Any, jax.lax.scan(layer, image, jax.random.split(key, kind.layers)))
    return last


def apply_operation(choice: Any, strength: Any, sign: Any, image: Any) -> Any:
    """Return the image after one operation; a warp is computed, of nothing if it is another.

    Args:
        choice: The place of the operation in `OPERATIONS`; it may be traced.
        strength: Of 0 to 1.
        sign: 1 or -1.
        image: (H, W, C), of values of 0 to 1.
    """
    signed, factor = sign * strength, 1 + sign * strength * _FACTOR

    def where(name: str, amount: Any) -> Any:
        return jnp.where(choice == OPERATIONS.index(name), amount, jnp.float32(0))

    image = warp(
        image,
        Warp(
            where("rotate", signed * jnp.deg2rad(jnp.float32(_DEGREES))),
            where("shear_x", signed * _SHEAR),
            where("shear_y", signed * _SHEAR),
            where("translate_x", signed * _MOVE),
            where("translate_y", signed * _MOVE),
        ),
    )
    others = {
        "autocontrast": autocontrast(image),
        "equalize": equalize(image),
        "solarize": solarize(image, 1 - strength),
        "posterize": posterize(image, 8 - jnp.round(_BITS * strength)),
        "color": saturate(image, factor),
        "contrast": contrast(image, factor),
        "brightness": brighten(image, factor),
        "sharpness": sharpen(image, factor),
    }
    for name, made in others.items():
        image = jnp.where(choice == OPERATIONS.index(name), made, image)
    return image
