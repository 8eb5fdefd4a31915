"""The IDX format of MNIST and Fashion-MNIST, plain or compressed by gzip.

Reference: LeCun, Cortes, Burges, "The MNIST database of handwritten digits" (1998).
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import DataError

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_PARTS = {
    "x_train": "train-images",
    "y_train": "train-labels",
    "x_test": "t10k-images",
    "y_test": "t10k-labels",
}


def is_idx_folder(folder: Path) -> bool:
    """Return whether a folder holds training images in IDX files."""
    return any(folder.glob("train-images*"))


def read_idx_folder(folder: Path) -> dict[str, npt.NDArray[Any]]:
    """Return `x_train`, `y_train`, `x_test` and `y_test` of a folder; the test part may be missing.

    Files are named as those of MNIST: `train-images-idx3-ubyte`, `t10k-labels-idx1-ubyte.gz`, ….

    Raises:
        DataError: A file is missing or damaged.
    """
    files = {key: _find(folder, prefix) for key, prefix in _PARTS.items()}
    optional = () if files["x_test"] or files["y_test"] else ("x_test", "y_test")
    missing = [_PARTS[key] for key, file in files.items() if file is None and key not in optional]
    if missing:
        raise DataError(f"{folder}: no file named {missing[0]}*; put it beside the others")
    return {key: read_idx(file) for key, file in files.items() if file is not None}


def read_idx(file: Path) -> npt.NDArray[Any]:
    """Return the array in an IDX file.

    Raises:
        DataError: It is no IDX file, or shorter or longer than it says.
    """
    content = _content(file)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES:
        raise DataError(f"{file} does not begin as an IDX file does; download it again")
    rank = content[3]
    shape = np.frombuffer(content, ">u4", min(rank, (len(content) - 4) // 4), 4)
    dtype, size = np.dtype(_TYPES[content[2]]), int(np.prod(shape, dtype=np.int64))
    start = 4 + 4 * rank
    if len(shape) != rank or len(content) != start + size * dtype.itemsize:
        raise DataError(
            f"{file} has {len(content)} bytes, which does not fit its shape "
            f"{tuple(shape.tolist())}; download it again"
        )
    array = np.frombuffer(content, dtype, size, start).reshape(shape.tolist())
    return array.astype(dtype.newbyteorder("="))


def _find(folder: Path, prefix: str) -> Path | None:
    """Return the file of a part, the one without .gz if there are two."""
    return min(
        folder.glob(f"{prefix}*"), key=lambda file: (file.suffix == ".gz", file), default=None
    )


def _content(file: Path) -> bytes:
    content = file.read_bytes()
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{file} is a damaged gzip file ({error}); download it again") from error
