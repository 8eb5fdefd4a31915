"""What training gives: a model with its weights and its history."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX, Flax, optax and orbax are partial)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from jarch.ir import Architecture
from jarch.lowering.model import Model

from .batches import batches, target_rows
from .config import TrainConfig, metrics_of
from .errors import InputError
from .metrics import LOSSES, Array
from .steps import Variables, forward


@dataclass(frozen=True, slots=True)
class EpochReport:
    """How an epoch went.

    Attributes:
        epoch: Counted from 1.
        epochs: How many there are to be at most.
        seconds: Wall time of the epoch with its validation; the first one includes compiling.
        compile_seconds: What of it the first training step took, tracing and compiling; 0 after.
        learning_rate: Of the last step.
        train_loss: Mean over the steps, with label smoothing and dropout.
        validation: Metrics on the validation split by name, `"loss"` among them; empty without one.

    Example:
        >>> def good_enough(report):  # as `on_epoch` of `fit`: ends the training
        ...     return report.validation["accuracy"] > 0.95
        >>> good_enough(EpochReport(3, 10, 0.5, 0.0, 1e-3, 0.2, {"accuracy": 0.96, "loss": 0.1}))
        True
    """

    epoch: int
    epochs: int
    seconds: float
    compile_seconds: float
    learning_rate: float
    train_loss: float
    validation: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Signature:
    """What goes into a trained model and comes out of it.

    Attributes:
        input_shape: Of one example.
        input_dtype: Of inputs, such as `"float32"`.
        num_classes: None for regression.
        target_shape: Of one target: () or (K,).
        class_names: By index, where classes have names.
    """

    input_shape: tuple[int, ...]
    input_dtype: str
    num_classes: int | None
    target_shape: tuple[int, ...] = ()
    class_names: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A trained model.

    Attributes:
        model: Lowered to Flax.
        variables: Weights and batch statistics, on the host.
        config: How it was trained; task and metrics are decided.
        signature: What goes in and comes out.
        history: A report for each epoch.
        validation: Metrics of these weights on the validation split; empty without one.

    Example:
        >>> import jarch as ja
        >>> model = ja.lower(ja.replay(ja.trace(lambda: ja.nn.dense(features=2)), []))
        >>> weights = {"params": {"dense": {"kernel": np.eye(2), "bias": np.zeros(2)}}}
        >>> signature = Signature((2,), "float32", num_classes=2)
        >>> trained = Trained(model, weights, TrainConfig(), signature, (), {})  # as `fit` makes it
        >>> trained.predict([[0.1, 0.9], [0.7, 0.3]]).tolist()
        [1, 0]
    """

    model: Model
    variables: Variables
    config: TrainConfig
    signature: Signature
    history: tuple[EpochReport, ...]
    validation: Mapping[str, float]

    @property
    def architecture(self) -> Architecture:
        """What was trained."""
        return self.model.architecture

    def outputs(self, x: npt.ArrayLike) -> Array:
        """Return what the model gives: logits (N, classes), or numbers (N, …), as float32.

        Args:
            x: N examples, scaled as the training examples were.

        Raises:
            InputError: They have another shape, or integers stand where floats are needed.
        """
        inputs = self._inputs(x)
        size = self.config.batch_size
        made = [np.asarray(self._forward(batch)) for batch in batches(inputs, size)]
        if not made:
            return np.asarray(self._forward(np.zeros((1, *inputs.shape[1:]), inputs.dtype)))[:0]
        return np.concatenate(made)[: len(inputs)]

    def predict(self, x: npt.ArrayLike) -> Array:
        """Return the class index of each example, (N,), or the numbers in the targets' shape.

        Raises:
            InputError: As for `outputs`.
        """
        outputs = self.outputs(x)
        if self.signature.num_classes is not None:
            return np.asarray(np.argmax(outputs, axis=-1))
        return outputs.reshape(len(outputs), *self.signature.target_shape)

    def evaluate(self, x: npt.ArrayLike, y: npt.ArrayLike) -> dict[str, float]:
        """Return the configured metrics by name, and `"loss"`, on given examples.

        Raises:
            InputError: There are no examples, or inputs and targets do not fit.
        """
        targets = np.asarray(y)
        outputs = self.outputs(x)
        kept = self.signature
        if targets.shape != (len(outputs), *kept.target_shape) or not len(outputs):
            raise InputError(
                f"targets have shape {targets.shape}; for {len(outputs)} examples it must be "
                f"{(len(outputs), *kept.target_shape)}, with at least one example"
            )
        if kept.num_classes is not None:
            integers = np.issubdtype(targets.dtype, np.integer)
            if not integers or targets.min() < 0 or targets.max() >= kept.num_classes:
                raise InputError(f"labels must be integers of 0 to {kept.num_classes - 1}")
        return measure(self.config, kept, outputs, targets)

    def _forward(self, batch: Array) -> Any:
        return forward(self.model.module, self.variables, batch)

    def _inputs(self, x: npt.ArrayLike) -> Array:
        array = np.asarray(x)
        shape, dtype = self.signature.input_shape, np.dtype(self.signature.input_dtype)
        if array.shape[1:] != shape or array.ndim != len(shape) + 1:
            raise InputError(
                f"inputs have shape {array.shape}; the model takes (examples, "
                f"{', '.join(map(str, shape))}); add a batch axis to a single example by x[None]"
            )
        if np.issubdtype(dtype, np.floating) != np.issubdtype(array.dtype, np.floating):
            raise InputError(
                f"inputs are of type {array.dtype} but the model was trained on {dtype}; convert "
                "and scale them as the training examples were"
            )
        return np.asarray(array, self.signature.input_dtype)


def measure(
    config: TrainConfig, signature: Signature, outputs: Array, targets: Array
) -> dict[str, float]:
    """Return the metrics of outputs by name, and `"loss"`.

    Args:
        config: With the task decided.
        signature: Of the model.
        outputs: Of shape (N, …).
        targets: Of shape (N,) or (N, K).
    """
    assert config.task is not None
    rows = target_rows(targets, signature.num_classes)
    if config.task == "regression":
        outputs = outputs.reshape(rows.shape)
    found = {"loss": LOSSES[config.task].function(outputs, rows)}
    for metric in metrics_of(config):
        found[metric.name] = float(metric.function(outputs, rows))
    return found
