"""Data sets by name or path."""

from __future__ import annotations

import importlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from .dataset import Dataset
from .errors import DataError
from .folders import read_image_folder
from .idx import is_idx_folder, read_idx_folder
from .splitting import Task, from_arrays

_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
_REQUIRED, _OPTIONAL = ("x_train", "y_train"), ("x_test", "y_test")


def load_data(
    spec: str | Path,
    seed: int = 0,
    validation: float = 0.2,
    *,
    limit: int | None = None,
    task: Task | None = None,
) -> Dataset:
    """Return a data set.

    The test split is what the source calls test, or a fifth of the examples that depends on nothing
    but the source. The validation split is taken from the rest. Both keep classes equally frequent.

    Args:
        spec: One of

            - `"digits"`: the 1,797 handwritten digits of scikit-learn, (8, 8, 1), scaled to 0…1;
            - `"fashion-mnist"`: the files of Debian's package `dataset-fashion-mnist`;
            - a folder of IDX files named as those of MNIST, compressed by gzip or not;
            - an `.npz` file with `x_train`, `y_train` and perhaps `x_test`, `y_test`; integer
              targets mean classification, floating point targets regression;
            - a folder of images, `CLASS/IMAGE.png`, or `train/CLASS/IMAGE.png` and
              `test/CLASS/IMAGE.png`.
        seed: Decides which examples are for validation.
        validation: The fraction for validation of what is not for test; 0 for none.
        limit: Use at most so many examples for training and validation together.
        task: `"classification"` or `"regression"`; None goes by the type of the targets.

    Raises:
        DataError: There is no such data, or it cannot be trained on.

    Example:
        >>> print(load_data("digits"))
        digits: (8, 8, 1), 10 classes; 1,150 train, 288 validation, 359 test
    """
    arrays, name, names = _read(str(spec))
    return from_arrays(
        arrays["x_train"],
        arrays["y_train"],
        arrays.get("x_test"),
        arrays.get("y_test"),
        seed=seed,
        validation=validation,
        limit=limit,
        task=task,
        name=name,
        class_names=names,
    )


def _read(spec: str) -> tuple[dict[str, npt.NDArray[Any]], str, tuple[str, ...] | None]:
    """Return the arrays, the name and the class names."""
    if spec == "digits":
        return _digits(), spec, None
    path = Path(spec).expanduser()
    if spec == "fashion-mnist" and not path.exists():
        if not _FASHION_MNIST.is_dir():
            raise DataError(
                f"{_FASHION_MNIST} does not exist; install it by `apt-get install "
                "dataset-fashion-mnist`, or give the path of a folder with its four files"
            )
        path = _FASHION_MNIST
    if path.is_dir():
        if is_idx_folder(path):
            return dict(read_idx_folder(path)), path.name, None
        arrays, names = read_image_folder(path)
        return arrays, path.name, names
    if path.is_file():
        return _read_npz(path), path.stem, None
    raise DataError(
        f"there is no data {spec!r}; give 'digits', 'fashion-mnist', or the path of an .npz file, "
        "of a folder of IDX files or of a folder of images by class"
    )


def _digits() -> dict[str, npt.NDArray[Any]]:
    # scikit-learn takes a second to import: only for those who want it.
    x, y = importlib.import_module("sklearn.datasets").load_digits(return_X_y=True)
    return {"x_train": (x / 16).reshape(-1, 8, 8, 1), "y_train": y}


def _read_npz(path: Path) -> dict[str, npt.NDArray[Any]]:
    if not zipfile.is_zipfile(path):
        raise DataError(
            f"{path} is no .npz file; save x_train and y_train with np.savez; docs/data.md shows "
            "how to make one of a CSV file"
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            return _members(path, cast(Mapping[str, npt.NDArray[Any]], file))
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path} cannot be read as .npz ({error}); save numeric arrays with np.savez"
        ) from error


def _members(path: Path, file: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    missing = [key for key in _REQUIRED if key not in file]
    half = [key for key in _OPTIONAL if key not in file]
    if len(half) == 1:
        missing += half
    if missing:
        raise DataError(
            f"{path} has no array {missing[0]!r}, only {sorted(file)}; save x_train, "
            "y_train and, if there is a test split, x_test, y_test with np.savez"
        )
    return {key: file[key] for key in (*_REQUIRED, *_OPTIONAL) if key in file}
