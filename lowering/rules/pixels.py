"""Convolution of images that are down to a single pixel: a dense layer."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import jax
from jax import lax

from .windows import windows_of


def dense_convolution(
    value: jax.Array,
    kernel: jax.Array,
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    feature_group_count: int = 1,
    precision: Any = None,
) -> jax.Array:
    """Convolve by a product of matrices where the image is one pixel, by `jax.lax` elsewhere.

    For CPUs, where half the time of such a convolution goes into laying out its kernel anew, once
    forward and twice backward. The elements of the kernel that see padding alone are left out.

    Args:
        value: Of shape (batch, *spatial, channels).
        kernel: Of shape (*window, channels / groups, features).
        window_strides: One for each spatial axis.
        padding: `"SAME"`, `"VALID"`, or zeros before and behind each axis.
        lhs_dilation: All 1.
        rhs_dilation: Of the window.
        dimension_numbers: Channels last.
        feature_group_count: Groups of channels that do not see each other; with more than one,
            `jax.lax` convolves.
        precision: Of the product.
    """
    dilation = rhs_dilation or (1,) * len(window_strides)
    windows, kept = windows_of(value, kernel, window_strides, padding, dilation).seeing()
    one = prod((*windows.sizes, *windows.lengths, *windows.kernel)) == 1
    if feature_group_count > 1 or not one:
        return lax.conv_general_dilated(
            value,
            kernel,
            window_strides,
            padding,
            lhs_dilation,
            rhs_dilation,
            dimension_numbers,
            feature_group_count,
            precision=precision,
        )
    weights = kernel[kept].reshape(kernel.shape[-2:])
    return lax.dot_general(value, weights, (((value.ndim - 1,), (0,)), ((), ())), precision)
