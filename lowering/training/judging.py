"""What follows from how an epoch went: whether training goes on, and which weights are kept."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from .config import TrainConfig, metrics_of
from .errors import TrainingFailed
from .resuming import Best
from .steps import Variables
from .trained import EpochReport


def better(
    config: TrainConfig,
    best: Best | None,
    report: EpochReport,
    variables: Callable[[], Variables],
) -> Best | None:
    """Return the best epoch so far with its weights; None where all epochs are to be trained.

    Args:
        config: With the metric to watch, its first.
        best: Before this epoch.
        report: Of this epoch.
        variables: Gives the weights after it, on the host; called where they are to be kept.
    """
    if config.early_stopping_patience is None:
        return None
    score = score_of(config, report.validation)
    if best is not None and score <= best.score:
        return best
    return Best(report, score, variables())


def score_of(config: TrainConfig, validation: Any) -> float:
    """Return the first metric of a configuration, turned round where less is better."""
    metric = metrics_of(config)[0]
    value = float(validation[metric.name])
    return value if metric.larger_is_better else -value


def on_plateau(config: TrainConfig, best: Best | None, epoch: int) -> bool:
    """Say whether the last improvement is too long ago to go on."""
    patience = config.early_stopping_patience
    return best is not None and epoch - best.report.epoch >= (patience or config.epochs)


def require_finite(what: str, value: float, epoch: int) -> None:
    """Require that a loss or a metric is a number.

    Raises:
        TrainingFailed: It is not.
    """
    if not np.isfinite(value):
        raise TrainingFailed(
            f"{what} is {value}; try a lower learning rate, or normalisation in the model", epoch
        )


def require_finite_metrics(validation: dict[str, float], epoch: int) -> dict[str, float]:
    """Return metrics of the validation split, all of which must be numbers.

    Raises:
        TrainingFailed: One is not.
    """
    for name, value in validation.items():
        require_finite(f"validation {name}", value, epoch)
    return validation


def on_host(variables: Variables) -> Variables:
    """Copy to the host: on a CPU without copying the next step would reuse the memory."""

    def copied(array: Any) -> Any:
        return np.array(array)

    host: Variables = jax.tree.map(copied, variables)
    return host
