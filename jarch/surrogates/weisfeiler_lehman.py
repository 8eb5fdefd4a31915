"""Weisfeiler-Lehman features: how often each neighbourhood of each radius is in a graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from jarch.ir import Architecture

from .counts import Columns, Counts, fit_columns, join, ones
from .graphs import GraphBatch, IntArray
from .hashing import HashArray, mix, salted, stable_hash
from .surrogate import SurrogateError


@dataclass(frozen=True, slots=True)
class WeisfeilerLehmanEncoder:
    """Counts neighbourhoods up to a radius, each named by a hash of all that is in it.

    At radius 0 a node is named by its operation alone, and by its operation with all properties, of
    which numbers with rare values say low, middle or high (see `Measures`).
    At each larger radius it is named by its name so far, the multiset of the names of what it
    takes from and that of what takes from it, each with the name of the input.

    Attributes:
        radius: Of the largest neighbourhoods; 0 for single nodes.
        size: Gather the features in this many columns by their hashes; None for a column for each
            feature seen.

    Raises:
        SurrogateError: The radius is negative.

    Reference:
        Shervashidze et al. 2011, "Weisfeiler-Lehman graph kernels", JMLR 12; for architectures
        Ru et al. 2021, "Interpretable neural architecture search via Bayesian optimisation with
        Weisfeiler-Lehman kernels", ICLR.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(ja.spaces.digits_dense), [1, 32, "relu"])
        >>> encoder = WeisfeilerLehmanEncoder(radius=0).fit([net])
        >>> encoder.size, int(encoder.encode([net]).sum())
        (11, 12)
    """

    radius: int = 2
    size: int | None = None

    def __post_init__(self) -> None:
        """Check the radius."""
        if self.radius < 0:
            raise SurrogateError(f"radius is {self.radius}; use 0 or more")

    def fit(self, architectures: Sequence[Architecture]) -> Columns:
        """Give each neighbourhood seen a column."""
        return fit_columns(self.extract, architectures, self.size)

    def extract(self, batch: GraphBatch) -> Counts:
        """Return the neighbourhoods of all radii."""
        return join(*neighbourhoods(batch, self.radius))


def neighbourhoods(batch: GraphBatch, radius: int) -> Iterator[Counts]:
    """Yield the features of each radius, from 0 on."""
    owners, names = batch.owners, batch.labels()
    yield _nodes(batch)
    for distance in range(radius):
        names = grow(batch, names)
        yield ones(owners, salted(names, distance + 3))


def _nodes(batch: GraphBatch) -> Counts:
    """Return the features of radius 0, counted by kinds, of which there are fewer than nodes."""
    kinds = max(len(batch.kinds), 1)
    present, many = np.unique(batch.owners * kinds + batch.kind, return_counts=True)
    owners, there = np.divmod(present, kinds)
    amounts = many.astype(np.float64)
    operations = np.array([stable_hash(kind.op) for kind in batch.kinds], np.uint64)[there]
    names = np.array([kind.label for kind in batch.kinds], np.uint64)[there]
    return join(
        Counts(owners, salted(operations, 1), amounts), Counts(owners, salted(names, 2), amounts)
    )


def grow(batch: GraphBatch, names: HashArray) -> HashArray:
    """Return names of the neighbourhoods whose radius is larger by one."""
    into = _gather(batch.targets, mix(batch.ports, names[batch.sources]), len(names))
    out_of = _gather(batch.sources, mix(batch.ports, names[batch.targets]), len(names))
    return mix(names, into, out_of)


def _gather(ends: IntArray, names: HashArray, nodes: int) -> HashArray:
    """Return the sum of hashes at each node: a hash of their multiset."""
    found = np.zeros(nodes, np.uint64)
    np.add.at(found, ends, names)
    return found
