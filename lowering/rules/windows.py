"""Where the windows of a convolution lie, and what they see: plain slices of a padded array."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax


@dataclass(frozen=True, slots=True)
class Windows:
    """How windows slide over N spatial axes of an array (batch, *spatial, channels).

    Attributes:
        sizes: Of the spatial axes.
        kernel: Elements that a window sees along each.
        strides: From one window to the next.
        dilation: From one element of a window to the next.
        padding: Zeros before and behind each axis.
    """

    sizes: tuple[int, ...]
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]

    @property
    def lengths(self) -> tuple[int, ...]:
        """How many windows there are along each axis."""
        axes = zip(self.sizes, self.padding, self.kernel, self.dilation, self.strides, strict=True)
        return tuple(
            (size + sum(pad) - dilation * (window - 1) - 1) // stride + 1
            for size, pad, window, dilation, stride in axes
        )

    def seeing(self) -> tuple[Windows, tuple[slice, ...]]:
        """Return the windows without elements that see nothing but padding, and which stay.

        Of a kernel of 5 by 5 over an image of 2 by 2, padded on all sides, 9 elements see anything.
        """
        kept = tuple(self._seeing(axis) for axis in range(len(self.sizes)))
        axes = zip(kept, self.kernel, self.padding, strict=True)
        around = [(pad[0] - k.start, pad[1] - (size - k.stop)) for k, size, pad in axes]
        if any(dilation != 1 for dilation in self.dilation) or min(map(min, around)) < 0:
            return self, tuple(slice(0, size) for size in self.kernel)
        return replace(
            self, kernel=tuple(k.stop - k.start for k in kept), padding=tuple(around)
        ), kept

    def _seeing(self, axis: int) -> slice:
        """Return which elements along an axis see any of the array in any window."""
        size, window, before = self.sizes[axis], self.kernel[axis], self.padding[axis][0]
        farthest = (self.lengths[axis] - 1) * self.strides[axis]
        seeing = [t for t in range(window) if t - before + farthest >= 0 and t - before < size]
        return slice(seeing[0], seeing[-1] + 1) if seeing else slice(0, window)

    def pad(self, value: jax.Array) -> jax.Array:
        """Return the array with its zeros around it."""
        return jnp.pad(value, [(0, 0), *self.padding, (0, 0)])

    def spread(self, windows: jax.Array) -> jax.Array:
        """Return what windows gave, laid out so that windows reversed slide over it one by one.

        Sliding over it with a stride of 1 and the kernel turned around is the transpose.
        """
        axes = zip(
            self.sizes,
            self.lengths,
            self.padding,
            self.kernel,
            self.dilation,
            self.strides,
            strict=True,
        )
        around: list[tuple[int, int, int]] = []
        for size, length, (before, _), window, dilation, stride in axes:
            reach = dilation * (window - 1)
            first = reach - before
            around.append((first, size + reach - first - (length - 1) * stride - 1, stride - 1))
        zero = jnp.zeros((), windows.dtype)
        return lax.pad(windows, zero, [(0, 0, 0), *around, (0, 0, 0)])

    def reversed(self) -> Windows:
        """Return the windows that slide over what `spread` gives."""
        ones = (1,) * len(self.sizes)
        reach = [d * (k - 1) for d, k in zip(self.dilation, self.kernel, strict=True)]
        sizes = tuple(size + more for size, more in zip(self.sizes, reach, strict=True))
        return Windows(sizes, self.kernel, ones, self.dilation, ((0, 0),) * len(self.sizes))

    def seen(self, padded: jax.Array, tap: Sequence[int], first_axis: bool = True) -> jax.Array:
        """Return what one element of all windows sees.

        Args:
            padded: As `pad` returns it.
            tap: Which element, by its place along each axis.
            first_axis: False where `row` chose the place along the first spatial axis already.
        """
        offsets = [t * d for t, d in zip(tap, self.dilation, strict=True)]
        if not first_axis:
            offsets[0] = 0
        axes = zip(offsets, self.lengths, self.strides, strict=True)
        ends = [offset + (length - 1) * stride + 1 for offset, length, stride in axes]
        return lax.slice(
            padded,
            (0, *offsets, 0),
            (padded.shape[0], *ends, padded.shape[-1]),
            (1, *self.strides, 1),
        )

    def row(self, padded: jax.Array, place: Any) -> jax.Array:
        """Return the part seen by the elements at one place, traced, along the first axis."""
        extent = (self.lengths[0] - 1) * self.strides[0] + 1
        return lax.dynamic_slice_in_dim(padded, place * self.dilation[0], extent, 1)


def windows_of(
    value: jax.Array,
    kernel: jax.Array,
    strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    dilation: Sequence[int],
) -> Windows:
    """Return how a kernel (*window, …) slides over an array, as `jax.lax` would have it."""
    sizes, window = value.shape[1:-1], kernel.shape[:-2]
    reach = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    around = (
        lax.padtype_to_pads(sizes, reach, strides, padding) if isinstance(padding, str) else padding
    )
    return Windows(
        sizes,
        window,
        tuple(strides),
        tuple(dilation),
        tuple((int(before), int(behind)) for before, behind in around),
    )
