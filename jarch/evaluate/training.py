"""Train a candidate, and judge it on the validation split."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

from jarch import lowering
from jarch.data import Dataset
from jarch.ir import Analysis, Architecture, Shape, ShapeError, analyze
from jarch.lowering.training.budgets import check_seconds
from jarch.lowering.training.seeds import check_seeds

from .costs import CostMeter, LimitExceeded, telling
from .objectives import objection, validation_metrics
from .repeats import means_and_deviations
from .trials import Trials

if TYPE_CHECKING:
    from jarch.lowering import Checkpoint, EpochReport, TrainConfig, Trained, TrainingFailed
    from jarch.runs import Evaluation

    from .stopping import CurveStopping


@dataclass(slots=True)
class TrainingEvaluator:
    """Trains architectures and returns their validation metrics and what they cost.

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
        steps: Judge a candidate as it is after so many steps in all; None for no limit.
        memory_limit: Refuse candidates that would probably take more bytes to train; None for what
            is available when they begin, `math.inf` for no limit.
        costs: Names of costs to measure beside those that are counted, keys of `lowering.COSTS`
            such as `"latency_ms"`: on the compiled program, before a candidate trains.
        limits: The most that costs may be, by name, or the least where more is better, as of
            `"throughput"`. A candidate over one is not trained; `LimitExceeded` says why. Those
            that are counted are looked at before anything compiles.
        stop_early: Ends trainings for all epochs that will probably not beat the best; such a
            candidate is judged as it is then. Shorter trainings of trials are never ended by it.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> data = ja.load_data("digits", limit=300)
        >>> evaluate = ja.TrainingEvaluator(data, ja.TrainConfig(epochs=1))
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> metrics = evaluate(ja.sample(space, np.random.default_rng(0)), seed=0)
        >>> sorted(metrics)
        ['accuracy', 'activation_bytes', 'flops', 'loss', 'parameters']
    """

    data: Dataset
    config: TrainConfig
    on_epoch: Callable[[EpochReport], object] | None = None
    trained: Trained | None = None
    folder: Path | None = None
    keep: int = 32
    seconds: float | None = None
    memory_limit: float | None = None
    steps: int | None = None
    costs: Iterable[str] = ()
    limits: Mapping[str, float] = field(default_factory=dict[str, float])
    stop_early: CurveStopping | None = None
    _curve: list[float] | None = field(init=False, default=None, repr=False)  # None: not to end
    _meter: CostMeter = field(init=False, repr=False)
    _trials: Trials = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin without trials; raise where a limit or a cost cannot be."""
        check_seconds(self.seconds)
        if self.steps is not None and not (isinstance(self.steps, Integral) and self.steps >= 1):
            raise lowering.TrainConfigError(
                f"steps is {self.steps!r}; it must be an integer, 1 or more, or None for no limit"
            )
        self._meter = CostMeter(self.costs, self.limits)
        self._trials = Trials(self.folder, self.keep)

    def __call__(self, architecture: Architecture, seed: int) -> Mapping[str, float]:
        """Return the metrics of an architecture.

        Raises:
            LimitExceeded: It costs more than it may; it has not trained then.
            ShapeError: Shapes do not fit each other or the data; nothing has compiled yet then.
            TrainingFailed: A loss was not finite, or the memory does not suffice.
        """
        costs = self._prepare(architecture)
        config = replace(self.config, seed=seed)
        self._watch(config.epochs, None)
        with telling(costs):
            if self.seconds is None and self.steps is None:
                trained = lowering.fit(
                    architecture,
                    self.data,
                    config,
                    on_epoch=self._report,
                    memory_limit=self.memory_limit,
                )
            else:
                trained, _ = self._train(architecture, config, config.epochs, None)
        return self._judge(trained, costs)

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
            LimitExceeded: As when called.
            ShapeError: As when called.
            TrainConfigError: The configuration has fewer epochs.
            TrainingFailed: As when called.
            TrainingInterrupted: By the keyboard; the trial goes on from there when it is evaluated
                again.
        """
        costs = self._prepare(architecture)
        config = replace(self.config, seed=seed)
        before = None if trial is None else self._trials.find(trial)
        if before is not None and len(before.history) > fidelity:
            before = None
        try:
            with telling(costs):
                trained, after = self._go_on(architecture, config, fidelity, before)
        except lowering.TrainingInterrupted as interrupted:
            if trial is not None:
                self._trials.put(trial, interrupted.parts[0].checkpoint)
            raise
        if trial is not None and fidelity < config.epochs and len(after.history) <= fidelity:
            self._trials.put(trial, after)
        elif trial is not None:
            self._trials.drop(trial)
        return self._judge(trained, costs)

    def repeats(self, architecture: Architecture, seeds: Sequence[int]) -> Mapping[str, float]:
        """Return the metrics of an architecture as means over trainings with these seeds.

        Beside each metric stands its standard deviation, such as `"accuracy_std"`, 0 for one seed.
        The trainings run together where that is fastest, each within `steps` and `seconds`; none is
        ended early. `trained` is the model of the first.

        Args:
            architecture: What to train.
            seeds: At least one.

        Raises:
            LimitExceeded: As when called.
            ShapeError: As when called.
            TrainConfigError: There are no seeds, or they are no integers.
            TrainingFailed: As when called, for any of the seeds.
        """
        seeds = check_seeds(seeds)
        if not seeds:
            raise lowering.TrainConfigError("repeats takes at least one seed")
        costs = self._prepare(architecture)
        configs = [replace(self.config, seed=seed) for seed in seeds]
        models: list[Trained] = []
        with telling(costs):
            for outcome in self._train_together([architecture] * len(configs), configs):
                if isinstance(outcome, lowering.TrainingFailed):
                    raise outcome
                models.append(outcome)
        self.trained = models[0]
        return {**means_and_deviations([model.validation for model in models]), **costs}

    def together(
        self, architectures: Sequence[Architecture], seeds: Sequence[int]
    ) -> list[Mapping[str, float] | Exception]:
        """Return the metrics of several architectures, or what calling it would have raised.

        Those of one program are trained as a population where that is fastest; each comes out as if
        it were evaluated alone. None is ended early. `trained` is the model of the last.

        Args:
            architectures: In any order, of any programs.
            seeds: One for each.

        Raises:
            TrainConfigError: There are more of one than of the other, seeds are no integers, or the
                configuration does not fit the data.
        """
        seeds = check_seeds(seeds)
        if len(architectures) != len(seeds):
            raise lowering.TrainConfigError(
                f"{len(architectures)} architectures and {len(seeds)} seeds; give one for each"
            )
        found: dict[int, Mapping[str, float] | Exception] = {}
        for i, architecture in enumerate(architectures):
            try:
                found[i] = self._prepare(architecture)
                lowering.group_by_program(architecture, self.data, self.config)
            except (LimitExceeded, ShapeError, lowering.TrainingFailed) as error:
                found[i] = error.with_traceback(None)
        fit = [i for i, costs in found.items() if not isinstance(costs, Exception)]
        configs = [replace(self.config, seed=seeds[i]) for i in fit]
        models = self._train_together([architectures[i] for i in fit], configs)
        for i, model in zip(fit, models, strict=True):
            costs = found[i]
            assert not isinstance(costs, Exception)
            if isinstance(model, lowering.TrainingFailed):
                model.costs, found[i] = costs, model
            else:
                found[i] = self._judge(model, costs)
        return [found[i] for i in range(len(architectures))]

    def _train_together(
        self, architectures: Sequence[Architecture], configs: Sequence[TrainConfig]
    ) -> Sequence[Trained | TrainingFailed]:
        if self.seconds is None and self.steps is None:
            return lowering.fit_population(
                architectures,
                self.data,
                configs,
                on_epoch=self._report_of_one,
                memory_limit=self.memory_limit,
            )
        parts = lowering.fit_population_partly(
            architectures,
            self.data,
            configs,
            steps=self._last_step(),
            seconds=None if self.seconds is None else self.seconds * len(configs),
            on_epoch=self._report_of_one,
            memory_limit=self.memory_limit,
        )
        return [
            part if isinstance(part, lowering.TrainingFailed) else part.trained for part in parts
        ]

    def lacks(self, names: Sequence[str]) -> str:
        """Return what is wrong with objectives that it does not return; "" if it returns them.

        A search asks before it begins. A subclass that returns more leaves those out of `names`.

        Raises:
            TrainConfigError: The configuration does not fit the data.
        """
        return objection(names, (*validation_metrics(self.data, self.config), *self._meter.names))

    def retain(self, trials: Sequence[int]) -> None:
        """Forget where trials stand but for these, of which the first are kept."""
        self._trials.retain(trials)

    def observe(self, evaluation: Evaluation) -> None:
        """Take note of what became of an evaluation, this one's or one before a resumption."""
        in_full = evaluation.fidelity is None or evaluation.fidelity == self.config.epochs
        if self.stop_early is not None and in_full:
            self.stop_early.observe(evaluation)

    def _prepare(self, architecture: Architecture) -> Mapping[str, float]:
        """Check that shapes, memory and costs fit, in this order; return the costs."""
        self.trained = None
        analysis = analyze(architecture, input_shapes(architecture.inputs, self.data))
        counted = self._meter.counted(analysis)
        with telling(counted):
            self._require_memory(analysis)
            measured = self._meter.measured(architecture, self.data, self.config)
        return {**counted, **measured}

    def _require_memory(self, analysis: Analysis) -> None:
        needed = lowering.training_bytes(analysis, self.config, self._batch_size())
        remedy = "lower batch_size, bound the parameters of candidates, or raise memory_limit"
        lowering.require_memory(needed, self.memory_limit, "training", remedy)

    def _go_on(
        self,
        architecture: Architecture,
        config: TrainConfig,
        epochs: int,
        before: Checkpoint | None,
    ) -> tuple[Trained, Checkpoint]:
        """Train from a checkpoint, or from the beginning where it is of something else."""
        try:
            self._watch(epochs, before)
            return self._train(architecture, config, epochs, before)
        except lowering.CheckpointError:  # it is another trial's, of another search
            self._watch(epochs, None)
            return self._train(architecture, config, epochs, None)

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
            steps=self._last_step(),
            seconds=self.seconds,
            checkpoint=checkpoint,
            on_epoch=self._report,
            memory_limit=self.memory_limit,
        )
        return part.trained, part.checkpoint

    def _last_step(self) -> int | None:
        """Return after how many steps to stop, of those that there are."""
        if self.steps is None:
            return None
        examples = len(self.data.x_train)
        return min(self.steps, self.config.epochs * (examples // self._batch_size()))

    def _batch_size(self) -> int:
        return min(self.config.batch_size, len(self.data.x_train))

    def _judge(self, trained: Trained, costs: Mapping[str, float]) -> Mapping[str, float]:
        self.trained = trained
        return {**trained.validation, **costs}

    def _watch(self, epochs: int, before: Checkpoint | None) -> None:
        """Begin the curve of a training, with that of its earlier part; none for part of one."""
        self._curve = None
        if self.stop_early is not None and epochs == self.config.epochs:
            history = () if before is None else before.history
            self._curve = [self._objective(report) for report in history]

    def _report(self, report: EpochReport) -> bool:
        """Tell of an epoch; return whether the training is to end."""
        if self.on_epoch is not None:
            self.on_epoch(report)
        if self.stop_early is None or self._curve is None:
            return False
        self._curve.append(self._objective(report))
        return self.stop_early.hopeless(self._curve, self.config.epochs)

    def _report_of_one(self, _: int, report: EpochReport) -> None:
        """Tell of an epoch of one of several trainings, none of which is ended early."""
        if self.on_epoch is not None:
            self.on_epoch(report)

    def _objective(self, report: EpochReport) -> float:
        """Return what early stopping goes by."""
        assert self.stop_early is not None
        name = self.stop_early.objective.name
        if name not in report.validation:
            raise lowering.TrainConfigError(
                f"stop_early goes by {name!r}, which is no metric of the validation split "
                f"({', '.join(report.validation) or 'there is none'}); add it to metrics"
            )
        return report.validation[name]


def input_shapes(inputs: tuple[str, ...], data: Dataset) -> Mapping[str, Shape]:
    """Return the shape of each input, without the batch axis.

    Raises:
        ShapeError: There is not exactly one input for the data.

    Example:
        >>> import jarch as ja
        >>> input_shapes(("image",), ja.load_data("digits"))
        {'image': (8, 8, 1)}
    """
    if len(inputs) != 1:
        raise ShapeError(
            f"the space has {len(inputs)} inputs ({', '.join(inputs)}) but {data.name} is one; "
            "evaluate it with a function of your own"
        )
    return {inputs[0]: data.input_shape}
