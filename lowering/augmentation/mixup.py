"""Images that are sums of two."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from typing import Any

from .kinds import Mixup
from .mixtures import Mixture, mixed, partners, random_part


def mixup(
    kind: Mixup, numbers: Any, key: Any, images: Any, targets: Mixture
) -> tuple[Any, Mixture]:
    """Return images and targets, each a convex combination of two, the same for a whole batch.

    As in the authors' code the weight is drawn once for a batch.

    Args:
        kind: Has nothing that shapes the program.
        numbers: float32 (1,): alpha.
        key: Of threefry.
        images: (N, H, W, C).
        targets: Of N examples.

    Reference: Zhang et al. 2018.
    """
    part = random_part(key, numbers[0])
    weight = part.astype(images.dtype)
    return weight * images + (1 - weight) * partners(images), mixed(targets, part)
