"""Encodings that count: features with hashes for names, gathered into columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from scipy import sparse

from jarch.ir import Architecture

from .graphs import GraphBatch, IntArray, as_batch
from .hashing import HashArray
from .measures import Measures, fit_measures
from .surrogate import FloatArray, SurrogateError


class Counts(NamedTuple):
    """How much of which feature is in which of G graphs; equal entries add up.

    Attributes:
        owners: The graph of each entry: shape (k,).
        features: The feature of each entry, a hash: shape (k,).
        amounts: How much of it: shape (k,).
    """

    owners: IntArray
    features: HashArray
    amounts: FloatArray


Extract: TypeAlias = Callable[[GraphBatch], Counts]


def ones(owners: IntArray, features: HashArray) -> Counts:
    """Return features that are there once for each entry."""
    return Counts(owners, features, np.ones(len(owners)))


def join(*parts: Counts) -> Counts:
    """Return the entries of all parts."""
    return Counts(*[np.concatenate(columns) for columns in zip(*parts, strict=True)])


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What each column of an encoding by counts means. A `FittedEncoder`.

    Attributes:
        extract: Finds the features.
        known: Those that have a column, in rising order: shape (size,). None where columns are
            the hashes modulo the size.
        number: How many columns there are where `known` is None.
        binary: Say only whether a feature is there.
        measures: Which numbers have levels in the place of their values.
    """

    extract: Extract
    known: HashArray | None
    number: int = 0
    binary: bool = False
    measures: Measures = field(default_factory=Measures)

    @property
    def size(self) -> int:
        """How many columns."""
        return self.number if self.known is None else len(self.known)

    def encode(self, architectures: Sequence[Architecture]) -> FloatArray:
        """Return the counts, of shape (n, size)."""
        dense: FloatArray = self.matrix(as_batch(architectures)).toarray()
        return dense

    def matrix(self, batch: GraphBatch) -> sparse.csr_array:
        """Return the counts as a sparse matrix of shape (G, size)."""
        return self.gather(self.extract(self.measures.coarsened(batch)), len(batch))

    def gather(self, counts: Counts, graphs: int) -> sparse.csr_array:
        """Return the counts of so many graphs as a sparse matrix of shape (G, size)."""
        owners, features, amounts = counts
        if self.known is None:
            # one bit says the sign, so that features which share a column cancel on average
            signs = 1.0 - 2.0 * (features >> np.uint64(63)).astype(np.float64)
            columns = (features % np.uint64(self.number)).astype(np.int64)
            amounts = amounts * signs
        else:
            places = np.searchsorted(self.known, features)
            places = np.minimum(places, max(len(self.known) - 1, 0))
            kept = self.known[places] == features if len(self.known) else features < 0
            owners, columns, amounts = owners[kept], places[kept], amounts[kept]
        found = sparse.csr_array((amounts, (owners, columns)), shape=(graphs, self.size))
        found.sum_duplicates()
        if self.binary:
            found.data = np.sign(found.data)
        return found


def fit_columns(
    extract: Extract,
    architectures: Sequence[Architecture],
    size: int | None = None,
    binary: bool = False,
    most: int | None = None,
) -> Columns:
    """Return columns for the features of architectures.

    Numbers of which most values are rare among the architectures count by their levels alone; see
    `Measures`.

    Args:
        extract: Finds the features.
        architectures: Whose features get columns; one that comes later has none.
        size: Take hashes modulo this number instead; then nothing but levels is learned from
            architectures.
        binary: Say only whether a feature is there.
        most: Where nothing else says the size, give columns to so many features, those whose
            counts vary most among the architectures; None for all.

    Raises:
        SurrogateError: The size, or the most of columns, is below 1.
    """
    if most is not None and most < 1:
        raise SurrogateError(f"an encoding of at most {most} columns; allow at least one")
    if size is not None and size < 1:
        raise SurrogateError(f"an encoding of {size} columns; give it at least one")
    batch = as_batch(architectures)
    measures = fit_measures(batch)
    if size is not None:
        return Columns(extract, None, size, binary, measures)
    counts = extract(measures.coarsened(batch))
    columns = Columns(extract, np.unique(counts.features), binary=binary, measures=measures)
    if most is None or columns.size <= most:
        return columns
    found = columns.gather(counts, len(batch))
    variances = _means(found.multiply(found)) - _means(found) ** 2
    varying = np.sort(np.argsort(-variances, kind="stable")[:most])
    return replace(columns, known=np.unique(counts.features)[varying])


def _means(matrix: Any) -> FloatArray:
    """Return the mean of each column of a sparse matrix."""
    return np.asarray(matrix.mean(axis=0), np.float64).ravel()
