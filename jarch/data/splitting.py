"""From arrays to a data set: the split into train, validation and test."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from .checks import check_finite, check_labels
from .dataset import Array, Dataset
from .errors import DataError

_TEST_SEED = 20_200_523  # of our choosing; it never changes, so that results can be compared
_TEST_FRACTION = 0.2

Task = Literal["classification", "regression"]


def from_arrays(
    x_train: npt.ArrayLike,
    y_train: npt.ArrayLike,
    x_test: npt.ArrayLike | None = None,
    y_test: npt.ArrayLike | None = None,
    *,
    seed: int = 0,
    validation: float = 0.2,
    limit: int | None = None,
    task: Task | None = None,
    name: str = "data",
    class_names: tuple[str, ...] | None = None,
) -> Dataset:
    """Return a data set of arrays, with a validation split taken from the training examples.

    Classes are equally frequent in all splits that are made here, as far as the numbers allow.
    Bytes are taken as pixels: scaled to 0…1, and given a channel axis if they have shape (N, H, W).
    Other numbers are left as they are: floats as float32, integers as int32.

    Args:
        x_train: Inputs, examples first.
        y_train: Integer labels (0, 1, … without gaps) or floating point regression targets.
        x_test: Test inputs; None takes a fifth of the training examples, the same for each seed.
        y_test: Test targets.
        seed: Decides which examples are for validation.
        validation: The fraction for validation of what is not for test; 0 for none.
        limit: Use at most so many examples for training and validation together.
        task: None means classification if the targets are integers, regression if floats.
        name: What tables call the data.
        class_names: The classes by index.

    Raises:
        DataError: The arrays cannot be trained on, or `validation` or `limit` make no sense.

    Example:
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(100, 3))
        >>> print(from_arrays(x, np.arange(100) % 4, name="noise"))
        noise: (3,), 4 classes; 64 train, 16 validation, 20 test
    """
    x, y = _inputs(x_train), _targets(y_train, task, name)
    if len(x) != len(y):
        raise DataError(f"{name}: {len(x)} inputs but {len(y)} targets; give one for each")
    for array, what in ((x, "x_train"), (y, "y_train")):
        check_finite(array, f"{name}: {what}")  # before the split moves examples
    num_classes, names = _classes(y, name), class_names
    if num_classes is not None and names is not None:
        num_classes = max(num_classes, len(names))
    if x_test is None or y_test is None:
        if (x_test is None) != (y_test is None):
            raise DataError(f"{name}: x_test and y_test are given together or not at all")
        rest, test = split(y, _TEST_FRACTION, np.random.default_rng(_TEST_SEED), num_classes)
        x, y, held_x, held_y = x[rest], y[rest], x[test], y[test]
    else:
        held_x, held_y = _inputs(x_test), _targets(y_test, task, name)
    train, selected = _validation(y, validation, limit, seed, num_classes, name)
    return Dataset(
        x[train], y[train], x[selected], y[selected], held_x, held_y, name, num_classes, names
    )


def split(
    y: Array, fraction: float, rng: np.random.Generator, num_classes: int | None
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the indices of what stays and of what is taken, stratified by class, each sorted.

    One example of each class always stays.

    Args:
        y: Labels or targets of shape (N, …).
        fraction: How much to take, rounded to whole examples.
        rng: Decides which.
        num_classes: None for regression, where the choice is uniform.
    """
    order = rng.permutation(len(y))
    if num_classes is not None:
        order = order[np.argsort(y[order], kind="stable")]
        first = np.unique(y[order], return_index=True)[1]
        eligible = np.delete(order, first)
    else:
        eligible = order
    count = min(round(fraction * len(y)), len(eligible))
    # Evenly spaced in an order sorted by class: as many of each class as its share allows.
    places = ((np.arange(count) + 0.5) * len(eligible) / max(count, 1)).astype(int)
    taken = np.sort(eligible[places])
    return np.setdiff1d(np.arange(len(y)), taken), taken


def _validation(
    y: Array, fraction: float, limit: int | None, seed: int, num_classes: int | None, name: str
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the indices for training and validation."""
    if not 0 <= fraction < 1:
        raise DataError(f"{name}: validation is {fraction}; it must be at least 0 and below 1")
    rng = np.random.default_rng(seed)
    used = np.arange(len(y))
    if limit is not None and limit < len(y):
        if limit < max(num_classes or 1, 1):
            raise DataError(f"{name}: limit is {limit}; use at least one example of each class")
        used = split(y, 1 - limit / len(y), rng, num_classes)[0]
    train, selected = split(y[used], fraction, rng, num_classes)
    return used[train], used[selected]


def _inputs(x: npt.ArrayLike) -> Array:
    array = np.asarray(x)
    if array.dtype == np.uint8:
        array = array.astype(np.float32) / np.float32(255)
        return array[..., None] if array.ndim == 3 else array
    return _convert(array)


def _targets(y: npt.ArrayLike, task: Task | None, name: str) -> Array:
    array = np.asarray(y)
    if task not in (None, "classification", "regression"):
        raise DataError(f"{name}: task {task!r} is neither 'classification' nor 'regression'")
    if array.ndim == 2 and array.shape[1] == 1 and not np.issubdtype(array.dtype, np.floating):
        array = array[:, 0]  # a column of labels, as Keras stores them
    if task == "classification":
        check_labels(array, f"{name}: y", np.iinfo(np.int32).max)
    if task == "regression" and np.issubdtype(array.dtype, np.integer):
        array = array.astype(np.float32)
    return _convert(array)


def _convert(array: Array) -> Array:
    """Return numbers in 32 bits; leave what is no number to the checks."""
    if np.issubdtype(array.dtype, np.floating):
        with np.errstate(over="ignore"):  # what becomes infinite, the checks name
            return array.astype(np.float32)
    if np.issubdtype(array.dtype, np.integer) or array.dtype == np.bool_:
        return array.astype(np.int32)
    return array


def _classes(y: Array, name: str) -> int | None:
    """Return the number of classes, or None for regression."""
    if np.issubdtype(y.dtype, np.floating):
        return None
    check_labels(y, f"{name}: y_train", np.iinfo(np.int32).max)
    if not len(y):
        raise DataError(f"{name}: there are no training examples; give it some")
    if not y.any():
        raise DataError(
            f"{name}: all labels are 0, so there is nothing to learn; give at least two classes, "
            "or floating point targets for regression"
        )
    return int(y.max()) + 1
