"""Checkpoints on disk: a folder for each, which is there whole or not at all."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .array_files import read_arrays, write_arrays
from .errors import CheckpointError
from .interrupts import to_the_end
from .resuming import Best, Checkpoint
from .trained import EpochReport

_FORMAT = "jarch.checkpoint/2"
_EARLIER = "jarch.checkpoint/1"  # whose identity was of the configuration and little of the data
_DESCRIPTION, _ARRAYS = "checkpoint.json", "arrays"


def save_checkpoint(checkpoint: Checkpoint, folder: str | Path) -> Path:
    """Write a checkpoint to a folder of its own; an earlier one in it is replaced.

    Args:
        checkpoint: What to write.
        folder: Made where it is not there. It is there whole or not at all, and an interrupt waits
            until it is.

    Returns:
        The folder.

    Raises:
        CheckpointError: Something else than a checkpoint is there, which stays as it is.

    Example:
        >>> import jarch as ja
        >>> made = ja.lowering.Checkpoint("0a1b", 20, (np.ones(3),), (), None, over=False)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     read = load_checkpoint(save_checkpoint(made, Path(folder) / "first"))
        >>> read.steps, read.leaves[0].tolist()
        (20, [1.0, 1.0, 1.0])
    """
    place = Path(folder).expanduser().absolute()
    _require_nothing_else(place)
    to_the_end(lambda: _replace(checkpoint, place))
    return place


def load_checkpoint(folder: str | Path) -> Checkpoint:
    """Return the checkpoint in a folder that `save_checkpoint` wrote.

    Raises:
        CheckpointError: There is no complete checkpoint in it, or not of this version of jarch.
    """
    place = Path(folder).expanduser().absolute()
    try:
        read: dict[str, Any] = json.loads((place / _DESCRIPTION).read_text(encoding="utf-8"))
        if read["format"] == _EARLIER:
            raise CheckpointError(f"{place}: an earlier jarch wrote it; train from the beginning")
        if read["format"] != _FORMAT:
            raise CheckpointError(f"{place}: format {read['format']!r} is unknown; update jarch")
        arrays = _read_arrays(place / _ARRAYS, read["arrays"])
        return _parse(read, arrays)
    except (OSError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{place} holds no checkpoint that can be read: {error}") from error


def remove_checkpoint(folder: str | Path) -> None:
    """Remove the checkpoint in a folder, and the folder if it holds nothing else.

    There need not be one, and what cannot be removed stays.
    """
    place = Path(folder).expanduser()
    with suppress(OSError):
        if (place / _DESCRIPTION).is_file():  # it goes last, so that the rest is known for ours
            shutil.rmtree(place / _ARRAYS, ignore_errors=True)
            (place / _DESCRIPTION).unlink()
        place.rmdir()


def _replace(checkpoint: Checkpoint, place: Path) -> None:
    """Write a checkpoint beside its place and move it there; an earlier one goes away."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}-") as temporary:
        written = Path(temporary) / "written"
        written.mkdir()
        _write(checkpoint, written)
        if place.exists():
            os.replace(place, Path(temporary) / "before")
        os.replace(written, place)


def _require_nothing_else(place: Path) -> None:
    """Check that what is to be replaced is a checkpoint, or what is left of one, or nothing."""
    if not os.path.lexists(place):
        return
    if not place.is_dir():
        raise CheckpointError(f"{place} is no folder; name another for the checkpoint")
    found = {each.name for each in place.iterdir()}
    if found and not {_DESCRIPTION} <= found <= {_DESCRIPTION, _ARRAYS}:
        raise CheckpointError(
            f"{place} holds {', '.join(sorted(found)[:3])}, which a checkpoint would replace; name "
            "a folder of its own"
        )


def _write(checkpoint: Checkpoint, folder: Path) -> None:
    best = checkpoint.best
    kept = [] if best is None else list(_flat(best.variables))
    arrays = [*checkpoint.leaves, *(leaf for _, leaf in kept)]
    description = {
        "format": _FORMAT,
        "identity": checkpoint.identity,
        "steps": checkpoint.steps,
        "over": checkpoint.over,
        "history": [asdict(report) for report in checkpoint.history],
        "best": None if best is None else {"report": asdict(best.report), "score": best.score},
        "best_paths": [path for path, _ in kept],
        "arrays": [[list(np.shape(leaf)), str(leaf.dtype)] for leaf in arrays],
    }
    text = json.dumps(description, indent=1) + "\n"
    (folder / _DESCRIPTION).write_text(text, encoding="utf-8")
    named = {str(i): leaf for i, leaf in enumerate(arrays)}
    write_arrays(folder / _ARRAYS, named)


def _read_arrays(folder: Path, described: list[tuple[list[int], str]]) -> list[Any]:
    like = {str(i): np.empty(shape, _dtype(name)) for i, (shape, name) in enumerate(described)}
    read: dict[str, Any] = read_arrays(folder, like)
    return [read[str(i)] for i in range(len(described))]


def _parse(read: dict[str, Any], arrays: list[Any]) -> Checkpoint:
    paths: list[list[str]] = read["best_paths"]
    number = len(arrays) - len(paths)
    best = None
    if read["best"] is not None:
        variables = _nested(zip(paths, arrays[number:], strict=True))
        best = Best(EpochReport(**read["best"]["report"]), read["best"]["score"], variables)
    return Checkpoint(
        read["identity"],
        read["steps"],
        tuple(arrays[:number]),
        tuple(EpochReport(**report) for report in read["history"]),
        best,
        read["over"],
    )


def _flat(variables: Any, path: tuple[str, ...] = ()) -> Iterable[tuple[list[str], Any]]:
    """Yield the path and the array of each leaf of nested dicts."""
    for name, value in variables.items():
        if hasattr(value, "items"):
            yield from _flat(value, (*path, name))
        else:
            yield [*path, name], value


def _nested(leaves: Iterable[tuple[list[str], Any]]) -> dict[str, Any]:
    """Return nested dicts with arrays at their paths."""
    root: dict[str, Any] = {}
    for (*parents, name), leaf in leaves:
        place = root
        for parent in parents:
            place = place.setdefault(parent, {})
        place[name] = leaf
    return root


def _dtype(name: str) -> Any:
    return jax.numpy.dtype(name)  # which knows bfloat16
