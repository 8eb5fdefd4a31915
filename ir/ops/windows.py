"""Arithmetic of windows that slide over axes: convolutions and pooling."""

from __future__ import annotations

from functools import lru_cache

from jarch.ir.errors import ShapeError
from jarch.ir.operations import Shape


def output_length(size: int, window: int, stride: int, padding: str, dilation: int = 1) -> int:
    """Return how many positions a window takes along one axis; 0 or less where it does not fit.

    Args:
        size: Length of the axis.
        window: How many elements the window sees.
        stride: Steps from one position to the next.
        padding: "SAME" pads with zeros so that a stride of 1 keeps the length; "VALID" does not.
        dilation: Steps from one element of the window to the next.

    Example:
        >>> output_length(8, 3, 2, "SAME"), output_length(8, 3, 2, "VALID")
        (4, 3)
    """
    if padding == "SAME":
        return -(-size // stride)
    return (size - dilation * (window - 1) - 1) // stride + 1


@lru_cache(1 << 12)
def taps(size: int, window: int, stride: int, padding: str, dilation: int = 1) -> int:
    """Return how many elements all positions of a window see together, zeros of padding left out.

    Example:
        >>> taps(8, 3, 1, "SAME")  # 8 positions of 3, of which the two at the ends see one zero
        22
    """
    length = output_length(size, window, stride, padding, dilation)
    before = 0
    if padding == "SAME":
        reach = (length - 1) * stride + dilation * (window - 1) + 1
        before = max(reach - size, 0) // 2
    total = 0
    for element in range(window):
        offset = element * dilation - before
        first = max(0, -(offset // stride))  # the first position at which the element is inside
        last = min(length - 1, (size - 1 - offset) // stride)
        total += max(0, last - first + 1)
    return total


def slide(
    spatial: Shape, window: Shape, strides: Shape, padding: str, dilation: Shape | None = None
) -> Shape:
    """Return how many positions a window takes along each axis.

    Raises:
        ShapeError: It does not fit.
    """
    dilation = dilation or (1,) * len(window)
    axes = zip(spatial, window, strides, dilation, strict=True)
    lengths = tuple([output_length(n, w, s, padding, d) for n, w, s, d in axes])
    if min(lengths) < 1:
        reach = tuple(d * (w - 1) + 1 for w, d in zip(window, dilation, strict=True))
        spread = f", spread to {reach} by dilation {dilation}," if reach != window else ""
        raise ShapeError(
            f"a window of {window}{spread} does not fit into {spatial} without padding; use "
            "padding 'SAME', a smaller window, or reduce less before it"
        )
    return lengths
