"""Whether what a search goes by is among what an evaluation returns, and what to do if not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jarch import lowering
from jarch.data import Dataset
from jarch.lowering.training.config import metrics_of, resolve

if TYPE_CHECKING:
    from jarch.lowering import TrainConfig


def validation_metrics(data: Dataset, config: TrainConfig) -> tuple[str, ...]:
    """Return the names of what a model is judged by on the validation split; none without one.

    Raises:
        TrainConfigError: The configuration does not fit the data.

    Example:
        >>> import jarch as ja
        >>> validation_metrics(ja.load_data("digits"), ja.TrainConfig(metrics=("top5",)))
        ('loss', 'top5')
    """
    metrics = metrics_of(resolve(config, data.num_classes))
    return ("loss", *(metric.name for metric in metrics)) if len(data.x_validation) else ()


def objection(names: Sequence[str], returned: Sequence[str]) -> str:
    """Return what is wrong with objectives, and what to do; "" where all of them are returned.

    Args:
        names: Of the objectives.
        returned: The metrics that evaluations return.

    Example:
        >>> objection(["accuracy"], ["loss", "accuracy"])
        ''
        >>> objection(["accuracy", "flops"], ["loss"]).partition(";")[0]
        "objective 'accuracy' is none of what an evaluation returns, loss"
    """
    for name in names:
        if name not in returned:
            known = ", ".join(returned)
            found = f"objective {name!r} is none of what an evaluation returns, {known}"
            return f"{found}; {_remedy(name)}"
    return ""


def _remedy(name: str) -> str:
    for cost in lowering.COSTS.values():
        if name in (cost.name, cost.spread):
            return f"have it measured by costs=[{cost.name!r}]"
    if name in lowering.METRICS:
        return "let metrics of the configuration name it, and data have a validation split"
    return "take one of these, or a Metric of your own in metrics of the configuration"
