"""Graphs as arrays of one shape: what each node is, and its neighbours on both sides.

Shapes: G graphs, M places for the nodes of each, D places for the neighbours of a node on one side,
F features. Both M and D leave room, so that few programs serve graphs of all sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jarch.ir import Architecture
from jarch.surrogates.graphs import GraphBatch, IntArray, as_batch
from jarch.surrogates.hashing import stable_hash
from jarch.surrogates.measures import Measures, fit_measures
from jarch.surrogates.modules import property_features
from jarch.surrogates.surrogate import FloatArray

from .training import room


class NodeArrays(NamedTuple):
    """G graphs.

    Attributes:
        features: What each node is, and zeros where there is none: shape (G, M, F).
        there: Whether there is a node, as 1 or 0: shape (G, M).
        before: The nodes that each takes from, and M where there is none: shape (G, M, D).
        after: The nodes that take from it: shape (G, M, D).
    """

    features: NDArray[np.float32]
    there: NDArray[np.float32]
    before: NDArray[np.int32]
    after: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class NodeEncoder:
    """Describes architectures as `NodeArrays`.

    A node's features are its operation, its operation with all properties, each property, and the
    size of each number, all hashed into F columns, as by `HashingEncoder`. Of a number of which
    most values are rare the level counts and not the value; see `Measures`.

    Attributes:
        scale: By how much each column is divided: its largest size, shape (F,).
        measures: The numbers that vary.
        nodes: Places for the nodes of a graph, more where a graph needs more.
        neighbours: Places for neighbours, likewise.
    """

    scale: FloatArray
    measures: Measures
    nodes: int
    neighbours: int

    def __call__(self, architectures: Sequence[Architecture]) -> NodeArrays:
        """Return the graphs of architectures."""
        batch = as_batch(architectures)
        nodes, neighbours = _needed(batch)
        nodes, neighbours = max(self.nodes, nodes), max(self.neighbours, neighbours)
        owners = batch.owners
        place: IntArray = np.arange(len(owners), dtype=np.int64) - batch.starts[owners]
        features = np.zeros((len(batch), nodes, len(self.scale)), np.float32)
        features[owners, place] = (_of_kinds(batch, len(self.scale), self.measures) / self.scale)[
            batch.kind
        ]
        there = np.zeros((len(batch), nodes), np.float32)
        there[owners, place] = 1.0

        def listed(ends: IntArray, others: IntArray) -> NDArray[np.int32]:
            found = np.full((len(batch), nodes, neighbours), nodes, np.int32)
            order = np.argsort(ends, kind="stable")
            ends, others = ends[order], others[order]
            slot = np.arange(len(ends)) - np.searchsorted(ends, ends)
            found[owners[ends], place[ends], slot] = place[others]
            return found

        before, after = listed(batch.targets, batch.sources), listed(batch.sources, batch.targets)
        return NodeArrays(features, there, before, after)


def fit_nodes(architectures: Sequence[Architecture], features: int) -> NodeEncoder:
    """Return what describes architectures, with room for these.

    Args:
        architectures: Whose nodes say how large each column gets.
        features: F.
    """
    batch = as_batch(architectures)
    measures = fit_measures(batch)
    scale = np.abs(_of_kinds(batch, features, measures)).max(axis=0, initial=0.0)
    scale[scale == 0] = 1.0
    return NodeEncoder(scale, measures, *_needed(batch))


def _needed(batch: GraphBatch) -> tuple[int, int]:
    """Return the places for nodes and for neighbours that graphs need."""
    nodes = int(np.diff(batch.starts).max(initial=1))
    degrees = [np.bincount(ends).max(initial=1) for ends in (batch.sources, batch.targets)]
    neighbours = 1
    while neighbours < max(degrees):
        neighbours *= 2
    return room(nodes), neighbours


def _of_kinds(batch: GraphBatch, size: int, measures: Measures) -> FloatArray:
    """Return the features of each kind of node: shape (kinds, F)."""
    batch = measures.coarsened(batch)
    found = np.zeros((len(batch.kinds), size))
    for row, kind in zip(found, batch.kinds, strict=True):
        named = [(stable_hash(kind.op), 1.0), (kind.label, 1.0)]
        features = (*named, *property_features(kind), *measures.sizes(kind))
        for feature, amount in features:
            row[feature % size] += -amount if feature >> 63 else amount
    return found
