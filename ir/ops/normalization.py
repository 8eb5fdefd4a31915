"""Normalisation, each with a scale and a bias for every channel, dropout and dropped paths."""

from __future__ import annotations

from math import prod

from jarch.ir.errors import ShapeError
from jarch.ir.operations import Inference, Op, Properties, Shapes, Variable

from .rules import ABOVE_ZERO, FRACTION, POSITIVE, RATE, Rule, channels_of, integer, only_shape


def infer_batch_norm(properties: Properties, shapes: Shapes) -> Inference:
    """Infer a normalisation over all but the channels, by running statistics in inference."""
    channels = channels_of(shapes)
    shape = only_shape(shapes)
    statistics = (
        Variable(("mean",), (channels,), "zeros", "batch_stats"),
        Variable(("var",), (channels,), "ones", "batch_stats"),
    )
    flops = 3 * prod(shape) + 2 * channels
    return Inference({"out": shape}, _scale_and_bias(channels) + statistics, flops)


def infer_layer_norm(properties: Properties, shapes: Shapes) -> Inference:
    """Infer a normalisation over the channels."""
    channels = channels_of(shapes)
    shape = only_shape(shapes)
    flops = 7 * prod(shape) + 4 * prod(shape[:-1])
    return Inference({"out": shape}, _scale_and_bias(channels), flops)


def infer_group_norm(properties: Properties, shapes: Shapes) -> Inference:
    """Infer a normalisation over the axes before the channels and groups of channels."""
    channels, groups = channels_of(shapes), integer(properties, "groups")
    shape = only_shape(shapes)
    if channels % groups:
        raise ShapeError(
            f"groups={groups} does not divide the {channels} channels of the input {shape}; use a "
            f"divisor of {channels}, or a number of channels that {groups} divides"
        )
    flops = 6 * prod(shape) + 3 * groups + 2 * channels
    return Inference({"out": shape}, _scale_and_bias(channels), flops)


def infer_dropout(properties: Properties, shapes: Shapes) -> Inference:
    """Infer a dropout: outside of training it does nothing."""
    return Inference({"out": only_shape(shapes)})


def infer_drop_path(properties: Properties, shapes: Shapes) -> Inference:
    """Infer a dropped path: outside of training it does nothing."""
    return Inference({"out": only_shape(shapes)})


def _scale_and_bias(channels: int) -> tuple[Variable, ...]:
    return (
        Variable(("scale",), (channels,), "ones"),
        Variable(("bias",), (channels,), "zeros"),
    )


BATCH_NORM = Op("batch_norm", Rule({"momentum": FRACTION, "epsilon": ABOVE_ZERO}, infer_batch_norm))
LAYER_NORM = Op("layer_norm", Rule({"epsilon": ABOVE_ZERO}, infer_layer_norm))
GROUP_NORM = Op("group_norm", Rule({"groups": POSITIVE, "epsilon": ABOVE_ZERO}, infer_group_norm))
DROPOUT = Op("dropout", Rule({"rate": RATE}, infer_dropout))
DROP_PATH = Op("drop_path", Rule({"rate": RATE}, infer_drop_path))
