"""Folders of images, one folder a class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from .errors import DataError

_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
_GRAY, _DEEP = {"1", "L", "LA"}, {"I", "F", "I;16", "I;16B", "I;16L", "I;16N"}


def read_image_folder(folder: Path) -> tuple[dict[str, npt.NDArray[Any]], tuple[str, ...]]:
    """Return `x_train`, `y_train`, and `x_test`, `y_test` if there are any, and the class names.

    The layout is `folder/CLASS/*.png`, or `folder/train/CLASS/*.png` and `folder/test/CLASS/*.png`.
    Classes are numbered in the order of their names. Images are bytes of shape (N, H, W, C), with
    one channel if all are gray, and three if any has colours; transparency is dropped.

    Raises:
        DataError: A class is empty, an image is damaged, or images differ in size.
    """
    divided = (folder / "train").is_dir()
    train = folder / "train" if divided else folder
    names = tuple(_subfolders(train))
    if not names:
        raise DataError(
            f"{folder} holds neither IDX files nor folders of images; lay images out as "
            "CLASS/IMAGE.png or as train/CLASS/IMAGE.png and test/CLASS/IMAGE.png"
        )
    parts = {"train": _files(train, names, every=True)}
    if divided and (folder / "test").is_dir():
        unknown = sorted(set(_subfolders(folder / "test")) - set(names))
        if unknown:
            raise DataError(
                f"{folder}/test: class {unknown[0]!r} is not in train; add or remove it"
            )
        parts["test"] = _files(folder / "test", names, every=False)
    return _arrays(parts), names


def _arrays(parts: dict[str, list[tuple[Path, int]]]) -> dict[str, npt.NDArray[Any]]:
    images = {part: [_read(file) for file, _ in files] for part, files in parts.items()}
    everything = [image for part in images.values() for image in part]
    mode = "L" if all(image.mode in _GRAY for image in everything) else "RGB"
    first, size = next(iter(parts.values()))[0][0], everything[0].size
    found: dict[str, npt.NDArray[Any]] = {}
    for part, files in parts.items():
        for (file, _), image in zip(files, images[part], strict=True):
            if image.size != size:
                raise DataError(
                    f"{file} has {image.size[0]} by {image.size[1]} pixels and {first} has "
                    f"{size[0]} by {size[1]}; bring all images to one size"
                )
        pixels = np.stack([np.asarray(image.convert(mode)) for image in images[part]])
        found[f"x_{part}"] = pixels.reshape(*pixels.shape[:3], -1)
        found[f"y_{part}"] = np.array([label for _, label in files], np.int32)
    return found


def _subfolders(folder: Path) -> list[str]:
    return sorted(
        entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[0] not in "._"
    )


def _files(folder: Path, names: tuple[str, ...], every: bool) -> list[tuple[Path, int]]:
    """Return image files and their classes; complain of a class without images if `every`."""
    found: list[tuple[Path, int]] = []
    for label, name in enumerate(names):
        entries = sorted((folder / name).iterdir()) if (folder / name).is_dir() else []
        files = [entry for entry in entries if entry.suffix.lower() in _SUFFIXES]
        if every and not files:
            raise DataError(
                f"{folder / name}: the class has no images ({', '.join(sorted(_SUFFIXES))}); add "
                "some or remove the folder"
            )
        found += [(file, label) for file in files]
    if not found:
        raise DataError(f"{folder} has no images; add some or remove the folder")
    return found


def _read(file: Path) -> Image.Image:
    try:
        with Image.open(file) as image:
            image.load()
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise DataError(f"{file} is no image that Pillow can read ({error}); remove it") from error
    if image.mode in _DEEP:
        raise DataError(
            f"{file} has more than 8 bits a pixel (mode {image.mode}); convert the images to 8 "
            "bits, or save them as arrays in an .npz file"
        )
    return image
