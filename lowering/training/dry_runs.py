"""What can be known of a training before it begins: its program's key, whether it compiles."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jarch.ir import Architecture, Shape
from jarch.lowering.model import Model, lower

from .batches import Data, target_rows
from .checking import as_model, check_shapes
from .config import TrainConfig, resolve
from .levels import QUICK, level_of
from .memory import planned_bytes
from .regularizers import regularizers_of
from .steps import (
    Epoch,
    Numbers,
    Program,
    compiled_step,
    program_values,
    start,
    step_key,
)
from .trained import Signature

_shape: Callable[..., Any] = jax.ShapeDtypeStruct  # JAX does not say its types


@dataclass(frozen=True, slots=True)
class DryRun:
    """A training step that was compiled and not run.

    Attributes:
        seconds: What tracing and compiling took, at the compiler's lowest level.
        bytes: The memory that a step takes, as the compiler plans it: weights, the optimiser's
            state, activations; without the data set. None where the backend does not tell.
    """

    seconds: float
    bytes: int | None


def program_key(
    architecture: Architecture | Model, data: Data, config: TrainConfig | None = None
) -> str:
    """Return the key of the program that trains an architecture: 64 hexadecimal digits.

    Candidates of one key are trained by one program, compiled once. It is the sha256 of the graph
    in normal form, which has neither names nor numbers such as rates of dropout; of the shapes and
    types of data and batches; of the optimiser without its numbers; of backend, versions and
    options of JAX; and, on CPUs, of whether there are so few steps that it is compiled quickly. A
    user's own operations and optimisers count by name alone, where the programs of two differ.

    Args:
        architecture: What would be trained.
        data: On what.
        config: How.

    Raises:
        ShapeError: The model does not fit the data.

    Example:
        >>> import jarch as ja
        >>> def net(rate):
        ...     space = ja.trace(lambda: ja.sequential(ja.nn.dropout(rate), ja.nn.dense(10)))
        ...     return ja.replay(space, [])
        >>> data = ja.from_arrays([[0.0, 1.0]] * 20, list(range(10)) * 2)
        >>> program_key(net(0.1), data) == program_key(net(0.2), data)
        True
    """
    decided = resolve(config or TrainConfig(), data.num_classes)
    model = as_model(architecture, decided)
    x, y = data.x_train, target_rows(data.y_train, data.num_classes)
    shape = tuple(x.shape[1:])
    signature = Signature(shape, str(x.dtype), data.num_classes, tuple(data.y_train.shape[1:]))
    check_shapes(model.architecture, signature)
    program, batch_size = _program(model, decided), min(decided.batch_size, len(x))
    steps = decided.epochs * (len(x) // batch_size)
    level = level_of(model.architecture, shape, batch_size, steps)
    return step_key(program, _arguments(program, model, x, y, batch_size), level=level)[0]


def dry_run(
    architecture: Architecture,
    inputs: Mapping[str, Shape],
    batch_size: int = 64,
    targets: Shape | None = None,
) -> DryRun:
    """Compile a training step as quickly as the compiler can, without running it.

    Whatever XLA has to say against a model it says now.

    Args:
        architecture: With one input and one output.
        inputs: The shape of the input by name, without the batch axis.
        batch_size: Examples a step.
        targets: The shape of one example's numbers to predict; None for classification, for which
            the output counts as logits.

    Raises:
        ShapeError: Shapes do not fit.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(lambda: ja.sequential(ja.nn.flatten, ja.nn.dense(10))), [])
        >>> dry_run(net, {"in": (8, 8, 1)}).seconds < 60
        True
    """
    began = time.perf_counter()
    shape = (batch_size, *inputs[architecture.inputs[0]])
    model = lower(architecture)
    program = _program(model, TrainConfig(task="regression" if targets else "classification"))
    y_type = np.float32 if targets else np.int32
    x, y = _shape(shape, np.float32), _shape((batch_size, *(targets or ())), y_type)
    arguments = _arguments(program, model, x, y, batch_size)
    level = QUICK if jax.default_backend() == "cpu" else None
    compiled: Any = compiled_step(program, arguments, level)
    return DryRun(time.perf_counter() - began, planned_bytes(compiled))


def _program(model: Model, config: TrainConfig) -> Program:
    assert config.task is not None
    options = tuple(sorted(config.optimizer_options.items()))
    return Program(model.module, config.task, config.optimizer, options, regularizers_of(config))


def _arguments(program: Program, model: Model, x: Any, y: Any, batch_size: int) -> tuple[Any, ...]:
    """Return the arguments of a step, data and epoch as shapes."""
    state = start(program, model.init(0, _shape((1, *x.shape[1:]), x.dtype)))
    steps = x.shape[0] // batch_size
    epoch = Epoch(_shape((steps, batch_size), np.int32), _shape((steps,), np.float32))
    numbers = Numbers(np.float32(0), np.float32(0), np.uint32(0))
    data = [_shape(each.shape, jax.dtypes.canonicalize_dtype(each.dtype)) for each in (x, y)]
    return (state, *data, epoch, numbers, program_values(program))
