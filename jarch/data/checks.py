"""Checks of single arrays: each raises `DataError` with the array's name."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import DataError


def check_inputs(x: npt.NDArray[Any], what: str, shape: tuple[int, ...]) -> None:
    """Check that inputs are finite numbers, each of the given shape."""
    _check_numeric(x, what)
    if x.ndim < 2:
        raise DataError(
            f"{what} has shape {x.shape}; it needs an axis of examples and at least one more, "
            "such as x[:, None] gives"
        )
    if x.shape[1:] != shape:
        raise DataError(
            f"{what} holds examples of shape {x.shape[1:]} but x_train of {shape}; bring them to "
            "one shape"
        )
    if 0 in shape:
        raise DataError(f"{what} holds examples of shape {shape}, which are empty; check the file")
    check_finite(x, what)


def check_labels(y: npt.NDArray[Any], what: str, num_classes: int) -> None:
    """Check that labels are class indices: one integer of 0 to `num_classes - 1` an example."""
    if y.ndim != 1:
        raise DataError(
            f"{what} has shape {y.shape}; labels have one axis (np.argmax(y, axis=-1) makes them "
            "of one-hot rows)"
        )
    if not np.issubdtype(y.dtype, np.integer):
        raise DataError(
            f"{what} is of type {y.dtype}; labels are integers, the index of the class: use "
            "y.astype(int), or np.unique(y, return_inverse=True)[1] for names"
        )
    outside = y[(y < 0) | (y >= num_classes)]
    if outside.size:
        raise DataError(
            f"{what} holds the label {outside[0]}, outside 0 to {num_classes - 1}, the classes of "
            f"the training labels ({outside.size} such labels); remove or renumber them"
        )


def check_targets(y: npt.NDArray[Any], what: str, shape: tuple[int, ...]) -> None:
    """Check that regression targets are finite, one number or one row an example."""
    _check_numeric(y, what)
    if y.ndim not in (1, 2) or y.shape[1:] != shape:
        raise DataError(
            f"{what} has shape {y.shape}; regression targets have the shape (examples,) or "
            "(examples, outputs), the same in each split"
        )
    check_finite(y, what)


def _check_numeric(array: npt.NDArray[Any], what: str) -> None:
    if not (np.issubdtype(array.dtype, np.number) or array.dtype == np.bool_):
        raise DataError(f"{what} is of type {array.dtype}; convert it to numbers")
    if np.issubdtype(array.dtype, np.complexfloating):
        raise DataError(f"{what} is complex; give its real and imaginary parts as two channels")


def check_finite(array: npt.NDArray[Any], what: str) -> None:
    """Check that floats are finite, example by example; what else there is passes."""
    if not np.issubdtype(array.dtype, np.floating):
        return
    # A sum is finite if all its terms are, and takes a tenth of the time and no memory.
    with np.errstate(all="ignore"):
        if np.isfinite(array.sum(dtype=np.float64)):
            return
    bad = ~np.isfinite(array).reshape(len(array), -1).all(axis=1)
    if bad.any():
        raise DataError(
            f"{what} holds NaN or infinity in {int(bad.sum())} of {len(array)} examples, first in "
            f"example {int(np.argmax(bad))}; remove or impute them"
        )
