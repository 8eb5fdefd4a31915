"""Numbers of modules as columns: rates, widths, whatever has more values than come back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jarch.ir import Architecture

from .counts import Columns, Counts, fit_columns, join
from .graphs import GraphBatch, IntArray, as_batch
from .hashing import HashArray, mix, salted
from .measures import Measures, fit_measures
from .surrogate import SurrogateError
from .weisfeiler_lehman import grow


@dataclass(frozen=True, slots=True)
class NumberEncoder:
    """Says how large the numbers of modules are, for each operation and neighbourhood.

    Of each property that has three values or more among the architectures seen there is the sum
    and the mean over all modules of an operation, and over all whose neighbours up to a radius
    have the same operations. Values are standardised by those seen, as logarithms where that makes
    them less skewed; modules that are not there count as the mean. With `squares` there are sums
    and means of squares too, so that what is linear in the columns may have an optimum.

    Where no property has three values there are no columns.

    Attributes:
        radius: Of the neighbourhoods, by which for instance the first layer's width is told from
            the second's; 0 for operations alone.
        squares: Squares count too.

    Raises:
        SurrogateError: The radius is negative.

    Reference:
        After Shervashidze et al. 2011, "Weisfeiler-Lehman graph kernels", JMLR 12, whose names of
        neighbourhoods these are; numbers at the nodes are not in it.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(lambda: ja.nn.dropout(ja.Float(0.0, 0.8, name="rate")))
        >>> nets = [ja.replay(space, [rate]) for rate in (0.0, 0.25, 0.5)]
        >>> NumberEncoder(0, squares=False).fit(nets).encode(nets).round(2).tolist()
        [[-1.22, -1.22], [0.0, 0.0], [1.22, 1.22]]
    """

    radius: int = 1
    squares: bool = True

    def __post_init__(self) -> None:
        """Check the radius."""
        if self.radius < 0:
            raise SurrogateError(f"radius is {self.radius}; use 0 or more")

    def fit(self, architectures: Sequence[Architecture]) -> Columns:
        """Give each property columns for each neighbourhood seen."""
        measures = fit_measures(as_batch(architectures))

        def extract(batch: GraphBatch) -> Counts:
            return self._extract(batch, measures)

        return fit_columns(extract, architectures)

    def _extract(self, batch: GraphBatch, measures: Measures) -> Counts:
        """Return sums and means of all sizes."""
        nodes, properties, sizes = _sizes(batch, measures)
        owners = batch.owners[nodes]
        powers = [sizes, sizes**2 - 1] if self.squares else [sizes]
        names = batch.labels(with_properties=False)
        parts: list[Counts] = []
        for radius in range(self.radius + 1):
            names = grow(batch, names) if radius else names
            features = salted(mix(names[nodes], properties), radius)
            same = mix(features, owners.astype(np.uint64))
            _, place, many = np.unique(same, return_inverse=True, return_counts=True)
            for power, amounts in enumerate(powers):
                sums, means = (salted(features, 2 * power + i) for i in (0, 1))
                parts.append(Counts(owners, sums, amounts))
                parts.append(Counts(owners, means, amounts / many[place]))
        return join(*parts)


def _sizes(batch: GraphBatch, measures: Measures) -> tuple[IntArray, HashArray, np.ndarray]:
    """Return for each number of each node: the node, the name of the property, the size."""
    of_kinds = [list(measures.sizes(kind)) for kind in batch.kinds]
    nodes, places = batch.spread([len(sizes) for sizes in of_kinds])
    names = np.array([name for sizes in of_kinds for name, _ in sizes], np.uint64)
    amounts = np.array([size for sizes in of_kinds for _, size in sizes], np.float64)
    return nodes, names[places], amounts[places]
