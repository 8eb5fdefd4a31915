"""How good outputs are: one function a metric, on NumPy arrays of a whole split.

N is the number of examples, C of classes, K of regression outputs. Classification takes outputs
(logits) of shape (N, C) and integer targets of shape (N,); regression takes both as (N, K).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Task: TypeAlias = Literal["classification", "regression"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of merit.

    Attributes:
        name: What reports call it.
        function: Takes outputs and targets of a whole split, gives a number.
        larger_is_better: Whether an increase is an improvement.
        task: What it is for; None for both.

    Example:
        >>> import numpy as np
        >>> worst = Metric("worst", lambda outputs, targets: float(abs(outputs - targets).max()))
        >>> worst.function(np.array([[1.0]]), np.array([[3.0]]))
        2.0
    """

    name: str
    function: Callable[[Array, Array], float]
    larger_is_better: bool = False
    task: Task | None = None


def accuracy(outputs: Array, targets: Array) -> float:
    """Return the fraction of examples whose largest output is the target's.

    Example:
        >>> accuracy(np.array([[2.0, 1.0], [0.0, 1.0]]), np.array([0, 0]))
        0.5
    """
    return _mean(outputs.argmax(axis=-1) == targets)


def top5(outputs: Array, targets: Array) -> float:
    """Return the fraction of examples whose target is among the five largest outputs.

    Outputs that equal the target's count for it: with five classes or fewer the result is 1.
    """
    chosen = np.take_along_axis(outputs, targets[:, None], axis=-1)
    return _mean((outputs > chosen).sum(axis=-1) < 5)


def cross_entropy(outputs: Array, targets: Array) -> float:
    """Return the mean negative log likelihood of the targets, in nats, without label smoothing."""
    logits = outputs.astype(np.float64)
    logits = logits - logits.max(axis=-1, keepdims=True)
    chosen = np.take_along_axis(logits, targets[:, None], axis=-1)[:, 0]
    return _mean(np.log(np.exp(logits).sum(axis=-1)) - chosen)


def mse(outputs: Array, targets: Array) -> float:
    """Return the mean squared error over examples and outputs."""
    return _mean(np.square(_errors(outputs, targets)))


def mae(outputs: Array, targets: Array) -> float:
    """Return the mean absolute error over examples and outputs."""
    return _mean(np.abs(_errors(outputs, targets)))


def r2(outputs: Array, targets: Array) -> float:
    """Return the coefficient of determination: 1 less squared errors over squared deviations.

    With several outputs, the mean of theirs. A constant target counts as 1 when it is met exactly
    and as 0 otherwise, as in scikit-learn.
    """
    residual = np.square(_errors(outputs, targets)).sum(axis=0)
    wide = targets.astype(np.float64)
    total = np.square(wide - wide.mean(axis=0)).sum(axis=0)
    constant = np.where(residual == 0, 1.0, 0.0)
    return _mean(np.where(total == 0, constant, 1 - residual / np.where(total, total, 1)))


METRICS: Mapping[str, Metric] = {
    "accuracy": Metric("accuracy", accuracy, True, "classification"),
    "top5": Metric("top5", top5, True, "classification"),
    "cross_entropy": Metric("cross_entropy", cross_entropy, False, "classification"),
    "mse": Metric("mse", mse, False, "regression"),
    "mae": Metric("mae", mae, False, "regression"),
    "r2": Metric("r2", r2, True, "regression"),
}
"""The metrics that have names."""

LOSSES: Mapping[Task, Metric] = {
    "classification": METRICS["cross_entropy"],
    "regression": METRICS["mse"],
}
"""What "loss" means when a model is evaluated."""


def _mean(values: Array) -> float:
    mean: Any = values.mean()
    return float(mean)


def _errors(outputs: Array, targets: Array) -> Array:
    return outputs.astype(np.float64) - targets.astype(np.float64)
