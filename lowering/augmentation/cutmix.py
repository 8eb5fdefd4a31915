"""Images with a rectangle of another."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from .boxes import random_box
from .kinds import CutMix
from .mixtures import Mixture, mixed, partners, random_part


def cutmix(
    kind: CutMix, numbers: Any, key: Any, images: Any, targets: Mixture
) -> tuple[Any, Mixture]:
    """Return images with a rectangle of their partners, and targets mixed by its area.

    As in the authors' code the rectangle is drawn once for a batch, and targets go by what of it
    lies in the image.

    Args:
        kind: Has nothing that shapes the program.
        numbers: float32 (2,): alpha and the probability.
        key: Of threefry.
        images: (N, H, W, C).
        targets: Of N examples.

    Reference: Yun et al. 2019.
    """
    for_part, for_place, for_chance = jax.random.split(key, 3)
    height, width = images.shape[1:3]
    side = jnp.sqrt(1 - random_part(for_part, numbers[0]))
    chosen = jax.random.uniform(for_chance, (), jnp.float32) < numbers[1]
    sides = jnp.floor(side * height), jnp.floor(side * width)
    box = random_box(for_place, (height, width), sides) & chosen
    part = 1 - jnp.sum(box, dtype=jnp.float32) / (height * width)
    return jnp.where(box, partners(images), images), mixed(targets, part)
