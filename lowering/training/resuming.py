"""Where a training stands, so that it can go on to the same result: in memory and on disk."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX, Flax, optax and orbax are partial)

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import jax
import numpy as np
import orbax.checkpoint as ocp

from jarch.ir import Architecture, to_json

from .batches import Data
from .checkpoints import plain_config
from .config import TrainConfig
from .errors import CheckpointError
from .steps import TrainState, Variables
from .trained import EpochReport, Trained

Ending: TypeAlias = Literal["epochs", "plateau", "asked", "limit", "seconds"]

_FORMAT = "jarch.checkpoint/1"
_DESCRIPTION, _ARRAYS = "checkpoint.json", "arrays"


@dataclass(frozen=True, slots=True)
class Best:
    """The best epoch so far, where early stopping watches for one.

    Attributes:
        report: Of the epoch.
        score: What early stopping compares: more is better.
        variables: The weights after it, on the host.
    """

    report: EpochReport
    score: float
    variables: Variables


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """All that a training knows after some steps: going on from it equals not having stopped.

    The order of examples and all dropout follow from the seed and the number of the step, so there
    is no other generator to keep.

    Attributes:
        identity: A hash of architecture, configuration and data; only they can go on from here.
        steps: How many were trained, in all epochs together.
        leaves: The arrays of weights, batch statistics and the optimiser's state, in the order of
            their tree, on the host.
        history: A report for each whole epoch.
        best: The best epoch so far; None without early stopping.
        over: Nothing is left to train: all epochs are done, or early stopping ended it.
    """

    identity: str
    steps: int
    leaves: tuple[Any, ...]
    history: tuple[EpochReport, ...]
    best: Best | None
    over: bool


@dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """A training that may go on.

    Attributes:
        trained: The model as it is now; with early stopping, as it was after its best epoch.
        checkpoint: What to go on from.
        ended: Why it is where it is: all "epochs" of the configuration are done, early stopping
            saw a "plateau", `on_epoch` "asked", the "limit" of epochs or steps is reached, or the
            "seconds" are over.
    """

    trained: Trained
    checkpoint: Checkpoint
    ended: Ending


def identify(architecture: Architecture, config: TrainConfig, data: Data) -> str:
    """Return the hash by which a checkpoint knows whether it fits."""
    targets = np.ascontiguousarray(data.y_train)
    parts = [
        to_json(architecture),
        json.dumps(plain_config(config), sort_keys=True, default=repr),
        [list(each.shape) for each in (data.x_train, data.x_validation)],
        str(data.x_train.dtype),
        zlib.crc32(targets.tobytes()),
    ]
    return sha256(json.dumps(parts).encode()).hexdigest()


def to_host(state: TrainState) -> tuple[Any, ...]:
    """Return copies of the arrays of a state: the next step reuses the memory of its own."""
    leaves: list[Any] = jax.tree.leaves(state)
    return tuple(_copy(leaf) for leaf in leaves)


def to_device(checkpoint: Checkpoint, like: TrainState) -> TrainState:
    """Return the state in a checkpoint.

    Args:
        checkpoint: Its arrays stay as they are, however often it is gone on from.
        like: A state of the same tree, such as the one before the first step.

    Raises:
        CheckpointError: The arrays are not those of such a state.
    """
    expected: list[Any] = jax.tree.leaves(like)
    tree = cast(Any, jax.tree.structure(like))
    found = [(np.shape(leaf), str(leaf.dtype)) for leaf in checkpoint.leaves]
    if found != [(np.shape(leaf), str(leaf.dtype)) for leaf in expected]:
        raise CheckpointError("its arrays are not those of this architecture and optimiser")
    leaves = [np.array(leaf) for leaf in checkpoint.leaves]
    restored: Any = jax.tree.unflatten(tree, jax.device_put(leaves))
    return cast(TrainState, restored)


def save_checkpoint(checkpoint: Checkpoint, folder: str | Path) -> Path:
    """Write a checkpoint to a folder of its own; an earlier one in it is replaced.

    Args:
        checkpoint: What to write.
        folder: Made where it is not there. It is there whole or not at all.

    Returns:
        The folder.

    Example:
        >>> made = Checkpoint("0a1b", 20, (np.ones(3),), (), None, over=False)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     read = load_checkpoint(save_checkpoint(made, Path(folder) / "first"))
        >>> read.steps, read.leaves[0].tolist()
        (20, [1.0, 1.0, 1.0])
    """
    place = Path(folder).expanduser().absolute()
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}-") as temporary:
        written = Path(temporary) / "written"
        written.mkdir()
        _write(checkpoint, written)
        if place.exists():
            os.replace(place, Path(temporary) / "before")
        os.replace(written, place)
    return place


def load_checkpoint(folder: str | Path) -> Checkpoint:
    """Return the checkpoint in a folder that `save_checkpoint` wrote.

    Raises:
        CheckpointError: There is no complete checkpoint in it, or not of this version of jarch.
    """
    place = Path(folder).expanduser().absolute()
    try:
        read: dict[str, Any] = json.loads((place / _DESCRIPTION).read_text(encoding="utf-8"))
        if read["format"] != _FORMAT:
            raise CheckpointError(f"{place}: format {read['format']!r} is unknown; update jarch")
        arrays = _read_arrays(place / _ARRAYS, read["arrays"])
        return _parse(read, arrays)
    except (OSError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{place} holds no checkpoint that can be read: {error}") from error


def remove_checkpoint(folder: str | Path) -> None:
    """Remove the checkpoint in a folder, and the folder; it need not be there."""
    shutil.rmtree(Path(folder).expanduser(), ignore_errors=True)


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
    checkpointer: Any = ocp.StandardCheckpointer()
    with checkpointer:
        checkpointer.save(folder / _ARRAYS, named)


def _read_arrays(folder: Path, described: list[tuple[list[int], str]]) -> list[Any]:
    like = {str(i): np.empty(shape, _dtype(name)) for i, (shape, name) in enumerate(described)}
    checkpointer: Any = ocp.StandardCheckpointer()
    with checkpointer:
        read: dict[str, Any] = checkpointer.restore(folder, like)
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


def _copy(leaf: Any) -> Any:
    return np.array(leaf)
