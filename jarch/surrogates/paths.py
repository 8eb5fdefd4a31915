"""Path encoding: which sequences of operations lead from an input to an output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from jarch.ir import Architecture

from .counts import Columns, Counts, fit_columns, ones
from .graphs import GraphBatch
from .hashing import stable_hash
from .surrogate import SurrogateError

_Paths: TypeAlias = Mapping[int, int]  # names, and lengths in operations

_MASK = (1 << 64) - 1
_FACTOR = 0x9E3779B97F4A7C15


@dataclass(frozen=True, slots=True)
class PathEncoder:
    """Says which paths from an input to an output are there, each named by its operations in order.

    Works for any graph; an operation `zero` ends a path. A graph of n merges can have 2^n paths:
    of those to each node no more than `limit` are followed, the shortest, so that the paths that
    remain are the shortest of all. The paper truncates likewise. Where as many are equally short,
    their hashes decide, in every process alike.

    Attributes:
        properties: Two modules are alike only where their properties are equal; else their
            operations decide.
        limit: How many paths of one architecture count, at each node on the way.
        skipped: Operations that paths do not mention.
        size: Gather the paths in this many columns by their hashes; None for a column for each
            path seen.
        most: Give columns to so many of the paths seen, those that vary most; None for all.

    Raises:
        SurrogateError: The limit is below 1.

    Reference:
        White, Neiswanger and Savani 2021, "BANANAS: Bayesian optimization with neural
        architectures for neural architecture search", AAAI.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(lambda: ja.residual(ja.nn.relu())), [])
        >>> PathEncoder().fit([net]).encode([net])  # through the relu, and past it
        array([[1., 1.]])
    """

    properties: bool = True
    limit: int = 64
    skipped: tuple[str, ...] = ("identity", "add", "concatenate")
    size: int | None = None
    most: int | None = None

    def __post_init__(self) -> None:
        """Check the limit."""
        if self.limit < 1:
            raise SurrogateError(f"limit is {self.limit}; use at least 1")

    def fit(self, architectures: Sequence[Architecture]) -> Columns:
        """Give each path seen a column."""
        return fit_columns(self.extract, architectures, self.size, binary=True, most=self.most)

    def extract(self, batch: GraphBatch) -> Counts:
        """Return the paths."""
        owners: list[int] = []
        features: list[int] = []
        steps = self._steps(batch)
        kinds: list[int] = batch.kind.tolist()
        starts: list[int] = batch.starts.tolist()
        firsts: list[int] = np.searchsorted(batch.targets, np.arange(len(kinds) + 1)).tolist()
        sources: list[int] = batch.sources.tolist()
        for graph in range(len(batch)):
            start = starts[graph]
            reached: list[_Paths] = []
            for node in range(start, starts[graph + 1]):
                before = [reached[s - start] for s in sources[firsts[node] : firsts[node + 1]]]
                kind = batch.kinds[kinds[node]]
                if kind.op == "@input":
                    before = [{0: 0}]
                paths = self._walk(before, steps[kinds[node]])
                reached.append(paths)
                if kind.op == "@output":
                    owners += [graph] * len(paths)
                    features += paths
        return ones(np.array(owners, np.int64), np.array(features, np.uint64))

    def _steps(self, batch: GraphBatch) -> list[int]:
        """Return what each kind adds to a path: a hash, or 0 for nothing."""
        labels = [kind.label if self.properties else stable_hash(kind.op) for kind in batch.kinds]
        return [
            0 if kind.op in self.skipped else label
            for kind, label in zip(batch.kinds, labels, strict=True)
        ]

    def _walk(self, before: Sequence[_Paths], step: int) -> _Paths:
        """Return the paths to a node from those to its producers."""
        if len(before) == 1:
            merged = before[0]
        else:
            merged = {name: length for paths in before for name, length in paths.items()}
        if step:
            merged = {_extend(name, step): length + 1 for name, length in merged.items()}
        if len(merged) > self.limit:
            shortest = sorted((length, name) for name, length in merged.items())
            merged = {name: length for length, name in shortest[: self.limit]}
        return merged


def _extend(name: int, step: int) -> int:
    """Return the name of a path with one more operation."""
    bits = ((name ^ (name >> 31)) * _FACTOR + step) & _MASK
    return (bits ^ (bits >> 29)) * _FACTOR & _MASK
