"""What stays the same while a model trains, checked before anything compiles."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX, Flax, optax and orbax are partial)

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jarch.ir import Analysis, Architecture, analyze
from jarch.lowering.augmentation.checking import check_augmentations
from jarch.lowering.augmentation.kinds import as_augmentations
from jarch.lowering.model import Model

from .batches import Data
from .checking import as_model, check_shapes, compute_dtype
from .config import TrainConfig, resolve
from .errors import TrainConfigError
from .memory import require_memory, state_bytes
from .optimizers import check_optimizer
from .rates import learning_rates
from .regularizers import regularizers_of
from .steps import Numbers, Program
from .trained import Signature


@dataclass(frozen=True, slots=True)
class Run:
    """All that stays the same while a model trains.

    Attributes:
        model: What is trained, lowered.
        data: On what.
        config: How, with task and metrics decided.
        signature: What goes into the model and comes out.
        batch_size: Examples a step, no more than there are.
        program: What the step is of.
        numbers: What it computes with.
        rates: The learning rate of each step, of shape (epochs, steps).
    """

    model: Model
    data: Data
    config: TrainConfig
    signature: Signature
    batch_size: int
    program: Program
    numbers: Numbers
    rates: npt.NDArray[np.float32]


def check_config(config: TrainConfig, data: Data) -> TrainConfig:
    """Return the configuration with task and metrics decided, after checking that it fits the data.

    Raises:
        TrainConfigError: It does not.

    Example:
        >>> import jarch as ja
        >>> data = ja.from_arrays([[0.0, 1.0]] * 20, [0, 1] * 10)
        >>> config = check_config(ja.TrainConfig(), data)
        >>> config.task, config.metrics
        ('classification', ('accuracy',))
    """
    config = resolve(config, data.num_classes)
    check_optimizer(config)
    compute_dtype(config.dtype)
    if config.early_stopping_patience is not None and not len(data.x_validation):
        raise TrainConfigError("early_stopping_patience needs a validation split; there is none")
    check_augmentations(as_augmentations(config.augment), data.x_train)
    return config


def prepare(architecture: Architecture | Model, data: Data, config: TrainConfig) -> Run:
    """Check what can be checked without compiling, and gather what stays the same.

    Raises:
        ShapeError: The model takes or gives other shapes than the data has.
        TrainConfigError: The configuration does not fit the data.
    """
    config = check_config(config, data)
    model = as_model(architecture, config)
    signature = Signature(
        tuple(data.x_train.shape[1:]),
        str(data.x_train.dtype),
        data.num_classes,
        tuple(data.y_train.shape[1:]),
        data.class_names,
    )
    check_shapes(model.architecture, signature)
    regularizers = regularizers_of(config)
    batch_size = min(config.batch_size, len(data.x_train))
    options = tuple(sorted(config.optimizer_options.items()))
    assert config.task is not None
    return Run(
        model,
        data,
        config,
        signature,
        batch_size,
        Program(model.module, config.task, config.optimizer, options, regularizers),
        Numbers(
            np.float32(config.weight_decay),
            np.float32(config.label_smoothing),
            np.uint32(config.seed % 2**32),
        ),
        learning_rates(config, len(data.x_train) // batch_size),
    )


def analysis_of(run: Run) -> Analysis:
    """Return what the model of a run costs, for one example."""
    architecture = run.model.architecture
    return analyze(architecture, {architecture.inputs[0]: run.signature.input_shape})


def require_memory_for(
    run: Run,
    limit: float | None = None,
    models: int = 1,
    remedy: str = "take a smaller architecture",
) -> None:
    """Require memory for what surely lies in it while a run trains, before any of that is made.

    Args:
        run: Of the training.
        limit: In bytes; None for what is available, `math.inf` for no limit.
        models: So many of the kind lie there at once.
        remedy: What to do if it does not suffice.

    Raises:
        TrainingFailed: It does not.
    """
    what = "the weights and the optimiser's state" + f" of {models} models" * (models > 1)
    require_memory(models * state_bytes(analysis_of(run), run.config), limit, what, remedy)
