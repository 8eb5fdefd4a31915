"""Kernel densities over architectures, decision by decision: what BOHB draws from and compares."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from jarch.ir import (
    Architecture,
    Constant,
    Domain,
    FloatDomain,
    IndependentHyperparameter,
    IntegerDomain,
    Space,
    complete,
)
from jarch.search.units import from_unit, to_unit

FloatArray: TypeAlias = NDArray[np.float64]
Column: TypeAlias = tuple[str, Domain]
"""A decision by its key and its domain: one key may have several, in different branches."""
Point: TypeAlias = "Mapping[Column, Constant]"
"""An architecture as its decisions among more than one value."""

_RANGES = (IntegerDomain, FloatDomain)
_ABSENT = -1.0  # neither a part of a range nor a code


def point_of(space: Space, values: Sequence[Constant]) -> Point:
    """Return the decisions that lead to an architecture, by its values beyond those of a space."""
    found: dict[Column, Constant] = {}
    left = iter(values)

    def choose(hyperparameter: IndependentHyperparameter) -> Constant:
        value = next(left)
        if hyperparameter.domain.size != 1:
            found[hyperparameter.key, hyperparameter.domain] = value
        return value

    complete(space, choose)
    return found


@dataclass(slots=True)
class _Axis:
    """One decision, over all points of a density."""

    domain: Domain
    at: FloatArray  # (n,): parts of a range, or codes of values that have no order
    codes: dict[Hashable, int] = field(default_factory=dict[Hashable, int])
    bandwidth: float = 0.0

    def log_kernel(self, value: Constant) -> FloatArray:
        """Return the logarithm of the kernel around each point at a value."""
        if isinstance(self.domain, _RANGES):
            z = (to_unit(self.domain, value) - self.at) / self.bandwidth
            near = -0.5 * z**2 - math.log(self.bandwidth * math.sqrt(2 * math.pi))
        else:
            others = math.log(self.bandwidth) - math.log(_size(self.domain) - 1)
            code = self.codes.get(self.domain.index(value))
            near = np.where(self.at == code, math.log(1 - self.bandwidth), others)
        return np.where(self.at == _ABSENT, _log_uniform(self.domain), near)


@dataclass(slots=True)
class KernelDensity:
    """The sum of equal bumps around points, each the product of a kernel for each decision.

    Kernels are Gaussian over what is a range (on the unit interval, in logarithms with `log`), and
    those of Aitchison and Aitken over all else: `1 - h` at the value itself, `h / (c - 1)` at each
    of the other values. Where one of two architectures lacks a decision of the other, the kernel is
    the uniform density: what a value drawn at random in its place gives on average.

    Bandwidths are by the normal reference rule: 1.06 s n^(-1 / (4 + d)). For a range s is the
    standard deviation; for values without an order, sqrt(p / 2) with the probability p that two
    differ, which for two values is the standard deviation of 0 and 1, and at most what makes the
    kernel uniform.

    Attributes:
        points: Around which there is density; at least one.
        dimensions: d.
        least: No bandwidth is below this.

    Reference:
        Aitchison and Aitken 1976, "Multivariate binary discrimination by the kernel method". The
        products, and the rule, are those of `KDEMultivariate` of statsmodels, which the code of
        Falkner, Klein and Hutter 2018 builds on; there what is lacking is drawn.
    """

    points: Sequence[Point]
    dimensions: int
    least: float = 1e-3
    _axes: dict[Column, _Axis] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Choose the bandwidths."""
        columns = dict.fromkeys(column for point in self.points for column in point)
        self._axes = {column: self._axis(column) for column in columns}

    def log_density(self, point: Point) -> float:
        """Return the logarithm of the density at a point."""
        total = np.zeros(len(self.points))
        for column, value in point.items():
            axis = self._axes.get(column)
            total += _log_uniform(column[1]) if axis is None else axis.log_kernel(value)
        highest = float(total.max())
        return highest + math.log(np.exp(total - highest).mean())

    def sample(
        self, space: Space, rng: np.random.Generator, factor: float = 1.0
    ) -> tuple[Architecture, Point]:
        """Draw an architecture from the bump around one of the points.

        Args:
            space: What it is drawn from; decisions that the point lacks are uniform.
            rng: Where the randomness comes from.
            factor: By which bandwidths of ranges are wider.

        Raises:
            InvalidArchitecture: A function of the space refused the values.
        """
        centre = int(rng.integers(len(self.points)))
        found: dict[Column, Constant] = {}

        def choose(hyperparameter: IndependentHyperparameter) -> Constant:
            column = hyperparameter.key, hyperparameter.domain
            value = self._near(centre, column, rng, factor)
            if hyperparameter.domain.size != 1:
                found[column] = value
            return value

        return complete(space, choose), found

    def _near(
        self, centre: int, column: Column, rng: np.random.Generator, factor: float
    ) -> Constant:
        domain, axis = column[1], self._axes.get(column)
        if axis is None or axis.at[centre] == _ABSENT:
            return domain.sample(rng)
        if isinstance(domain, _RANGES):
            middle, width = float(axis.at[centre]), axis.bandwidth * factor
            return from_unit(domain, _truncated_normal(middle, width, rng))
        keep = rng.random() < 1 - axis.bandwidth
        return self.points[centre][column] if keep else domain.sample(rng)

    def _axis(self, column: Column) -> _Axis:
        domain = column[1]
        values = [point.get(column) for point in self.points]
        has = [column in point for point in self.points]
        axis = _Axis(domain, np.full(len(values), _ABSENT))
        for i, value in enumerate(values):
            if has[i] and isinstance(domain, _RANGES):
                axis.at[i] = to_unit(domain, value)
            elif has[i]:
                axis.at[i] = axis.codes.setdefault(domain.index(value), len(axis.codes))
        known = axis.at[has]
        spread = float(known.std()) if isinstance(domain, _RANGES) else _disorder(known)
        width = 1.06 * spread * len(values) ** (-1 / (4 + self.dimensions))
        most = math.inf if isinstance(domain, _RANGES) else 1 - 1 / _size(domain)
        axis.bandwidth = min(max(width, self.least), most)
        return axis


def _size(domain: Domain) -> int:
    assert domain.size is not None
    return domain.size


def _log_uniform(domain: Domain) -> float:
    return 0.0 if isinstance(domain, _RANGES) else -math.log(_size(domain))


def _disorder(codes: FloatArray) -> float:
    """Return the spread of values without an order."""
    _, counts = np.unique(codes, return_counts=True)
    parts = counts / len(codes)
    return math.sqrt(max(0.0, 1 - float((parts**2).sum())) / 2)


def _truncated_normal(middle: float, width: float, rng: np.random.Generator) -> float:
    """Draw from a normal distribution cut off outside the unit interval, in which its middle is.

    A draw is kept with a probability of at least a third, however narrow or wide it is.
    """
    while True:
        if width < 1:
            found = rng.normal(middle, width)
            kept = 0 <= found <= 1
        else:  # of wide ones nearly nothing lies inside, where they are nearly uniform
            found = rng.random()
            kept = rng.random() < math.exp(-0.5 * ((found - middle) / width) ** 2)
        if kept:
            return float(found)
