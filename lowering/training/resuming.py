"""Where a training stands, so that it can go on to the same result."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX, Flax and optax are partial)

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, TypeAlias, cast

import jax
import numpy as np

from jarch.ir import Architecture, to_json

from .batches import Data
from .checkpoints import plain_config
from .config import TrainConfig
from .errors import CheckpointError
from .steps import TrainState, Variables
from .trained import EpochReport, Trained

Ending: TypeAlias = Literal["epochs", "plateau", "asked", "limit", "seconds", "interrupted"]


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
            saw a "plateau", `on_epoch` "asked", the "limit" of epochs or steps is reached, the
            "seconds" are over, or it was "interrupted".
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


def _copy(leaf: Any) -> Any:
    return np.array(leaf)
