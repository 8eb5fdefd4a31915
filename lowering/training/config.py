"""How to train: one value, checked when it is made. Imports neither JAX nor optax."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Protocol, TypeAlias

from jarch.lowering.augmentation.kinds import Augmentation, as_augmentations

from .errors import TrainConfigError
from .metrics import METRICS, Metric, Task
from .settling import settled

Schedule: TypeAlias = Callable[[Any], Any]
"""A learning rate by step, counted from 0; every schedule of optax is one."""

OptionValue: TypeAlias = float | int | bool | str | None


class GradientTransformation(Protocol):
    """What `optax.GradientTransformation` looks like."""

    @property
    def init(self) -> Callable[..., Any]:
        """Make the state from the parameters."""
        ...

    @property
    def update(self) -> Callable[..., Any]:
        """Make updates from gradients."""
        ...


Optimizer: TypeAlias = str | GradientTransformation | Callable[..., GradientTransformation]


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """How to train a model.

    Attributes:
        epochs: How often to go through the training examples; 1 or more.
        batch_size: Examples a step; the training split's size if that is smaller. What does not
            fill a batch is left out of an epoch, other examples in each.
        optimizer: The name of a function of optax that takes a learning rate (`"adam"`, `"sgd"`,
            `"lion"`, …), such a function itself, or an `optax.GradientTransformation`, which has
            its own learning rate.
        optimizer_options: Further arguments for the function, such as `{"momentum": 0.9}`.
        learning_rate: The highest learning rate, or an optax schedule, then `schedule` is not used.
        schedule: `"constant"`, `"linear"`, `"cosine"`, `"warmup_cosine"` or `"exponential"`, over
            all steps.
        warmup_fraction: The part of the steps in which `"warmup_cosine"` rises.
        final_fraction: The last learning rate as a fraction of the highest.
        weight_decay: Decoupled (Loshchilov & Hutter 2019): each step takes the learning rate times
            this part off each parameter of rank 2 or more, so not off biases and normalisation.
        label_smoothing: The part of the target's probability spread over all classes.
        task: `"classification"` or `"regression"`; None goes by the data.
        metrics: Names in `METRICS`, or a `Metric`; none means accuracy, or mse and r2. The first is
            the one that early stopping watches. `"loss"` is always reported.
        early_stopping_patience: Stop when the first metric has not improved on the validation split
            for so many epochs, and keep the weights of its best epoch; None trains to the end and
            keeps the last weights.
        seed: Decides initial weights, order of examples, dropout and augmentation. Two runs on one
            machine with the same seed give the same weights.
        dtype: What to compute in, such as `"bfloat16"`; None is the parameters' float32. Weights,
            the optimiser's state, loss and batch statistics are of float32 whatever it is.
        augment: What to do to training images, in order: values of `jarch.augment`, or their names
            such as `"flip"`, `"crop"` and `"mixup"`, or a name with its first number, `"cutout=4"`.
        ema_decay: Validate, and keep, moving averages of the weights and of batch statistics with
            this decay, such as 0.999; None takes those of the last step.
        clip_norm: Scale gradients down to this norm, of all together, where it is larger; None
            leaves them.

    Raises:
        TrainConfigError: A value is out of range or unknown.

    Example:
        >>> TrainConfig(epochs=3, optimizer="sgd", optimizer_options={"momentum": 0.9}).epochs
        3
    """

    epochs: int = 10
    batch_size: int = 64
    optimizer: Optimizer = "adam"
    optimizer_options: Mapping[str, OptionValue] = field(default_factory=dict[str, OptionValue])
    learning_rate: float | Schedule = 1e-3
    schedule: Literal["constant", "linear", "cosine", "warmup_cosine", "exponential"] = "cosine"
    warmup_fraction: float = 0.1
    final_fraction: float = 0.01
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    task: Task | None = None
    metrics: tuple[str | Metric, ...] = ()
    early_stopping_patience: int | None = None
    seed: int = 0
    dtype: str | None = None
    augment: tuple[str | Augmentation, ...] = ()
    ema_decay: float | None = None
    clip_norm: float | None = None

    def __post_init__(self) -> None:
        """Check each value."""
        for each in fields(self):
            object.__setattr__(self, each.name, settled(each.name, getattr(self, each.name)))


def resolve(config: TrainConfig, num_classes: int | None) -> TrainConfig:
    """Return the configuration with task and metrics decided for data.

    Args:
        config: Any.
        num_classes: Of the data; None for regression.

    Raises:
        TrainConfigError: Task, metrics, label smoothing or augmentation do not fit the data.
    """
    task: Task = "regression" if num_classes is None else "classification"
    if config.task not in (None, task):
        raise TrainConfigError(
            f"task is {config.task!r} but the data is for {task}; leave task out, or load the data "
            f"with task={config.task!r}"
        )
    if task == "regression" and config.label_smoothing:
        raise TrainConfigError("label_smoothing needs classes, but the data is for regression")
    for each in as_augmentations(config.augment):
        if each.mixes and task == "regression":
            raise TrainConfigError(
                f"augment has {each.kind!r}, which mixes classes, but the data is for regression; "
                "leave it out"
            )
    names = ("accuracy",) if task == "classification" else ("mse", "r2")
    metrics = tuple(
        metric if isinstance(metric, Metric) else METRICS[metric]
        for metric in config.metrics or names
    )
    for metric in metrics:
        if metric.task not in (None, task):
            raise TrainConfigError(f"metric {metric.name!r} is for {metric.task}, not {task}")
    return replace(config, task=task, metrics=config.metrics or names)


def metrics_of(config: TrainConfig) -> tuple[Metric, ...]:
    """Return the metrics of a configuration, names looked up."""
    return tuple(
        metric if isinstance(metric, Metric) else METRICS[metric] for metric in config.metrics
    )
