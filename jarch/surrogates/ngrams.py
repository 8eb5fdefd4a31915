"""N-grams: the operations along every short stretch of a path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from jarch.ir import Architecture

from .counts import Columns, Counts, fit_columns, join, ones
from .graphs import GraphBatch, IntArray
from .hashing import mix, salted
from .surrogate import SurrogateError


@dataclass(frozen=True, slots=True)
class NgramEncoder:
    """Counts the sequences of up to `length` modules that follow each other.

    Attributes:
        length: Of the longest; 1 counts modules alone. Their number grows with the power of this
            in how many modules take from each.
        properties: Two modules are alike only where their properties are equal; else their
            operations decide.
        size: Gather the features in this many columns by their hashes; None for a column for each
            feature seen.

    Raises:
        SurrogateError: The length is below 1.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(ja.spaces.digits_dense), [1, 32, "relu"])
        >>> NgramEncoder(2).fit([net]).encode([net]).sum()  # 6 modules and ends, 5 pairs
        np.float64(11.0)
    """

    length: int = 3
    properties: bool = True
    size: int | None = None

    def __post_init__(self) -> None:
        """Check the length."""
        if self.length < 1:
            raise SurrogateError(f"length is {self.length}; use at least 1")

    def fit(self, architectures: Sequence[Architecture]) -> Columns:
        """Give each sequence seen a column."""
        return fit_columns(self.extract, architectures, self.size)

    def extract(self, batch: GraphBatch) -> Counts:
        """Return the sequences of all lengths."""
        return join(*self._sequences(batch))

    def _sequences(self, batch: GraphBatch) -> Iterator[Counts]:
        """Yield the sequences of each length; each begins one edge before a shorter one."""
        owners, labels = batch.owners, batch.labels(self.properties)
        order = np.argsort(batch.sources, kind="stable")
        leaving = np.bincount(batch.sources, minlength=len(labels))
        first = np.cumsum(leaving) - leaving  # of each node's edges in that order
        ends, names = np.arange(len(labels)), labels
        for length in range(1, self.length + 1):
            yield ones(owners[ends], salted(names, length))
            many = leaving[ends]
            within: IntArray = np.arange(int(many.sum()), dtype=np.int64) - np.repeat(
                np.cumsum(many) - many, many
            )
            edges = order[np.repeat(first[ends], many) + within]
            ends = batch.targets[edges]
            names = mix(np.repeat(names, many), batch.ports[edges], labels[ends])
