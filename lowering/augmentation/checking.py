"""Whether augmentations fit the data, before anything compiles. Imports no JAX."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from jarch.lowering.training.errors import TrainConfigError
from jarch.lowering.training.metrics import Array

from .kinds import Augmentation, Crop, Cutout, RandAugment

_SLACK = 1e-6


def check_augmentations(augmentations: Iterable[Augmentation], inputs: Array) -> None:
    """Require that a training split can be augmented.

    Args:
        augmentations: Any.
        inputs: Of the split, examples first.

    Raises:
        TrainConfigError: Examples are no images of floating point, or too small, or pixels
            are not in the range that is said.
    """
    for each in augmentations:
        if inputs.ndim != 4 or not np.issubdtype(inputs.dtype, np.floating):
            raise TrainConfigError(
                f"augment has {each.kind!r}, which is for images: (height, width, channels) of "
                f"floating point; an example is {inputs.dtype} of shape {inputs.shape[1:]}. Leave "
                "augment out, or give the data that shape"
            )
        _check_sizes(each, inputs)


def _check_sizes(each: Augmentation, inputs: Array) -> None:
    height, width = inputs.shape[1:3]
    images = f"images are {height} by {width}"
    if isinstance(each, Crop) and each.padding >= min(height, width):
        raise TrainConfigError(f"crop: padding is {each.padding} but {images}; give less")
    if isinstance(each, Cutout) and each.size > min(height, width):
        raise TrainConfigError(
            f"cutout: size is {each.size} but {images}; give less, such as half of a side"
        )
    if isinstance(each, RandAugment) and len(inputs):
        low, high = float(inputs.min()), float(inputs.max())
        slack = _SLACK * (each.high - each.low)
        if low < each.low - slack or high > each.high + slack:
            raise TrainConfigError(
                f"randaugment: pixels are of {low:g} to {high:g}, not of {each.low:g} to "
                f"{each.high:g}; say it by low and high"
            )
