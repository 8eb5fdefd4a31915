"""Activations: functions of each element, and softmax."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from types import MappingProxyType

from jarch.ir.operations import Inference, Op, Properties, Shapes

from .rules import NUMBER, Check, Rule, channels_of, one_of, only_shape

_FLOPS_PER_ELEMENT: Mapping[str, int] = MappingProxyType(
    {
        "relu": 1,
        "relu6": 2,
        "leaky_relu": 3,
        "elu": 4,
        "selu": 6,
        "gelu": 8,
        "silu": 4,
        "tanh": 0,
        "sigmoid": 3,
        "hard_swish": 5,
        "softplus": 6,
    }
)
"""As XLA counts the definitions of JAX: exp, log and tanh are no FLOPs but counted apart."""

ACTIVATION_NAMES = (*_FLOPS_PER_ELEMENT, "softmax")
"""What the property `function` of `activation` may be."""


def softmax_flops(rows: int, length: int) -> int:
    """Return the FLOPs of a softmax over each of `rows` rows: maximum, difference, sum, ratio."""
    return rows * (4 * length - 1)


def infer_activation(properties: Properties, shapes: Shapes) -> Inference:
    """Infer the activation that the property `function` names."""
    return _infer(str(properties["function"]), shapes)


def _infer(function: str, shapes: Shapes) -> Inference:
    shape = only_shape(shapes)
    if function == "softmax":
        length = channels_of(shapes)
        return Inference({"out": shape}, flops=softmax_flops(prod(shape[:-1]), length))
    return Inference({"out": shape}, flops=_FLOPS_PER_ELEMENT[function] * prod(shape))


def _activation(name: str, checks: Mapping[str, Check]) -> Op:
    def infer(properties: Properties, shapes: Shapes) -> Inference:
        return _infer(name, shapes)

    return Op(name, Rule(checks, infer))


ACTIVATION = Op("activation", Rule({"function": one_of(ACTIVATION_NAMES)}, infer_activation))
RELU = _activation("relu", {})
RELU6 = _activation("relu6", {})
LEAKY_RELU = _activation("leaky_relu", {"negative_slope": NUMBER})
ELU = _activation("elu", {})
SELU = _activation("selu", {})
GELU = _activation("gelu", {})
SILU = _activation("silu", {})
TANH = _activation("tanh", {})
SIGMOID = _activation("sigmoid", {})
HARD_SWISH = _activation("hard_swish", {})
SOFTMAX = _activation("softmax", {})
SOFTPLUS = _activation("softplus", {})
