"""Whether a model and data fit, before anything compiles."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX, Flax, optax and orbax are partial)

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from jarch.ir import Architecture, ShapeError, analyze
from jarch.lowering.model import Model, lower

from .config import TrainConfig
from .errors import TrainConfigError
from .trained import Signature


def as_model(architecture: Architecture | Model, config: TrainConfig) -> Model:
    """Return the model, lowered if it is not yet.

    Raises:
        TrainConfigError: The configuration's dtype is unknown, or comes too late.
    """
    if isinstance(architecture, Architecture):
        return lower(architecture, dtype=compute_dtype(config.dtype))
    if config.dtype is not None:
        raise TrainConfigError(
            f"dtype is {config.dtype!r} but the model is lowered already; pass its architecture, "
            "or give dtype to lower"
        )
    return architecture


def compute_dtype(name: str | None) -> Any:
    """Return the type to compute in; None for that of the parameters.

    Raises:
        TrainConfigError: It is no type of floating point numbers.
    """
    if name is None:
        return None
    try:
        dtype = jnp.dtype(name)
    except TypeError:
        dtype = None
    if dtype is None or not jnp.issubdtype(dtype, jnp.floating):
        raise TrainConfigError(
            f"dtype is {name!r}; it must be a type of floats such as 'float32' or 'bfloat16'"
        )
    return dtype


def check_shapes(architecture: Architecture, signature: Signature) -> None:
    """Check that the model takes the inputs and gives as many numbers as the targets need.

    Raises:
        ShapeError: It does not.
    """
    if len(architecture.inputs) != 1 or len(architecture.outputs) != 1:
        raise ShapeError(
            f"the model has inputs {list(architecture.inputs)} and outputs "
            f"{[name for name, _ in architecture.outputs]}; fit trains models with one of each"
        )
    analysis = analyze(architecture, {architecture.inputs[0]: signature.input_shape})
    given = tuple(analysis.outputs[architecture.outputs[0][0]])
    if signature.num_classes is not None and given != (signature.num_classes,):
        raise ShapeError(
            f"the model gives {given} for an example but the data has {signature.num_classes} "
            f"classes; make its output ({signature.num_classes},), such as by "
            f"num_classes={signature.num_classes} where the space takes that"
        )
    wanted = signature.target_shape or (1,)
    if signature.num_classes is None and given not in (wanted, signature.target_shape):
        raise ShapeError(
            f"the model gives {given} for an example but the targets are numbers of shape "
            f"{signature.target_shape}; make its output {wanted}"
        )
