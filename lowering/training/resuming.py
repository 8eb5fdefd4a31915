"""Where a training stands, so that it can go on to the same result."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX, Flax and optax are partial)

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, TypeAlias, cast

import jax
import numpy as np

from jarch.ir import Architecture, to_json

from .batches import Data
from .checkpoints import plain_config
from .config import TrainConfig
from .data_hashes import data_hash
from .describing import described
from .errors import CheckpointError
from .rates import learning_rates
from .steps import TrainState, Variables
from .trained import EpochReport, Trained

Ending: TypeAlias = Literal["epochs", "plateau", "asked", "limit", "seconds", "interrupted"]

_PARTS = ("architecture", "configuration", "data")


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
        identity: Of architecture, configuration and data; only they can go on from here.
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
    """Return by what a checkpoint knows whether it fits: a hash of each of these, joined by `/`.

    They are the same in another process. A schedule of the user's own counts by the rates that it
    gives; an optimiser that is no name, by the names of its functions and the values that they
    enclose, so that one may be taken for another that differs in code alone. Data are hashed as
    `data_hash` does it.
    """
    described = json.dumps(_configuration(config, len(data.x_train)))
    written = (to_json(architecture), described, data_hash(data))
    return "/".join(sha256(each.encode()).hexdigest() for each in written)


def kind_of_state(population: bool, in_segments: bool) -> str:
    """Return what stands before the hashes of an identity: in which form a state is.

    Args:
        population: Whether it is of `fit_population_partly`.
        in_segments: Whether it is of programs of segments, not of whole nets.

    Example:
        >>> kind_of_state(True, False) + "0/1/2"
        'population 0/1/2'
    """
    words = ["population"] * population + ["segments"] * in_segments
    return "".join(f"{word} " for word in words)


def check_checkpoint(checkpoint: object, identity: str, whose: str = "the checkpoint") -> None:
    """Check that a checkpoint is one, and that it is of this training.

    Args:
        checkpoint: What was given for one.
        identity: What `identify` says of the training, after `kind_of_state`.
        whose: What the message is to call it.

    Raises:
        CheckpointError: It is not; the message says what differs.
    """
    if not isinstance(checkpoint, Checkpoint):
        raise CheckpointError(
            f"{whose} is a {type(checkpoint).__name__} and no Checkpoint; give the attribute "
            "checkpoint of a Partial, or None to begin: what failed has none"
        )
    if checkpoint.identity == identity:
        return
    (kind, *found), (expected, *sought) = _split(checkpoint.identity), _split(identity)
    population = "population" in kind
    if population != ("population" in expected):
        differs = (
            f"is of fit_{'population_' if population else ''}partly, which alone goes on from it"
        )
    elif found == sought:
        raise _of_other_programs(whose, in_segments="segments" in kind)
    else:
        other = [name for name, a, b in zip(_PARTS, found, sought, strict=True) if a != b]
        differs = f"is of another {' and another '.join(other)}"
    raise CheckpointError(f"{whose} {differs}; train from the beginning, with None in place of it")


def _of_other_programs(whose: str, in_segments: bool) -> CheckpointError:
    way = "segments" if in_segments else "whole"
    return CheckpointError(
        f"the arrays of {whose} are those of other programs: its training began on another "
        "backend, say, or with another version of optax; go on as it began, if need be under "
        f"jarch.lowering.training.ways.overruled_way({way!r}), or train from the beginning"
    )


def _split(identity: str) -> list[str]:
    """Return the kind of training and the three hashes, which are empty in one made by hand."""
    kind, _, hashes = identity.rpartition(" ")
    parts = hashes.split("/")
    return [kind, *(parts if len(parts) == len(_PARTS) else [""] * len(_PARTS))]


def _configuration(config: TrainConfig, examples: int) -> Any:
    values = plain_config(config)
    values["optimizer"] = config.optimizer
    values["learning_rate"] = config.learning_rate
    if callable(config.learning_rate):
        values["learning_rate"] = learning_rates(
            config, examples // min(config.batch_size, examples)
        )
    return described(values)


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
        raise _of_other_programs("the checkpoint", in_segments="segments" in checkpoint.identity)
    leaves = [np.array(leaf) for leaf in checkpoint.leaves]
    restored: Any = jax.tree.unflatten(tree, jax.device_put(leaves))
    return cast(TrainState, restored)


def _copy(leaf: Any) -> Any:
    return np.array(leaf)
