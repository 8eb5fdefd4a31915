"""Convolutions over one, two or three spatial axes; channels are the last axis."""

from __future__ import annotations

from math import prod

from jarch.ir.errors import ShapeError
from jarch.ir.operations import Inference, Op, Properties, Shapes, Variable

from .rules import BOOLEAN, PADDING, POSITIVE, SIZES, Rule, integer, only_shape, sizes, spatial_of
from .windows import slide, taps

_SLIDING = {
    "kernel_size": SIZES,
    "strides": SIZES,
    "padding": PADDING,
    "dilation": SIZES,
    "use_bias": BOOLEAN,
}


def infer_conv(properties: Properties, shapes: Shapes) -> Inference:
    """Infer a convolution, in groups of channels."""
    features, groups = integer(properties, "features"), integer(properties, "groups")
    channels = only_shape(shapes)[-1:]
    for what, count in (("input channels", channels), ("features", (features,))):
        if count and count[0] % groups:
            raise ShapeError(
                f"groups={groups} does not divide the {count[0]} {what}; make {what} a multiple "
                f"of {groups}"
            )
    return _convolution(properties, shapes, features, groups)


def infer_depthwise_conv(properties: Properties, shapes: Shapes) -> Inference:
    """Infer a convolution of each channel on its own."""
    spatial_of(shapes)
    channels = only_shape(shapes)[-1]
    return _convolution(properties, shapes, channels * integer(properties, "multiplier"), channels)


def infer_separable_conv(properties: Properties, shapes: Shapes) -> Inference:
    """Infer a depthwise convolution without bias and a pointwise one after it."""
    first = infer_depthwise_conv({**properties, "use_bias": False}, shapes)
    pointwise = {**properties, "kernel_size": 1, "strides": 1, "dilation": 1, "groups": 1}
    second = infer_conv(pointwise, {"in": first.outputs["out"]})
    return Inference(
        second.outputs,
        _below("depthwise", first.variables) + _below("pointwise", second.variables),
        first.flops + second.flops,
    )


def _convolution(properties: Properties, shapes: Shapes, features: int, groups: int) -> Inference:
    spatial = spatial_of(shapes)
    if len(spatial) > 3:
        raise ShapeError(
            f"the input has shape {only_shape(shapes)} with {len(spatial)} spatial axes; "
            "convolutions take one, two or three"
        )
    channels = only_shape(shapes)[-1]
    kernel, padding = sizes(properties, "kernel_size", spatial), str(properties["padding"])
    strides, dilation = (sizes(properties, name, spatial) for name in ("strides", "dilation"))
    output = (*slide(spatial, kernel, strides, padding, dilation), features)
    variables = [Variable(("kernel",), (*kernel, channels // groups, features), "lecun_normal")]
    axes = zip(spatial, kernel, strides, dilation, strict=True)
    seen = prod([taps(size, k, s, padding, d) for size, k, s, d in axes])
    flops = 2 * seen * (channels // groups) * features
    if properties["use_bias"]:
        variables.append(Variable(("bias",), (features,), "zeros"))
        flops += prod(output)
    return Inference({"out": output}, tuple(variables), flops)


def _below(name: str, variables: tuple[Variable, ...]) -> tuple[Variable, ...]:
    return tuple(
        Variable((name, *variable.path), variable.shape, variable.initializer)
        for variable in variables
    )


CONV = Op("conv", Rule({"features": POSITIVE, "groups": POSITIVE, **_SLIDING}, infer_conv))
DEPTHWISE_CONV = Op(
    "depthwise_conv", Rule({"multiplier": POSITIVE, **_SLIDING}, infer_depthwise_conv)
)
SEPARABLE_CONV = Op(
    "separable_conv",
    Rule({"features": POSITIVE, "multiplier": POSITIVE, **_SLIDING}, infer_separable_conv),
)
