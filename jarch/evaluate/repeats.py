"""Metrics of several trainings of one candidate as their means and deviations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean, stdev

SPREAD = "_std"
"""What follows the name of a metric in the name of its deviation."""


def means_and_deviations(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each metric, and the standard deviation of such trainings.

    Args:
        found: The metrics of each, at least one; all have the same names.

    Example:
        >>> means_and_deviations([{"loss": 1.0}, {"loss": 2.0}, {"loss": 3.0}])
        {'loss': 2.0, 'loss_std': 1.0}
    """
    result: dict[str, float] = {}
    for name in found[0]:
        values = [metrics[name] for metrics in found]
        result[name] = mean(values)
        result[name + SPREAD] = stdev(values) if len(values) > 1 else 0.0
    return result
