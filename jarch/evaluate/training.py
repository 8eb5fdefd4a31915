"""Train a candidate, and judge it on the validation split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jarch import lowering
from jarch.data import Dataset
from jarch.ir import Architecture, Shape, ShapeError, analyze

if TYPE_CHECKING:
    from jarch.lowering import EpochReport, TrainConfig, Trained

_PROGRAMS = 32  # candidates after which compiled programs are forgotten: some 20 MB each


@dataclass(slots=True)
class TrainingEvaluator:
    """Trains architectures and returns their validation metrics, parameters and FLOPs.

    It never looks at the test split. What `jarch.random_search` takes as `evaluate`.

    Attributes:
        data: What to train and validate on.
        config: How to train; its seed is replaced by that of each evaluation.
        on_epoch: Called with a report after each epoch; what it returns is not looked at.
        trained: The model of the last evaluation; None where that failed.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> data = ja.load_data("digits", limit=300)
        >>> evaluate = ja.TrainingEvaluator(data, ja.TrainConfig(epochs=1))
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> metrics = evaluate(ja.sample(space, np.random.default_rng(0)), seed=0)
        >>> sorted(metrics)
        ['accuracy', 'flops', 'loss', 'parameters']
    """

    data: Dataset
    config: TrainConfig
    on_epoch: Callable[[EpochReport], object] | None = None
    trained: Trained | None = None
    _evaluated: int = 0

    def __call__(self, architecture: Architecture, seed: int) -> Mapping[str, float]:
        """Return the metrics of an architecture.

        Raises:
            ShapeError: Shapes do not fit each other or the data; nothing has compiled yet then.
            TrainingFailed: A loss was not finite, or the device ran out of memory.
        """
        self.trained = None
        if self._evaluated and self._evaluated % _PROGRAMS == 0:
            lowering.forget_programs()
        self._evaluated += 1
        analysis = analyze(architecture, input_shapes(architecture.inputs, self.data))
        config = replace(self.config, seed=seed)
        self.trained = lowering.fit(architecture, self.data, config, on_epoch=self._report)
        counts = {"parameters": analysis.parameters, "flops": analysis.flops}
        return {**self.trained.validation, **counts}

    def _report(self, report: EpochReport) -> None:
        if self.on_epoch is not None:
            self.on_epoch(report)


def input_shapes(inputs: tuple[str, ...], data: Dataset) -> Mapping[str, Shape]:
    """Return the shape of each input, without the batch axis.

    Raises:
        ShapeError: There is not exactly one input for the data.
    """
    if len(inputs) != 1:
        raise ShapeError(
            f"the space has {len(inputs)} inputs ({', '.join(inputs)}) but {data.name} is one; "
            "evaluate it with a function of your own"
        )
    return {inputs[0]: data.input_shape}
