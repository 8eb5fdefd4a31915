"""Several trainings of one candidate, and their metrics as means and deviations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Protocol

import numpy as np

from jarch.ir import Architecture
from jarch.lowering import TrainConfigError

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


class Repeats(Protocol):
    """An evaluator that can be repeated, such as `TrainingEvaluator`."""

    def repeats(self, architecture: Architecture, seeds: Sequence[int]) -> Mapping[str, float]:
        """Return the mean and the deviation of each metric over seeds."""
        ...

    def lacks(self, names: Sequence[str]) -> str:
        """Return what is wrong with objectives that it does not return; "" if it returns them."""
        ...


@dataclass(frozen=True, slots=True)
class RepeatedEvaluator:
    """Judges a candidate by the means of its metrics over several trainings, less by luck.

    Beside each metric stands its standard deviation, such as `"accuracy_std"`, which may be an
    objective too.

    Attributes:
        evaluator: Trains; together what is faster together.
        times: How often, at least once.

    Raises:
        TrainConfigError: The number is below 1.

    Example:
        >>> import jarch as ja
        >>> data = ja.load_data("digits", limit=200)
        >>> evaluate = RepeatedEvaluator(ja.TrainingEvaluator(data, ja.TrainConfig(epochs=1)), 2)
        >>> net = ja.replay(ja.trace(ja.spaces.digits_dense), [1, 16, "relu"])
        >>> sorted(evaluate(net, seed=0))[:2]
        ['accuracy', 'accuracy_std']
    """

    evaluator: Repeats
    times: int

    def __post_init__(self) -> None:
        """Check the number."""
        if self.times < 1:
            raise TrainConfigError(f"times is {self.times}; it must be 1 or more")

    def __call__(self, architecture: Architecture, seed: int) -> Mapping[str, float]:
        """Return means and deviations over the seed and others that follow from it."""
        others = np.random.SeedSequence(seed).generate_state(self.times - 1)
        return self.evaluator.repeats(architecture, [seed, *(int(each) >> 1 for each in others)])

    def lacks(self, names: Sequence[str]) -> str:
        """Return what is wrong with objectives that it does not return; "" if it returns them."""
        return self.evaluator.lacks([name.removesuffix(SPREAD) for name in names])
