"""Attention: among positions, and to channels."""

from __future__ import annotations

from math import prod

from jarch.ir.errors import ShapeError
from jarch.ir.operations import Inference, Op, Properties, Shapes, Variable

from .activation import softmax_flops
from .rules import POSITIVE, RATE, Rule, integer, only_shape, or_none, spatial_of


def infer_attention(properties: Properties, shapes: Shapes) -> Inference:
    """Infer multi-head self-attention over (length, channels).

    With head size D = width / heads, the projections to queries, keys and values are
    (channels, heads, D), the one back is (heads, D, channels).
    """
    shape = only_shape(shapes)
    if len(shape) != 2:
        raise ShapeError(f"the input has shape {shape}; attention takes (length, channels)")
    length, channels = shape
    heads = integer(properties, "num_heads")
    width = channels if properties["qkv_features"] is None else integer(properties, "qkv_features")
    if width % heads:
        raise ShapeError(
            f"num_heads={heads} does not divide the {width} features of queries, keys and values "
            f"(input {shape}); choose qkv_features a multiple of {heads}"
        )
    projections = 3 * length * width * (2 * channels + 1) + length * channels * (2 * width + 1)
    scores = length * width * (4 * length + 1) + softmax_flops(heads * length, length)
    variables = _attention_variables(channels, heads, width // heads)
    return Inference({"out": shape}, variables, projections + scores)


def _attention_variables(channels: int, heads: int, size: int) -> tuple[Variable, ...]:
    variables: list[Variable] = []
    for name in ("query", "key", "value"):
        kernel = Variable((name, "kernel"), (channels, heads, size), "lecun_normal_first_axis")
        variables += [kernel, Variable((name, "bias"), (heads, size), "zeros")]
    kernel = Variable(("out", "kernel"), (heads, size, channels), "lecun_normal")
    return (*variables, kernel, Variable(("out", "bias"), (channels,), "zeros"))


def infer_squeeze_excite(properties: Properties, shapes: Shapes) -> Inference:
    """Infer a weight for each channel, computed from the means of all channels."""
    spatial, channels = spatial_of(shapes), only_shape(shapes)[-1]
    hidden = max(1, channels // integer(properties, "ratio"))
    variables = _dense("reduce", channels, hidden) + _dense("expand", hidden, channels)
    mean_scale = 2 * prod(spatial) * channels
    products = hidden * (2 * channels + 1) + channels * (2 * hidden + 1)
    activations = hidden + 3 * channels
    return Inference({"out": only_shape(shapes)}, variables, mean_scale + products + activations)


def _dense(name: str, channels: int, features: int) -> tuple[Variable, ...]:
    return (
        Variable((name, "kernel"), (channels, features), "lecun_normal"),
        Variable((name, "bias"), (features,), "zeros"),
    )


ATTENTION = Op(
    "attention",
    Rule(
        {"num_heads": POSITIVE, "qkv_features": or_none(POSITIVE), "dropout_rate": RATE},
        infer_attention,
    ),
)
SQUEEZE_EXCITE = Op("squeeze_excite", Rule({"ratio": POSITIVE}, infer_squeeze_excite))
