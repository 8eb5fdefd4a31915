"""Hashed modules, connections and hyperparameters: a fixed number of columns for any space."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from jarch.ir import Architecture

from .counts import Columns, Counts, fit_columns, join, ones
from .graphs import GraphBatch, Kind
from .hashing import mix, salted, stable_hash
from .surrogate import SurrogateError


@dataclass(frozen=True, slots=True)
class HashingEncoder:
    """Counts modules, connections between them, and values of their hyperparameters.

    A module counts once by its operation, and once with all properties; a connection by the
    operations that it joins; a property by operation, name and value. For a property that is a
    number its size counts too, as sign(x) log(1 + |x|), summed over the modules, so that values
    never seen lie between those that were.

    Each feature goes to the column that its hash says, added or subtracted as another bit of it
    says. So nothing is learned from what was seen, and the columns mean the same in every space
    and process.

    Attributes:
        size: How many columns; None for one for each feature seen.
        most: Give columns to so many of the features seen, those that vary most; None for all.

    Raises:
        SurrogateError: The size is below 1.

    Reference:
        Weinberger et al. 2009, "Feature hashing for large scale multitask learning", ICML.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(ja.spaces.digits_dense), [1, 32, "relu"])
        >>> HashingEncoder(64).fit([]).encode([net]).shape
        (1, 64)
    """

    size: int | None = 256
    most: int | None = None

    def __post_init__(self) -> None:
        """Check the size."""
        if self.size is not None and self.size < 1:
            raise SurrogateError(f"an encoding of {self.size} columns; give it at least one")

    def fit(self, architectures: Sequence[Architecture]) -> Columns:
        """Return the columns."""
        return fit_columns(self.extract, architectures, self.size, most=self.most)

    def extract(self, batch: GraphBatch) -> Counts:
        """Return all three sorts of features."""
        owners, operations = batch.owners, batch.labels(with_properties=False)
        joined = mix(operations[batch.sources], batch.ports, operations[batch.targets])
        return join(
            ones(owners, salted(operations, 1)),
            ones(owners, salted(batch.labels(), 2)),
            ones(owners[batch.sources], salted(joined, 3)),
            _hyperparameters(batch),
        )


def _hyperparameters(batch: GraphBatch) -> Counts:
    """Return the features of all properties of all nodes."""
    of_kinds = [list(property_features(kind)) for kind in batch.kinds]
    nodes, places = batch.spread([len(features) for features in of_kinds])
    names = np.array([name for features in of_kinds for name, _ in features], np.uint64)
    amounts = np.array([amount for features in of_kinds for _, amount in features], np.float64)
    return Counts(batch.owners[nodes], names[places], amounts[places])


def property_features(kind: Kind) -> Iterator[tuple[int, float]]:
    """Yield the features of a kind's properties, hashes, and how much of each there is."""
    for name, value in kind.symbols or kind.properties:
        yield stable_hash(json.dumps([kind.op, name, value])), 1.0
    for name, value in kind.properties:
        numbers = value if isinstance(value, tuple) else (value,)
        for place, number in enumerate(numbers):
            if isinstance(number, (int, float)) and not isinstance(number, bool):
                size = math.copysign(math.log1p(abs(number)), number)
                yield stable_hash(json.dumps([kind.op, name, "size", place])), size
