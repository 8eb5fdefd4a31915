"""The one batch on which candidates are measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jarch.data import Dataset
from jarch.ir import Architecture, Shape, ShapeError, analyze
from jarch.lowering.training.metrics import Task
from jarch.surrogates.surrogate import SurrogateError

Examples: TypeAlias = "Dataset | tuple[Any, Any]"
"""A data set, of which the training split is taken; or inputs and targets, examples first."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Inputs and targets of N examples.

    Attributes:
        x: Inputs of shape (N, …).
        y: Classes of shape (N,), int32; or numbers of shape (N,) or (N, K), float32.
        task: Whether the targets are classes or numbers.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    task: Task

    @property
    def shape(self) -> Shape:
        """The shape of one example."""
        return tuple(self.x.shape[1:])

    @property
    def floating(self) -> bool:
        """Whether the inputs are floating-point numbers."""
        return bool(np.issubdtype(self.x.dtype, np.floating))


def draw_batch(data: Examples, size: int, seed: int) -> Batch:
    """Return examples drawn without replacement: all of them where there are no more.

    Args:
        data: Where from. Targets that are integers are classes, others numbers.
        size: How many; naswot and jacov compare examples, and need 2.
        seed: Of the draw.

    Raises:
        SurrogateError: The size is less than 2, or the numbers of inputs and targets differ.
    """
    x, y = (data.x_train, data.y_train) if isinstance(data, Dataset) else data
    x, y = np.asarray(x), np.asarray(y)
    if size < 2 or len(x) < 2:
        raise SurrogateError(f"a batch of {min(size, len(x))} compares nothing; give 2 or more")
    if len(x) != len(y):
        raise SurrogateError(f"{len(x)} inputs have {len(y)} targets; give one target for each")
    if size < len(x):
        chosen = np.random.default_rng(seed).choice(len(x), size, replace=False)
        x, y = x[chosen], y[chosen]
    classes = bool(np.issubdtype(y.dtype, np.integer))
    x = x.astype(np.float32 if np.issubdtype(x.dtype, np.floating) else np.int32)
    y = y.astype(np.int32 if classes else np.float32)
    return Batch(x, y, "classification" if classes else "regression")


def check_fits(architecture: Architecture, batch: Batch) -> None:
    """Check that an architecture takes the inputs and gives what the targets need.

    Raises:
        ShapeError: It does not.
    """
    inputs, outputs = architecture.inputs, [name for name, _ in architecture.outputs]
    if len(inputs) != 1 or len(outputs) != 1:
        raise ShapeError(
            f"the architecture has inputs {list(inputs)} and outputs {outputs}; proxies measure "
            "those with one of each"
        )
    given = tuple(analyze(architecture, {inputs[0]: batch.shape}).outputs[outputs[0]])
    wanted = tuple(batch.y.shape[1:])
    if batch.task == "regression" and given not in (wanted, wanted or (1,)):
        raise ShapeError(f"the output is {given} but the targets are numbers of shape {wanted}")
    classes = int(batch.y.max()) + 1 if batch.task == "classification" else 0
    if batch.task == "classification" and (len(given) != 1 or given[0] < classes):
        raise ShapeError(f"the output is {given} but the targets are {classes} classes or more")
