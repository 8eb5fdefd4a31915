"""Adjacency encoding: which nodes are joined, and what each of them does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jarch.ir import Architecture

from .counts import Columns, Counts, fit_columns, join, ones
from .graphs import GraphBatch, IntArray
from .hashing import HashArray, mix, salted
from .surrogate import SurrogateError


@dataclass(frozen=True, slots=True)
class AdjacencyEncoder:
    """Says how often each node feeds each other one, and what operation is at each, one-hot.

    That is the adjacency matrix with the list of operations, written out in a row. Nodes are
    numbered depth-first from the outputs, producers first, so neither names nor the order in which
    nodes were made play a part. The matrix has places for the nodes of the largest architecture
    seen; smaller ones have zeros in the places that they do not fill, and of larger ones what is
    beyond is cut.

    Entries that are zero for all architectures seen have no column, since nothing can be learned
    about them: of a matrix that is mostly empty only what is in use is kept.

    One operation more at the beginning moves all after it to other places. So the encoding suits
    cells, whose graphs are alike, better than spaces of varying depth.

    Attributes:
        properties: Say beside the operation at each place also whether it has just the properties
            seen there.
        nodes: Cut what is beyond so many nodes; None for as many as the largest seen has.
        most: Give columns to so many entries, those that vary most; None for all.

    Raises:
        SurrogateError: There is no place for any node.

    Reference:
        White, Neiswanger, Nolen and Savani 2020, "A study on encodings for neural architecture
        search", NeurIPS: the one-hot adjacency matrix encoding.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(lambda: ja.residual(ja.nn.relu())), [])
        >>> encoder = AdjacencyEncoder(properties=False).fit([net])
        >>> encoder.encode([net]).shape  # 4 edges among 4 nodes: the input, relu, add, the output
        (1, 8)
    """

    properties: bool = True
    nodes: int | None = None
    most: int | None = None

    def __post_init__(self) -> None:
        """Check the number of nodes."""
        if self.nodes is not None and self.nodes < 1:
            raise SurrogateError(f"nodes is {self.nodes}; use at least 1")

    def fit(self, architectures: Sequence[Architecture]) -> Columns:
        """Give a column to each entry of the matrices that is in use."""
        return fit_columns(self.extract, architectures, most=self.most)

    def extract(self, batch: GraphBatch) -> Counts:
        """Return the entries of the matrices."""
        owners = batch.owners
        places: IntArray = np.arange(len(owners), dtype=np.int64) - batch.starts[owners]
        numbers: HashArray = places.astype(np.uint64)
        entries = [
            ones(owners, salted(mix(numbers, batch.labels(with_properties=False)), 1)),
            ones(
                owners[batch.sources],
                salted(mix(numbers[batch.sources], numbers[batch.targets]), 2),
            ),
        ]
        last = [places, places[batch.targets]]  # the latest node that each entry speaks of
        if self.properties:
            entries.append(ones(owners, salted(mix(numbers, batch.labels()), 3)))
            last.append(places)
        found = join(*entries)
        if self.nodes is None:
            return found
        kept = np.concatenate(last) < self.nodes
        return Counts(found.owners[kept], found.features[kept], found.amounts[kept])
