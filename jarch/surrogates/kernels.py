"""Kernels between architectures, each a way to say how alike two of them are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from scipy import sparse

from jarch.ir import Architecture

from .counts import Columns, Counts
from .encoder import FittedEncoder
from .graphs import GraphBatch, as_batch
from .hashing import HashArray
from .measures import Measures, fit_measures
from .surrogate import FloatArray
from .weisfeiler_lehman import neighbourhoods

FREQUENCIES = 1024  # random features that draw a function from an RBF kernel's process


Rows: TypeAlias = Any
"""A sparse matrix of SciPy, `Shifted` or an array; products of the first have no types."""


class Points(Protocol):
    """M architectures as a kernel sees them, beside the n that it was made for."""

    def cross(self) -> FloatArray:
        """Return the kernel of each with each of the n: shape (m, n)."""
        ...

    def diagonal(self) -> FloatArray:
        """Return the kernel of each with itself: shape (m,)."""
        ...

    def draw(self, rng: np.random.Generator, many: int = 1) -> tuple[FloatArray, FloatArray]:
        """Draw so many functions from the prior; return them at the n (n, many), and at the m."""
        ...


class Kernel(Protocol):
    """A kernel with its hyperparameters, made for n architectures."""

    def matrix(self) -> FloatArray:
        """Return the kernel of the n with each other: shape (n, n)."""
        ...

    def points(self, architectures: Sequence[Architecture]) -> Points:
        """Return other architectures, ready to be compared with the n."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Points of a kernel that is a product of features: of `rows` (m, d) with `seen` (n, d)."""

    rows: Rows
    seen: Rows
    lengths: FloatArray

    def cross(self) -> FloatArray:
        """Return the products with the n."""
        return _dense(self.rows @ self.seen.T)

    def diagonal(self) -> FloatArray:
        """Return the squared lengths, of what no column knows also."""
        return self.lengths

    def draw(self, rng: np.random.Generator, many: int = 1) -> tuple[FloatArray, FloatArray]:
        """Draw a weight for each feature, and noise for the part that no column knows."""
        weights = rng.standard_normal((int(self.seen.shape[1]), many))
        rows: FloatArray = np.asarray(self.rows @ weights, np.float64)
        seen: FloatArray = np.asarray(self.seen @ weights, np.float64)
        known = _squares(self.rows)
        rest = np.sqrt(np.maximum(self.lengths - known, 0.0))
        return seen, rows + rest[:, None] * rng.standard_normal((len(rest), many))


@dataclass(frozen=True, slots=True, eq=False)
class Shifted:
    """Sparse rows (m, d) less one row of no zeros (d,), which is never written out m times."""

    rows: Any
    shift: FloatArray

    def __matmul__(self, other: FloatArray) -> FloatArray:
        """Return the products with (d, k): shape (m, k)."""
        found: FloatArray = self.rows @ other
        found -= self.shift @ other
        return found

    def squares(self) -> FloatArray:
        """Return the squared length of each row: shape (m,)."""
        own: FloatArray = _squares(self.rows) - 2 * (self.rows @ self.shift)
        return np.maximum(own + self.shift @ self.shift, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class WeisfeilerLehmanKernel:
    """The cosine of two architectures' counts of neighbourhoods.

    Attributes:
        radius: Of the largest neighbourhoods.
        known: The neighbourhoods of the n architectures, in rising order: shape (d,).
        seen: Their counts, each row of length one: shape (n, d).
        measures: Which numbers have levels in the place of their values.
    """

    radius: int
    known: HashArray
    seen: sparse.csr_array
    measures: Measures

    def matrix(self) -> FloatArray:
        """Return the cosines of the n."""
        return _dense(self.seen @ self.seen.T)

    def points(self, architectures: Sequence[Architecture]) -> Features:
        """Count the neighbourhoods of others."""
        return self.points_of(as_batch(architectures))

    def points_of(self, batch: GraphBatch) -> Features:
        """Count the neighbourhoods of graphs; those unknown count for the length alone."""
        levels = list(neighbourhoods(self.measures.coarsened(batch), self.radius))
        rows, known = _unit_counts(levels, len(batch))
        places = np.minimum(np.searchsorted(self.known, known), len(self.known) - 1)
        kept = self.known[places] == known
        chosen = rows[:, np.flatnonzero(kept)].tocoo()
        columns = places[kept][chosen.col]
        shape = (len(batch), len(self.known))
        found = sparse.csr_array((chosen.data, (chosen.row, columns)), shape=shape)
        return Features(found, self.seen, np.ones(len(batch)))


def weisfeiler_lehman_kernels(
    architectures: Sequence[Architecture], radii: Sequence[int]
) -> list[WeisfeilerLehmanKernel]:
    """Return a kernel for each radius."""
    batch = as_batch(architectures)
    measures = fit_measures(batch)
    levels = list(neighbourhoods(measures.coarsened(batch), max(radii)))
    found: list[WeisfeilerLehmanKernel] = []
    for radius in radii:
        seen, known = _unit_counts(levels[: radius + 1], len(batch))
        found.append(WeisfeilerLehmanKernel(radius, known, seen, measures))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class LinearKernel:
    """The product of encodings, each column standardised by the n architectures.

    Attributes:
        encoder: Made for the n.
        seen: Standardised encodings, over the root of the number of columns: shape (n, d).
        location: Of each column: shape (d,).
        scale: Of each column, times the root of their number: shape (d,).
    """

    encoder: FittedEncoder
    seen: FloatArray
    location: FloatArray
    scale: FloatArray

    def matrix(self) -> FloatArray:
        """Return the products of the n."""
        return self.seen @ self.seen.T

    def points(self, architectures: Sequence[Architecture]) -> Features:
        """Encode others; as sparse rows where the encoder has them, which are sooner multiplied."""
        rows: Rows
        if isinstance(self.encoder, Columns):
            counts = self.encoder.matrix(as_batch(architectures))
            rows = Shifted(counts.multiply(1 / self.scale).tocsr(), self.location / self.scale)
        else:
            rows = self.rows(architectures)
        return Features(rows, self.seen, _squares(rows))

    def rows(self, architectures: Sequence[Architecture]) -> FloatArray:
        """Return standardised encodings."""
        return (self.encoder.encode(architectures) - self.location) / self.scale


def linear_kernel(encoder: FittedEncoder, architectures: Sequence[Architecture]) -> LinearKernel:
    """Return the kernel of an encoding; a column that never varies plays no part."""
    encoded = encoder.encode(architectures)
    location, deviation = encoded.mean(axis=0), encoded.std(axis=0)
    varies = deviation > 1e-9
    scale = np.where(varies, deviation, np.inf) * np.sqrt(max(int(varies.sum()), 1))
    return LinearKernel(encoder, (encoded - location) / scale, location, scale)


@dataclass(frozen=True, slots=True, eq=False)
class RbfKernel:
    """exp(-d² / 2 l²) of the distance d of two encodings, standardised as by `LinearKernel`.

    Attributes:
        linear: The encodings of the n.
        width: The length l.
    """

    linear: LinearKernel
    width: float

    def matrix(self) -> FloatArray:
        """Return the kernel of the n."""
        return _rbf(self.linear.seen, self.linear.seen, self.width)

    def points(self, architectures: Sequence[Architecture]) -> RbfPoints:
        """Encode others."""
        return RbfPoints(self.linear.rows(architectures), self.linear.seen, self.width)


@dataclass(frozen=True, slots=True, eq=False)
class RbfPoints:
    """Points of an RBF kernel: encodings (m, d) beside those of the n (n, d)."""

    rows: FloatArray
    seen: FloatArray
    width: float

    def cross(self) -> FloatArray:
        """Return the kernel with the n."""
        return _rbf(self.rows, self.seen, self.width)

    def diagonal(self) -> FloatArray:
        """Return ones."""
        return np.ones(len(self.rows))

    def draw(self, rng: np.random.Generator, many: int = 1) -> tuple[FloatArray, FloatArray]:
        """Draw sums of waves, whose frequencies are the kernel's spectrum.

        Reference:
            Rahimi and Recht 2007, "Random features for large-scale kernel machines", NeurIPS.
        """
        seen, rows = self.waves(rng, FREQUENCIES)
        weights = rng.standard_normal((FREQUENCIES, many))
        return seen @ weights, rows @ weights

    def waves(self, rng: np.random.Generator, number: int) -> tuple[FloatArray, FloatArray]:
        """Draw waves whose products are the kernel on average: shapes (n, number), (m, number)."""
        waves = rng.standard_normal((self.seen.shape[1], number)) / self.width
        phases = rng.uniform(0, 2 * np.pi, number)
        size = np.sqrt(2 / number)
        return (
            size * np.cos(self.seen @ waves + phases),
            size * np.cos(self.rows @ waves + phases),
        )


def _rbf(left: FloatArray, right: FloatArray, width: float) -> FloatArray:
    distances = _squares(left)[:, None] + _squares(right) - 2 * (left @ right.T)
    np.maximum(distances, 0.0, out=distances)
    found: FloatArray = np.exp(distances * (-0.5 / width**2))
    return found


def _unit_counts(levels: Sequence[Counts], graphs: int) -> tuple[sparse.csr_array, HashArray]:
    """Return the counts of features of all levels, each row of length one, and their names."""
    owners, features, amounts = (np.concatenate(parts) for parts in zip(*levels, strict=True))
    known, columns = np.unique(features, return_inverse=True)
    rows = sparse.csr_array((amounts, (owners, columns)), shape=(graphs, len(known)))
    rows.sum_duplicates()
    lengths = np.sqrt(np.maximum(_squares(rows), 1.0))
    rows.data /= np.repeat(lengths, np.diff(rows.indptr))
    return rows, known


def _squares(rows: Rows) -> FloatArray:
    """Return the squared length of each row."""
    if isinstance(rows, Shifted):
        return rows.squares()
    squared: Any = rows.multiply(rows) if hasattr(rows, "multiply") else rows * rows
    found: FloatArray = np.asarray(squared.sum(axis=1), np.float64)
    return found


def _dense(product: Rows) -> FloatArray:
    found: FloatArray = product.toarray() if hasattr(product, "toarray") else product
    return found
