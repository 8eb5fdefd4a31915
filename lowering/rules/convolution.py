"""Convolutions as Flax modules. Images are channels-last, with one to three spatial axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
from flax import linen as nn

from jarch.lowering.context import Context

from .choices import chosen


def conv(context: Context, properties: Mapping[str, Any], value: jax.Array) -> jax.Array:
    """Convolve."""
    return nn.Conv(
        features=properties["features"],
        feature_group_count=properties["groups"],
        use_bias=properties["use_bias"],
        conv_general_dilated=chosen("conv"),
        **_window(properties, value),
        **context.module(),
    )(value)


def depthwise_conv(context: Context, properties: Mapping[str, Any], value: jax.Array) -> jax.Array:
    """Convolve each channel by itself."""
    return nn.Conv(
        features=value.shape[-1] * properties["multiplier"],
        feature_group_count=value.shape[-1],
        use_bias=properties["use_bias"],
        conv_general_dilated=chosen("depthwise_conv"),
        **_window(properties, value),
        **context.module(),
    )(value)


def separable_conv(context: Context, properties: Mapping[str, Any], value: jax.Array) -> jax.Array:
    """Convolve each channel by itself, then mix the channels."""
    return SeparableConv(
        features=properties["features"],
        multiplier=properties["multiplier"],
        use_bias=properties["use_bias"],
        window=tuple(_window(properties, value).items()),
        **context.module(),
    )(value)


class SeparableConv(nn.Module):
    """A depthwise convolution without bias, then a pointwise one.

    Attributes:
        features: Channels of the output.
        multiplier: Channels that the depthwise part makes of each.
        use_bias: Whether the pointwise part has one.
        window: Names and values of the arguments that place the depthwise kernel.
        dtype: What it computes in.
        param_dtype: What its parameters are kept in.
    """

    features: int
    multiplier: int
    use_bias: bool
    window: tuple[tuple[str, Any], ...]
    dtype: Any
    param_dtype: Any

    @nn.compact
    def __call__(self, value: jax.Array) -> jax.Array:
        """Convolve."""
        channels = value.shape[-1]
        types = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        value = nn.Conv(
            features=channels * self.multiplier,
            feature_group_count=channels,
            use_bias=False,
            conv_general_dilated=chosen("depthwise_conv"),
            name="depthwise",
            **dict(self.window),
            **types,
        )(value)
        ones = (1,) * (value.ndim - 2)
        return nn.Conv(
            self.features,
            ones,
            use_bias=self.use_bias,
            conv_general_dilated=chosen("conv"),
            name="pointwise",
            **types,
        )(value)


def _window(properties: Mapping[str, Any], value: jax.Array) -> dict[str, Any]:
    """Return what places the kernel; integers stand for all spatial axes."""
    spatial = value.ndim - 2
    return {
        "kernel_size": per_axis(properties["kernel_size"], spatial),
        "strides": per_axis(properties["strides"], spatial),
        "kernel_dilation": per_axis(properties["dilation"], spatial),
        "padding": properties["padding"],
    }


def per_axis(size: int | tuple[int, ...], axes: int) -> tuple[int, ...]:
    """Return a size for each spatial axis: an integer counts for all."""
    return (size,) * axes if isinstance(size, int) else size
