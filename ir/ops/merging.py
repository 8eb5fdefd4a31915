"""Several inputs into one, and operations that only pass on or reshape."""

from __future__ import annotations

from math import prod

from jarch.ir.errors import ShapeError
from jarch.ir.operations import Inference, Op, Properties, Shapes

from .rules import Rule, only_shape


def infer_elementwise(properties: Properties, shapes: Shapes) -> Inference:
    """Infer a sum or product of inputs of one shape; nothing is broadcast."""
    (first, shape), *others = _several(shapes)
    for name, other in others:
        if other != shape:
            raise ShapeError(
                f"input {first} has shape {shape} but {name} has {other}; make them the same, for "
                "example with the same features and strides in both branches"
            )
    return Inference({"out": shape}, flops=len(others) * prod(shape))


def infer_concatenate(properties: Properties, shapes: Shapes) -> Inference:
    """Infer a concatenation along the last axis."""
    (first, shape), *others = _several(shapes)
    if not shape:
        raise ShapeError(f"input {first} has shape (), without a last axis to concatenate along")
    channels = shape[-1]
    for name, other in others:
        if len(other) != len(shape) or other[:-1] != shape[:-1]:
            raise ShapeError(
                f"input {first} has shape {shape} but {name} has {other}; all axes but the last "
                "must be the same, for example by the same strides in both branches"
            )
        channels += other[-1]
    return Inference({"out": (*shape[:-1], channels)})


def infer_same(properties: Properties, shapes: Shapes) -> Inference:
    """Infer an output of the input's shape that takes no arithmetic."""
    return Inference({"out": only_shape(shapes)})


def infer_flatten(properties: Properties, shapes: Shapes) -> Inference:
    """Infer all axes as one."""
    return Inference({"out": (prod(only_shape(shapes)),)})


def _several(shapes: Shapes) -> list[tuple[str, tuple[int, ...]]]:
    if not shapes:
        raise ShapeError("has no inputs; give it one or more")
    return list(shapes.items())


ADD = Op("add", Rule({}, infer_elementwise))
MULTIPLY = Op("multiply", Rule({}, infer_elementwise))
CONCATENATE = Op("concatenate", Rule({}, infer_concatenate))
IDENTITY = Op("identity", Rule({}, infer_same))
ZERO = Op("zero", Rule({}, infer_same))
FLATTEN = Op("flatten", Rule({}, infer_flatten))
