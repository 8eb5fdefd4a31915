"""Pooling over windows and over whole images."""

from __future__ import annotations

from math import prod

from jarch.ir.operations import Inference, Op, Properties, Shape, Shapes

from .rules import PADDING, SIZES, Rule, only_shape, or_none, sizes, spatial_of
from .windows import slide


def infer_max_pool(properties: Properties, shapes: Shapes) -> Inference:
    """Infer the greatest element of each window."""
    output, elements = _pool(properties, shapes)
    return Inference({"out": output}, flops=prod(output) * (elements - 1))


def infer_avg_pool(properties: Properties, shapes: Shapes) -> Inference:
    """Infer the mean of each window; zeros of padding count."""
    output, elements = _pool(properties, shapes)
    return Inference({"out": output}, flops=prod(output) * elements)


def infer_global_max_pool(properties: Properties, shapes: Shapes) -> Inference:
    """Infer the greatest element of each channel."""
    spatial, channels = spatial_of(shapes), only_shape(shapes)[-1]
    return Inference({"out": (channels,)}, flops=(prod(spatial) - 1) * channels)


def infer_global_avg_pool(properties: Properties, shapes: Shapes) -> Inference:
    """Infer the mean of each channel."""
    spatial, channels = spatial_of(shapes), only_shape(shapes)[-1]
    return Inference({"out": (channels,)}, flops=prod(spatial) * channels)


def _pool(properties: Properties, shapes: Shapes) -> tuple[Shape, int]:
    """Return the output's shape and how many elements a window has."""
    spatial, channels = spatial_of(shapes), only_shape(shapes)[-1]
    window = sizes(properties, "window", spatial)
    strides = window if properties["strides"] is None else sizes(properties, "strides", spatial)
    output = slide(spatial, window, strides, str(properties["padding"]))
    return (*output, channels), prod(window)


_WINDOW = {"window": SIZES, "strides": or_none(SIZES), "padding": PADDING}

MAX_POOL = Op("max_pool", Rule(_WINDOW, infer_max_pool))
AVG_POOL = Op("avg_pool", Rule(_WINDOW, infer_avg_pool))
GLOBAL_MAX_POOL = Op("global_max_pool", Rule({}, infer_global_max_pool))
GLOBAL_AVG_POOL = Op("global_avg_pool", Rule({}, infer_global_avg_pool))
