"""Means of windows in which padding does not count, as the cells of NAS-Bench-201 have them."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jarch.ir import Inference, Op, Properties, Shape, ShapeError, Shapes

WINDOW = 3


@lru_cache(64)
def border_factors(spatial: Shape) -> NDArray[np.float32]:
    """Return what makes means of padded windows of three means of the elements that are there.

    Args:
        spatial: The lengths of the axes between the batch and the channels.

    Returns:
        For each position the size of a window over how much of it lies inside; the last axis, of
        length 1, is for the channels.

    Example:
        >>> border_factors((3, 3))[..., 0].tolist()
        [[2.25, 1.5, 2.25], [1.5, 1.0, 1.5], [2.25, 1.5, 2.25]]
    """
    factors: NDArray[np.float64] = np.ones(())
    for length in spatial:
        position = np.arange(length)
        inside = np.minimum(position + 1, length - 1) - np.maximum(position - 1, 0) + 1
        factors = factors[..., None] * (WINDOW / inside)
    return factors[..., None].astype(np.float32)


def _infer(properties: Properties, shapes: Shapes) -> Inference:
    shape = shapes["in"]
    if len(shape) < 2:
        raise ShapeError(f"takes (…, channels) with axes before the channels, not {shape}")
    return Inference({"out": shape}, flops=prod(shape))


def _lower(context: object, properties: object, value: Any) -> Any:
    """Compute it; arrays of JAX multiply with those of NumPy."""
    return value * border_factors(tuple(value.shape[1:-1])).astype(value.dtype)


UNPAD_AVERAGE = Op(f"{__name__}:UNPAD_AVERAGE", _infer, {"flax": _lower})
"""Corrects means of windows of three, padded by zeros: the zeros count no more."""
