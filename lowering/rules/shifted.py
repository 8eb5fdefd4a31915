"""Depthwise convolution as multiply-adds of shifted arrays, and convolution as a product.

Both compute what `jax.lax.conv_general_dilated` does, and take its arguments.
"""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from math import prod
from typing import Any, cast

import jax
import jax.numpy as jnp
from jax import lax

from .windows import Windows, windows_of


def shifted_convolution(
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
    """Convolve each channel by itself, an element of the kernel at a time.

    On CPUs several times faster than the convolution of `jax.lax`, forward and backward. A loop
    goes over the first axis of the kernel, and only the others are written out, so that what there
    is to compile does not grow with the square of the kernel. Elements that see padding alone, as
    most do in small images, are left out. The gradient is given by hand, which is for
    differentiation in reverse; forward-mode differentiation needs `"lax"`.

    Args:
        value: Of shape (batch, *spatial, channels).
        kernel: Of shape (*window, 1, channels * multiplier).
        window_strides: One for each spatial axis.
        padding: `"SAME"`, `"VALID"`, or zeros before and behind each axis.
        lhs_dilation: All 1.
        rhs_dilation: Of the window.
        dimension_numbers: Channels last.
        feature_group_count: As many as there are channels.
        precision: Not looked at: the sums are in the values' own type or wider.
    """
    dilation = rhs_dilation or (1,) * len(window_strides)
    windows, kept = windows_of(value, kernel, window_strides, padding, dilation).seeing()
    multiplier = kernel.shape[-1] // value.shape[-1]
    if multiplier > 1:
        value = jnp.repeat(value, multiplier, axis=-1)
    return _depthwise(windows, value, kernel[kept])


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _depthwise(windows: Windows, value: jax.Array, kernel: jax.Array) -> jax.Array:
    return _slide(windows, windows.pad(value), kernel)


def _forward(
    windows: Windows, value: jax.Array, kernel: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _slide(windows, windows.pad(value), kernel), (value, kernel)


def _backward(
    windows: Windows, saved: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    value, kernel = saved
    turned = jnp.flip(kernel, tuple(range(len(windows.kernel))))
    to_value = _slide(windows.reversed(), windows.spread(gradient), turned)
    return to_value, _gradient_of_kernel(windows, windows.pad(value), gradient, kernel)


_depthwise.defvjp(_forward, _backward)


def _slide(windows: Windows, padded: jax.Array, kernel: jax.Array) -> jax.Array:
    """Sum over the elements of the kernel; half precision is summed in float32."""
    wide = jnp.promote_types(padded.dtype, jnp.float32)
    total = jnp.zeros((padded.shape[0], *windows.lengths, padded.shape[-1]), wide)

    def row(place: Any, total: jax.Array) -> jax.Array:
        seen = windows.row(padded, place)
        weights = _row_of(kernel, place).astype(wide)
        for tap in product(*map(range, windows.kernel[1:])):
            shifted = windows.seen(seen, (0, *tap), first_axis=False).astype(wide)
            total = total + shifted * weights[(0, *tap, 0)]
        return total

    return _over_rows(windows, row, total).astype(padded.dtype)


def _gradient_of_kernel(
    windows: Windows, padded: jax.Array, gradient: jax.Array, kernel: jax.Array
) -> jax.Array:
    wide = jnp.promote_types(padded.dtype, jnp.float32)
    axes = tuple(range(padded.ndim - 1))
    gradient = gradient.astype(wide)

    def row(place: Any, total: jax.Array) -> jax.Array:
        seen = windows.row(padded, place)
        sums = [
            (windows.seen(seen, (0, *tap), first_axis=False).astype(wide) * gradient).sum(axes)
            for tap in product(*map(range, windows.kernel[1:]))
        ]
        return cast(jax.Array, lax.dynamic_update_index_in_dim(total, jnp.stack(sums), place, 0))

    rest = prod(windows.kernel[1:])
    total = jnp.zeros((windows.kernel[0], rest, padded.shape[-1]), wide)
    return _over_rows(windows, row, total).reshape(kernel.shape).astype(kernel.dtype)


def _row_of(kernel: jax.Array, place: Any) -> jax.Array:
    return cast(jax.Array, lax.dynamic_index_in_dim(kernel, place, 0))


def _over_rows(
    windows: Windows, row: Callable[[Any, jax.Array], jax.Array], total: jax.Array
) -> jax.Array:
    """Loop over the first axis of the kernel."""
    if windows.kernel[0] == 1:
        return row(0, total)
    return cast(jax.Array, lax.fori_loop(0, windows.kernel[0], row, total))


def product_convolution(
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
    """Convolve by a product of matrices (im2col): what each window sees, times the kernel.

    For loops on CPUs, in which a convolution of `jax.lax` is many times slower than outside.

    Args:
        value: Of shape (batch, *spatial, channels).
        kernel: Of shape (*window, channels / groups, features).
        window_strides: One for each spatial axis.
        padding: `"SAME"`, `"VALID"`, or zeros before and behind each axis.
        lhs_dilation: All 1.
        rhs_dilation: Of the window.
        dimension_numbers: Channels last.
        feature_group_count: Groups of channels that do not see each other.
        precision: Of the product.

    Reference:
        Chellapilla et al. 2006, "High performance convolutional neural networks for document
        processing".
    """
    dilation = rhs_dilation or (1,) * len(window_strides)
    windows = windows_of(value, kernel, window_strides, padding, dilation)
    padded = windows.pad(value)
    taps = list(product(*map(range, windows.kernel)))
    seen = jnp.stack([windows.seen(padded, tap) for tap in taps], -2)
    groups, inside = feature_group_count, kernel.shape[-2]
    seen = seen.reshape((-1, len(taps), groups, inside))
    weights = kernel.reshape((len(taps), inside, groups, -1))
    made = jnp.einsum("ptgc,tcgf->pgf", seen, weights, precision=precision)
    return made.reshape((value.shape[0], *windows.lengths, -1))
