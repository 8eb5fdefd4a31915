"""Train a candidate, and judge it on the validation split."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from jarch import lowering
from jarch.data import Dataset
from jarch.ir import Analysis, Architecture, Shape, ShapeError, analyze

from .trials import Trials

if TYPE_CHECKING:
    from jarch.lowering import Checkpoint, EpochReport, TrainConfig, Trained


@dataclass(slots=True)
class TrainingEvaluator:
    """Trains architectures and returns their validation metrics, parameters and FLOPs.

    It never looks at the test split. What `jarch.random_search` takes as `evaluate`. Its fidelities
    are epochs: a trial that is evaluated again for more of them goes on from where it was, to the
    same result as without a stop. The schedule is always that of all epochs of the configuration.

    Attributes:
        data: What to train and validate on.
        config: How to train; its seed is replaced by that of each evaluation.
        on_epoch: Called with a report after each epoch; what it returns is not looked at.
        trained: The model of the last evaluation; None where that failed.
        folder: Where checkpoints of trials are kept that may go on; None keeps them in memory.
        keep: Of at most so many trials; one that has none is trained from the beginning.
        seconds: Judge a candidate as it is when it has trained for so long; None for no limit.
        memory_limit: Refuse candidates that would probably take more bytes to train; None for what
            is available when they begin, `math.inf` for no limit.

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
    folder: Path | None = None
    keep: int = 32
    seconds: float | None = None
    memory_limit: float | None = None
    _trials: Trials = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin without trials."""
        self._trials = Trials(self.folder, self.keep)

    def __call__(self, architecture: Architecture, seed: int) -> Mapping[str, float]:
        """Return the metrics of an architecture.

        Raises:
            ShapeError: Shapes do not fit each other or the data; nothing has compiled yet then.
            TrainingFailed: A loss was not finite, or the memory does not suffice.
        """
        analysis = self._prepare(architecture)
        config = replace(self.config, seed=seed)
        if self.seconds is None:
            trained = lowering.fit(architecture, self.data, config, on_epoch=self._report)
        else:
            trained, _ = self._train(architecture, config, config.epochs, None)
        return self._judge(trained, analysis)

    def at(
        self, architecture: Architecture, seed: int, fidelity: int, trial: int | None
    ) -> Mapping[str, float]:
        """Return the metrics of an architecture after so many epochs of all.

        Args:
            architecture: What to train.
            seed: The same for all evaluations of a trial.
            fidelity: The epochs; at most those of the configuration.
            trial: Goes on from where it was, if it was evaluated for fewer epochs before; None for
                one that will not go on.

        Raises:
            ShapeError: As when called.
            TrainConfigError: The configuration has fewer epochs.
            TrainingFailed: As when called.
        """
        analysis = self._prepare(architecture)
        config = replace(self.config, seed=seed)
        before = None if trial is None else self._trials.find(trial)
        if before is not None and len(before.history) > fidelity:
            before = None
        try:
            trained, after = self._train(architecture, config, fidelity, before)
        except lowering.CheckpointError:  # it is another trial's, of another search
            trained, after = self._train(architecture, config, fidelity, None)
        if trial is not None and fidelity < config.epochs and len(after.history) <= fidelity:
            self._trials.put(trial, after)
        elif trial is not None:
            self._trials.drop(trial)
        return self._judge(trained, analysis)

    def retain(self, trials: Sequence[int]) -> None:
        """Forget where trials stand but for these, of which the first are kept."""
        self._trials.retain(trials)

    def _prepare(self, architecture: Architecture) -> Analysis:
        """Check that shapes and memory fit, and forget what is too much."""
        self.trained = None
        analysis = analyze(architecture, input_shapes(architecture.inputs, self.data))
        self._require_memory(analysis)
        return analysis

    def _require_memory(self, analysis: Analysis) -> None:
        limit = lowering.available_bytes() if self.memory_limit is None else self.memory_limit
        batch = min(self.config.batch_size, len(self.data.x_train))
        needed = lowering.training_bytes(analysis, self.config, batch)
        if limit is not None and needed > limit:
            raise lowering.TrainingFailed(
                f"training would take some {needed / 1e6:,.0f} MB of memory, more than "
                f"{limit / 1e6:,.0f} MB; lower batch_size, or bound the parameters of candidates"
            )

    def _train(
        self,
        architecture: Architecture,
        config: TrainConfig,
        epochs: int,
        checkpoint: Checkpoint | None,
    ) -> tuple[Trained, Checkpoint]:
        part = lowering.fit_partly(
            architecture,
            self.data,
            config,
            epochs=epochs,
            seconds=self.seconds,
            checkpoint=checkpoint,
            on_epoch=self._report,
        )
        return part.trained, part.checkpoint

    def _judge(self, trained: Trained, analysis: Analysis) -> Mapping[str, float]:
        self.trained = trained
        counts = {"parameters": analysis.parameters, "flops": analysis.flops}
        return {**trained.validation, **counts}

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
