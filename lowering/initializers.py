"""Initial values, computed with NumPy: the distributions of Flax's own initialisers.

Each takes a generator, a shape and a floating-point type to draw in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod, sqrt
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jarch.ir import Shape

Values: TypeAlias = NDArray[np.floating[Any]]
Initializer: TypeAlias = Callable[[np.random.Generator, Shape, "np.dtype[Any]"], Values]

_TRUNCATED_DEVIATION = 0.87962566103423978  # of a standard normal cut off at -2 and 2


def zeros(rng: np.random.Generator, shape: Shape, dtype: np.dtype[Any]) -> Values:
    """Return zeros."""
    return np.zeros(shape, dtype)


def ones(rng: np.random.Generator, shape: Shape, dtype: np.dtype[Any]) -> Values:
    """Return ones."""
    return np.ones(shape, dtype)


def lecun_normal(rng: np.random.Generator, shape: Shape, dtype: np.dtype[Any]) -> Values:
    """Return values of variance 1/fan-in, for a kernel whose last axis is the output.

    Fan-in is the product of all other axes: of a convolution in groups, one group's channels and
    the window. The normal distribution is cut off at two of its standard deviations.

    Reference: LeCun et al. 1998, "Efficient BackProp".
    """
    return _lecun_normal(rng, shape, dtype, prod(shape[:-1]))


def lecun_normal_first_axis(rng: np.random.Generator, shape: Shape, dtype: np.dtype[Any]) -> Values:
    """Return values of variance 1/fan-in, for a kernel whose first axis alone is the input.

    So are the query, key and value kernels of attention, of shape (channels, heads, head size):
    Flax draws them as matrices and reshapes them.
    """
    return _lecun_normal(rng, shape, dtype, shape[0])


def embedding_normal(rng: np.random.Generator, shape: Shape, dtype: np.dtype[Any]) -> Values:
    """Return normal values of variance 1/features for a table of shape (numbers, features)."""
    values = rng.standard_normal(shape, dtype)
    values *= dtype.type(1 / sqrt(shape[-1]))
    return values


INITIALIZERS: Mapping[str, Initializer] = {
    "embedding_normal": embedding_normal,
    "lecun_normal": lecun_normal,
    "lecun_normal_first_axis": lecun_normal_first_axis,
    "ones": ones,
    "zeros": zeros,
}
"""What the names in `jarch.ir.Variable.initializer` mean."""


def truncated_normal(rng: np.random.Generator, shape: Shape, dtype: np.dtype[Any]) -> Values:
    """Return standard normal values between -2 and 2: those outside, one in 22, are drawn anew."""
    values = rng.standard_normal(shape, dtype)
    flat = values.reshape(-1)
    outside = np.flatnonzero(np.abs(flat) > 2)
    while outside.size:
        drawn = rng.standard_normal(outside.size, dtype)
        flat[outside] = drawn
        outside = outside[np.abs(drawn) > 2]
    return values


def _lecun_normal(
    rng: np.random.Generator, shape: Shape, dtype: np.dtype[Any], fan_in: int
) -> Values:
    values = truncated_normal(rng, shape, dtype)
    values *= dtype.type(sqrt(1 / max(fan_in, 1)) / _TRUNCATED_DEVIATION)
    return values
