"""The training loop."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX, Flax, optax and orbax are partial)

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import jax
import numpy as np
import numpy.typing as npt

from jarch.ir import Architecture
from jarch.lowering.model import Model

from .batches import Data, DeviceData, device_data, epoch_order
from .checking import as_model, check_shapes
from .compilation_cache import enable_compilation_cache
from .config import TrainConfig, metrics_of, resolve
from .errors import TrainConfigError, TrainingFailed
from .optimizers import check_optimizer
from .rates import learning_rates
from .steps import Epoch, Numbers, Program, TrainState, Variables, forward, start, train_step
from .trained import EpochReport, Signature, Trained, measure

_DEFAULT = TrainConfig()
_DeviceError = cast(type[RuntimeError], jax.errors.JaxRuntimeError)


@dataclass(frozen=True, slots=True)
class _Run:
    """All that stays the same while a model trains."""

    model: Model
    data: Data
    config: TrainConfig
    signature: Signature
    batch_size: int
    program: Program
    numbers: Numbers
    rates: npt.NDArray[np.float32]  # of shape (epochs, steps)


@dataclass(frozen=True, slots=True)
class _Best:
    report: EpochReport
    score: float
    variables: Variables


def fit(
    architecture: Architecture | Model,
    data: Data,
    config: TrainConfig = _DEFAULT,
    *,
    on_epoch: Callable[[EpochReport], object] | None = None,
    variables: Variables | None = None,
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

    Raises:
        ShapeError: The model takes or gives other shapes than the data has.
        TrainConfigError: The configuration does not fit the data.
        TrainingFailed: The loss is not finite, or the device ran out of memory.

    Example:
        >>> import jarch as ja
        >>> def space():
        ...     return ja.sequential(ja.nn.flatten, ja.nn.dense(10))
        >>> architecture = ja.replay(ja.trace(space), [])
        >>> trained = ja.fit(architecture, ja.load_data("digits"), ja.TrainConfig(epochs=2))
        >>> sorted(trained.validation)
        ['accuracy', 'loss']
    """
    run = _prepare(architecture, data, config)
    enable_compilation_cache()
    try:
        return _train(run, on_epoch, variables)
    except _DeviceError as error:
        raise TrainingFailed(f"the device could not go on: {error}") from error


def _prepare(architecture: Architecture | Model, data: Data, config: TrainConfig) -> _Run:
    """Check what can be checked without compiling, and gather what stays the same."""
    config = resolve(config, data.num_classes)
    check_optimizer(config)
    if config.early_stopping_patience is not None and not len(data.x_validation):
        raise TrainConfigError("early_stopping_patience needs a validation split; there is none")
    model = as_model(architecture, config)
    signature = Signature(
        tuple(data.x_train.shape[1:]),
        str(data.x_train.dtype),
        data.num_classes,
        tuple(data.y_train.shape[1:]),
        data.class_names,
    )
    check_shapes(model.architecture, signature)
    batch_size = min(config.batch_size, len(data.x_train))
    options = tuple(sorted(config.optimizer_options.items()))
    assert config.task is not None
    return _Run(
        model,
        data,
        config,
        signature,
        batch_size,
        Program(model.module, config.task, config.optimizer, options),
        Numbers(
            np.float32(config.weight_decay),
            np.float32(config.label_smoothing),
            np.uint32(config.seed % 2**32),
        ),
        learning_rates(config, len(data.x_train) // batch_size),
    )


def _train(
    run: _Run, on_epoch: Callable[[EpochReport], object] | None, variables: Variables | None
) -> Trained:
    if variables is None:
        variables = run.model.init(run.config.seed, run.data.x_train[:1])
    state = start(run.program, variables)
    history: list[EpochReport] = []
    best: _Best | None = None
    for epoch in range(1, run.config.epochs + 1):
        state, report = _train_epoch(run, state, epoch)
        history.append(report)
        best = _better(run, best, report, state)
        stop = on_epoch is not None and on_epoch(report) is True
        if stop or (best and epoch - best.report.epoch >= _patience(run.config)):
            break
    kept = _host(_variables(state)) if best is None else best.variables
    report = history[-1] if best is None else best.report
    return Trained(run.model, kept, run.config, run.signature, tuple(history), report.validation)


def _train_epoch(run: _Run, state: TrainState, number: int) -> tuple[TrainState, EpochReport]:
    """Train for an epoch and validate; the host waits for the device only at its end."""
    began = time.perf_counter()
    device = device_data(run.data, run.batch_size)
    examples = len(run.data.x_train)
    order = epoch_order(examples, run.batch_size, run.config.seed, number)
    rates = run.rates[number - 1]
    epoch, numbers = jax.device_put((Epoch(order, rates), run.numbers))
    state = _step(run, state, device, epoch, numbers)
    compiled = time.perf_counter() - began if number == 1 else 0.0
    for _ in range(1, len(rates)):
        state = _step(run, state, device, epoch, numbers)
    loss = float(state.loss) / len(rates)
    _require_finite("the training loss", loss, number)
    validation = _validate(run, state)
    for name, value in validation.items():
        _require_finite(f"validation {name}", value, number)
    seconds = time.perf_counter() - began
    rate = float(rates[-1])
    return state, EpochReport(number, run.config.epochs, seconds, compiled, rate, loss, validation)


def _step(
    run: _Run, state: TrainState, device: DeviceData, epoch: Epoch, numbers: Numbers
) -> TrainState:
    return train_step(run.program, state, device.x, device.y, epoch, numbers)


def _validate(run: _Run, state: TrainState) -> dict[str, float]:
    targets = run.data.y_validation
    if not len(targets):
        return {}
    variables = _variables(state)
    waiting: list[Any] = [
        forward(run.model.module, variables, batch)
        for batch in device_data(run.data, run.batch_size).validation
    ]
    outputs = np.concatenate([np.asarray(each) for each in waiting])[: len(targets)]
    return measure(run.config, run.signature, outputs, targets)


def _better(run: _Run, best: _Best | None, report: EpochReport, state: TrainState) -> _Best | None:
    """Return the best epoch so far with its weights; None where all epochs are to be trained."""
    if run.config.early_stopping_patience is None:
        return None
    metric = metrics_of(run.config)[0]
    value = report.validation[metric.name]
    score = value if metric.larger_is_better else -value
    if best is not None and score <= best.score:
        return best
    return _Best(report, score, _host(_variables(state)))


def _patience(config: TrainConfig) -> int:
    return config.early_stopping_patience or config.epochs


def _variables(state: TrainState) -> Variables:
    return {"params": state.params, **state.rest}


def _host(variables: Variables) -> Variables:
    """Copy to the host: on a CPU without copying the next step would reuse the memory."""

    def copied(array: Any) -> Any:
        return np.array(array)

    host: Variables = jax.tree.map(copied, variables)
    return host


def _require_finite(what: str, value: float, epoch: int) -> None:
    if not np.isfinite(value):
        raise TrainingFailed(
            f"{what} is {value}; try a lower learning rate, or normalisation in the model", epoch
        )
