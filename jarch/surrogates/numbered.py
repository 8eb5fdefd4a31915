"""Kernels of architectures joined by kernels of the numbers in them, as evidence says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from jarch.ir import Architecture

from .graphs import IntArray, gathered
from .kernels import Kernel, LinearKernel, Points, RbfKernel, RbfPoints, linear_kernel
from .numbers import NumberEncoder
from .posterior import highest_evidence
from .surrogate import FloatArray

_WAVES = 256  # that draw from a product of kernels
_WIDTHS = (0.5, 1.0, 2.0, 4.0)  # numbers of two architectures are some sqrt(2) apart
_WEIGHTS = (0.1, 0.3, 0.5, 0.7, 0.9)


@dataclass(frozen=True, slots=True)
class Mix:
    """How a kernel b of architectures and a kernel k of numbers make one; both are 1 on average.

    Attributes:
        product: b ((1 - w) + w k): numbers count as far as architectures are alike otherwise. Else
            (1 - w) b + w k: what numbers do is the same in all architectures.
        weight: w.
    """

    product: bool
    weight: float

    def of(self, base: FloatArray, numbers: FloatArray) -> FloatArray:
        """Return the kernel's values from those of the two."""
        rest = 1 - self.weight
        if self.product:
            return base * (rest + self.weight * numbers)
        return rest * base + self.weight * numbers


_HALF = Mix(True, 0.5)
_MIXES = (_HALF, Mix(True, 1.0), Mix(False, 0.5), Mix(False, 1.0))


@dataclass(frozen=True, slots=True, eq=False)
class NumberedKernel:
    """A kernel of architectures and one of their numbers, made for the same n architectures.

    Attributes:
        base: Of architectures.
        numbers: Of their numbers.
        mix: What makes one of them.
    """

    base: Kernel
    numbers: LinearKernel | RbfKernel
    mix: Mix

    def matrix(self) -> FloatArray:
        """Return the kernel of the n."""
        return self.mix.of(self.base.matrix(), self.numbers.matrix())

    def points(self, architectures: Sequence[Architecture]) -> NumberedPoints:
        """Make points of both kernels."""
        known = gathered(architectures)
        return NumberedPoints(self.base.points(known), self.numbers.points(known), self.mix)


@dataclass(frozen=True, slots=True, eq=False)
class NumberedPoints:
    """Points of a `NumberedKernel`: the same architectures as both kernels see them."""

    base: Points
    numbers: Points
    mix: Mix

    def cross(self) -> FloatArray:
        """Return the kernel with the n."""
        return self.mix.of(self.base.cross(), self.numbers.cross())

    def diagonal(self) -> FloatArray:
        """Return the kernel of each with itself."""
        return self.mix.of(self.base.diagonal(), self.numbers.diagonal())

    def draw(self, rng: np.random.Generator, many: int = 1) -> tuple[FloatArray, FloatArray]:
        """Draw from both terms of the mix, which are independent."""
        first = self.base.draw(rng, many)
        second = self._products(rng, many) if self.mix.product else self.numbers.draw(rng, many)
        rest, weight = np.sqrt(1 - self.mix.weight), np.sqrt(self.mix.weight)
        seen, rows = (rest * a + weight * b for a, b in zip(first, second, strict=True))
        return seen, rows

    def _products(self, rng: np.random.Generator, many: int) -> tuple[FloatArray, FloatArray]:
        """Draw from the product: a sum of waves, each times a draw from the kernel of the rest."""
        assert isinstance(self.numbers, RbfPoints)  # of which alone products are made
        seen, rows = self.numbers.waves(rng, _WAVES)
        drawn = [self.base.draw(rng, _WAVES) for _ in range(many)]
        return (
            np.stack([(seen * at).sum(axis=1) for at, _ in drawn], axis=1),
            np.stack([(rows * at).sum(axis=1) for _, at in drawn], axis=1),
        )


def with_smooth_numbers(
    base: Kernel,
    radii: Sequence[int],
    architectures: Sequence[Architecture],
    scores: FloatArray,
    some: IntArray,
) -> Kernel:
    """Return a kernel joined by an RBF kernel of numbers, where that has more evidence.

    Radius and length are chosen for one mix, then the mix for them.

    Args:
        base: Made for the architectures.
        radii: Of neighbourhoods by which numbers may be told apart.
        architectures: n of them.
        scores: Shape (n,).
        some: The places of those by which to choose.
    """
    linear = _linear_kernels(radii, False, architectures)
    smooth = [RbfKernel(kernel, width) for kernel, width in product(linear, _WIDTHS)]
    chosen, _ = _best(base, [NumberedKernel(base, one, _HALF) for one in smooth], scores, some)
    if chosen is None:
        return base
    mixes = [NumberedKernel(base, chosen.numbers, mix) for mix in _MIXES]
    return _better(base, mixes, scores, some)


def with_linear_numbers(
    base: Kernel,
    radii: Sequence[int],
    architectures: Sequence[Architecture],
    scores: FloatArray,
    some: IntArray,
) -> Kernel:
    """Return a kernel plus one of products of numbers and of their squares, likewise."""
    linear = _linear_kernels(radii, True, architectures)
    mixes = [Mix(False, weight) for weight in _WEIGHTS]
    made = [NumberedKernel(base, one, mix) for one, mix in product(linear, mixes)]
    return _better(base, made, scores, some)


def _linear_kernels(
    radii: Sequence[int], squares: bool, architectures: Sequence[Architecture]
) -> list[LinearKernel]:
    """Return a kernel of numbers for each radius; none where no number varies."""
    made = [NumberEncoder(radius, squares).fit(architectures) for radius in radii]
    return [linear_kernel(columns, architectures) for columns in made if columns.size]


def _better(
    base: Kernel, made: Sequence[NumberedKernel], scores: FloatArray, some: IntArray
) -> Kernel:
    """Return the kernel of the highest marginal likelihood, which may be the one without."""
    best, evidence = _best(base, made, scores, some)
    if best is None:
        return base
    alone = highest_evidence(base.matrix()[np.ix_(some, some)], scores[some])
    return best if evidence > alone else base


def _best(
    base: Kernel, made: Sequence[NumberedKernel], scores: FloatArray, some: IntArray
) -> tuple[NumberedKernel | None, float]:
    """Return the most likely of kernels with one base, and the evidence for it."""
    if not made:
        return None, 0.0
    evidence = list(_evidences(base, made, scores[some], np.ix_(some, some)))
    best = int(np.argmax(evidence))
    return made[best], evidence[best]


def _evidences(
    base: Kernel, made: Sequence[NumberedKernel], scores: FloatArray, inside: tuple[IntArray, ...]
) -> Iterator[float]:
    known = base.matrix()[inside]
    last, numbers = made[0].numbers, made[0].numbers.matrix()[inside]
    for kernel in made:
        if kernel.numbers is not last:
            last, numbers = kernel.numbers, kernel.numbers.matrix()[inside]
        yield highest_evidence(kernel.mix.of(known, numbers), scores)
