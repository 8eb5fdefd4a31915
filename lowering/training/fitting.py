"""The training loop."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX, Flax, optax and orbax are partial)

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import NamedTuple, cast

import jax
import numpy as np

from jarch.ir import Architecture
from jarch.lowering.model import Model

from .batches import Data, epoch_order
from .budgets import Budget, check_limits, ending
from .compilation_cache import enable_compilation_cache
from .config import TrainConfig
from .errors import TrainingFailed, TrainingInterrupted
from .feeding import begin_validation, fed
from .interrupts import noticed_interrupts
from .judging import better, on_host, on_plateau, require_finite, require_finite_metrics
from .preparation import Run, prepare, require_memory_for
from .resuming import (
    Best,
    Checkpoint,
    Ending,
    Partial,
    check_checkpoint,
    identify,
    kind_of_state,
    to_device,
    to_host,
)
from .stepping import Steps, Take
from .steps import Epoch, Numbers, TrainState, Variables
from .trained import EpochReport, Trained, measure
from .ways import steps_of, way_of

_DEFAULT = TrainConfig()
_REMEDY = "take a smaller architecture, or memory_limit=math.inf to try all the same"
_DeviceError = cast(type[RuntimeError], jax.errors.JaxRuntimeError)


@dataclass(slots=True)
class _Progress:
    """What changes while a model trains."""

    by: Steps
    numbers: Numbers
    state: TrainState
    steps: int = 0
    history: list[EpochReport] = field(default_factory=list[EpochReport])
    best: Best | None = None
    ended: Ending | None = None
    fresh: bool = True  # nothing has run yet in this call: the first step may compile
    ahead: Iterator[_Given] | None = None  # what the next epoch's steps are given, begun already


class _Given(NamedTuple):
    """What some steps of an epoch are taken by."""

    steps: int
    take: Take


def fit(
    architecture: Architecture | Model,
    data: Data,
    config: TrainConfig = _DEFAULT,
    *,
    on_epoch: Callable[[EpochReport], object] | None = None,
    variables: Variables | None = None,
    memory_limit: float | None = None,
) -> Trained:
    """Train a model on the training split of a data set, and judge it on the validation split.

    The test split is not looked at. Equal architectures compile once in a process, and, with the
    compilation cache, once on a machine.

    Args:
        architecture: What to train, or a model that it was lowered to. It has one input and one
            output, which are logits in classification.
        data: A `jarch.data.Dataset`.
        config: How.
        on_epoch: Called with a report after each epoch; training stops when it returns True.
        variables: Where to start, such as another model's weights; None draws them by the seed.
        memory_limit: Do not begin where weights and the optimiser's state alone take more bytes;
            None for what is available, `math.inf` for no limit.

    Raises:
        ShapeError: The model takes or gives other shapes than the data has.
        TrainConfigError: The configuration does not fit the data.
        TrainingFailed: The loss is not finite, or the memory does not suffice.
        TrainingInterrupted: By the keyboard; it holds a checkpoint to go on from.

    Example:
        >>> import jarch as ja
        >>> def space():
        ...     return ja.sequential(ja.nn.flatten, ja.nn.dense(10))
        >>> architecture = ja.replay(ja.trace(space), [])
        >>> trained = ja.fit(architecture, ja.load_data("digits"), ja.TrainConfig(epochs=2))
        >>> sorted(trained.validation)
        ['accuracy', 'loss']
    """
    run = prepare(architecture, data, config)
    require_memory_for(run, memory_limit, remedy=_REMEDY)
    return _finish(run, _train_noticing(run, Budget(_total(run)), on_epoch, variables, None))


def fit_partly(
    architecture: Architecture | Model,
    data: Data,
    config: TrainConfig = _DEFAULT,
    *,
    epochs: int | None = None,
    steps: int | None = None,
    seconds: float | None = None,
    checkpoint: Checkpoint | None = None,
    on_epoch: Callable[[EpochReport], object] | None = None,
    memory_limit: float | None = None,
) -> Partial:
    """Train a model for a part of what `fit` would, or go on from an earlier part.

    `config.epochs` is the whole training: schedules are spread over all of it, whatever the part,
    so six epochs of 24 are the first six of those 24. However it is divided into parts, the result
    equals that of `fit`, bit for bit on one machine.

    Args:
        architecture: As for `fit`.
        data: As for `fit`.
        config: How, with the epochs of the whole training.
        epochs: Stop when so many are done, those of earlier parts included.
        steps: Stop when so many are done, those of earlier parts included; it may be within an
            epoch, for which there is no report before it is whole.
        seconds: Stop so long after the start of this call, compiling included: after the step that
            is under way then, or up to a twentieth of a second later, but not before one step. The
            model is validated after that.
        checkpoint: What an earlier part ended with; None begins.
        on_epoch: As for `fit`; one that stopped the training once does not hinder going on.
        memory_limit: As for `fit`.

    Raises:
        CheckpointError: The checkpoint is of another architecture, configuration or data, or of a
            member of a population, or no checkpoint.
        ShapeError: As for `fit`.
        TrainConfigError: As for `fit`, or a limit is less than 1 or more than all, or no number.
        TrainingFailed: As for `fit`.
        TrainingInterrupted: As for `fit`.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(lambda: ja.sequential(ja.nn.flatten, ja.nn.dense(10)))
        >>> architecture, data = ja.replay(space, []), ja.load_data("digits")
        >>> config = ja.TrainConfig(epochs=4)
        >>> part = ja.fit_partly(architecture, data, config, epochs=1)
        >>> rest = ja.fit_partly(architecture, data, config, checkpoint=part.checkpoint)
        >>> rest.trained.validation == ja.fit(architecture, data, config).validation
        True
    """
    run = prepare(architecture, data, config)
    require_memory_for(run, memory_limit, remedy=_REMEDY)
    budget = _budget(run, epochs, steps, seconds)
    if checkpoint is not None:
        check_checkpoint(checkpoint, _identity(run))
    return _part(run, _train_noticing(run, budget, on_epoch, None, checkpoint))


def _train_noticing(
    run: Run,
    limits: Budget,
    on_epoch: Callable[[EpochReport], object] | None,
    variables: Variables | None,
    checkpoint: Checkpoint | None,
) -> _Progress:
    """Train up to a limit; an interrupt ends it, and is raised with where it stands."""
    part: Partial | None = None
    with noticed_interrupts() as interrupted:
        budget = replace(limits, interrupted=interrupted)
        progress = _train(run, budget, on_epoch, variables, checkpoint)
        if interrupted():  # where this fails, for a loss is not finite, the interrupt is raised
            part = _part(run, progress)
    if interrupted():
        raise TrainingInterrupted([part or _part(run, progress)])
    return progress


def _part(run: Run, progress: _Progress) -> Partial:
    """Return where a training stands."""
    over = progress.ended == "plateau" or progress.steps == _total(run)
    arrays = to_host(progress.state)
    history = tuple(progress.history)
    made = Checkpoint(_identity(run), progress.steps, arrays, history, progress.best, over)
    assert progress.ended is not None
    return Partial(_finish(run, progress), made, progress.ended)


def _identity(run: Run) -> str:
    kind = kind_of_state(population=False, in_segments=way_of(run) == "segments")
    return kind + identify(run.model.architecture, run.config, run.data)


def _budget(run: Run, epochs: int | None, steps: int | None, seconds: float | None) -> Budget:
    total = _total(run)
    check_limits(epochs, steps, run.config.epochs, total)
    last = min(total, (epochs or run.config.epochs) * run.rates.shape[1], steps or total)
    return Budget(last, ending(seconds))


def _total(run: Run) -> int:
    return int(run.rates.size)


def _train(
    run: Run,
    budget: Budget,
    on_epoch: Callable[[EpochReport], object] | None,
    variables: Variables | None,
    checkpoint: Checkpoint | None,
) -> _Progress:
    """Train up to a limit, from the beginning or a checkpoint."""
    enable_compilation_cache()
    try:
        progress = _begin(run, variables, checkpoint)
        try:
            while progress.ended is None and progress.steps < budget.steps:
                _train_epoch(run, progress, budget, on_epoch)
        finally:
            progress.ahead = None  # which knows the progress: together they would outlive this
    except _DeviceError as error:
        raise TrainingFailed(f"the device could not go on: {error}") from error
    if progress.ended is None:
        progress.ended = "epochs" if progress.steps == _total(run) else "limit"
    return progress


def _begin(run: Run, variables: Variables | None, checkpoint: Checkpoint | None) -> _Progress:
    if variables is None:
        variables = run.model.init(run.config.seed, run.data.x_train[:1])
    steps = steps_of(run)
    state, numbers = steps.start(variables), jax.device_put(run.numbers)
    if checkpoint is None:
        return _Progress(steps, numbers, state)
    done, history, best = checkpoint.steps, list(checkpoint.history), checkpoint.best
    progress = _Progress(steps, numbers, to_device(checkpoint, state), done, history, best)
    progress.ended = "plateau" if checkpoint.over and done < _total(run) else None
    return progress


def _train_epoch(
    run: Run,
    progress: _Progress,
    budget: Budget,
    on_epoch: Callable[[EpochReport], object] | None,
) -> None:
    """Train to the end of the epoch and validate, or to the limit if it comes first."""
    began = time.perf_counter()
    whole = run.rates.shape[1]
    number = progress.steps // whole + 1
    compiled = _take_steps(run, progress, budget, number)
    if progress.steps < number * whole:
        return
    # The device still takes the steps. What is to come next is made ready before it is waited for.
    validate = _begin_validation(run, progress, number)
    if progress.steps < budget.steps:
        progress.ahead = _given(run, progress, budget, number + 1)
    loss = float(progress.state.loss) / whole
    require_finite("the training loss", loss, number)
    validation = validate()
    seconds = time.perf_counter() - began
    rate = float(run.rates[number - 1][-1])
    report = EpochReport(number, run.config.epochs, seconds, compiled, rate, loss, validation)
    progress.history.append(report)
    progress.best = better(
        run.config, progress.best, report, lambda: on_host(progress.by.variables_of(progress.state))
    )
    asked = on_epoch is not None and on_epoch(report) is True
    if on_plateau(run.config, progress.best, number):
        progress.ended = "plateau"
    elif asked:
        progress.ended = "asked"


def _take_steps(run: Run, progress: _Progress, budget: Budget, number: int) -> float:
    """Train to the end of the epoch or to the limit; return what compiling took, in seconds.

    The host waits for the device only at the end, and now and then where there is a clock to watch.
    """
    began, compiled = time.perf_counter(), 0.0
    coming = progress.ahead or _given(run, progress, budget, number)
    progress.ahead = None
    for steps, take in coming:
        end = progress.steps + steps
        while progress.steps < end:
            if budget.is_late(progress.steps, partial(_wait, progress)):
                progress.ended = budget.why
                return compiled
            count = min(end - progress.steps, _together(progress, budget))
            progress.state = take(progress.state, count)
            progress.steps += count
            if progress.fresh:
                compiled, progress.fresh = time.perf_counter() - began, False
    return compiled


def _given(run: Run, progress: _Progress, budget: Budget, number: int) -> Iterator[_Given]:
    """Return what the steps to the end of the epoch, or to the limit, are given, begun already."""
    order = epoch_order(len(run.data.x_train), run.batch_size, run.config.seed, number)
    epoch, before = Epoch(order, run.rates[number - 1]), (number - 1) * len(order)
    bounds = progress.steps - before, min(len(order), budget.steps - before)

    def made() -> Iterator[_Given]:
        batches = fed(run.data, run.batch_size, epoch, *bounds, lambda: _wait(progress))
        for steps, x, y, on_device in batches:
            take = progress.by.make_step(progress.state, x, y, on_device, progress.numbers)
            yield _Given(steps, take)

    coming = made()
    return chain([next(coming)], coming)


def _together(progress: _Progress, budget: Budget) -> int:
    """Return how many steps to take at once: after the first no further than the next look."""
    return 1 if progress.fresh else min(progress.by.together, budget.ahead(progress.steps))


def _wait(progress: _Progress) -> None:
    """Wait until the device has taken all steps so far."""
    np.asarray(progress.state.step)


def _finish(run: Run, progress: _Progress) -> Trained:
    """Return the model as it is now, or as it was after the best epoch."""
    if progress.best is not None:
        variables, validation = progress.best.variables, progress.best.report.validation
    else:
        variables = on_host(progress.by.variables_of(progress.state))
        whole = progress.steps % run.rates.shape[1] == 0 and progress.history
        number = progress.steps // run.rates.shape[1] + 1
        last = progress.history[-1].validation if whole else None
        validation = _begin_validation(run, progress, number)() if last is None else last
    return Trained(
        run.model, variables, run.config, run.signature, tuple(progress.history), validation
    )


def _begin_validation(run: Run, progress: _Progress, number: int) -> Callable[[], dict[str, float]]:
    """Return what waits for the metrics of the validation split in an epoch; {} if it is empty."""
    targets = run.data.y_validation
    if not len(targets):
        return dict[str, float]
    state = progress.state
    outputs = begin_validation(
        run.data, run.batch_size, lambda batch: progress.by.outputs(state, batch)
    )
    return lambda: require_finite_metrics(
        measure(run.config, run.signature, outputs(), targets), number
    )
