"""What numbers of modules mean: their scale, and whether neighbours among them are alike.

A property whose values come back from architecture to architecture can be a symbol: each value is
learned by itself. One whose values are all different, a rate or a wide integer, cannot: as a symbol
each value says nothing of any other, and no two neighbourhoods around it are ever the same. Which
it is shows in the architectures observed, for an encoding knows no space.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from jarch.ir import Constant

from .graphs import GraphBatch, IntArray, Kind
from .hashing import stable_hash
from .surrogate import FloatArray

_Place: TypeAlias = tuple[str, str, int]  # operation, property, and place in a tuple

_VALUES = 3  # of two values a number says no more than two symbols do
_RARE = 5.0  # architectures for each value on average, below which values are no symbols
_LEVELS = 3  # low, middle, high
_MARGIN = 0.5  # deviations beyond the values seen, where sizes end


@dataclass(frozen=True, slots=True)
class Measure:
    """The scale of a number that modules of one operation have.

    Attributes:
        name: A hash of operation and property.
        log: Its logarithm counts.
        location: The mean over the modules seen.
        scale: The standard deviation.
        low: The least size, in standard deviations from the mean; what is beyond counts as that.
        high: The largest.
        cuts: Where the levels end that stand for values too rare to be symbols, in rising order;
            None where values are symbols.
    """

    name: int
    log: bool
    location: float
    scale: float
    low: float
    high: float
    cuts: tuple[float, ...] | None

    def size(self, value: float) -> float:
        """Return how many standard deviations a value is from the mean."""
        if self.log:
            value = math.log(value) if value > 0 else -math.inf
        return min(max((value - self.location) / self.scale, self.low), self.high)

    def level(self, value: float) -> str:
        """Return what stands for a value in names."""
        return f"~{int(np.searchsorted(np.array(self.cuts), value))}"


@dataclass(frozen=True, slots=True)
class Measures:
    """The numbers that vary among architectures, in three values or more.

    Attributes:
        known: By operation, property, and place in it.
    """

    known: Mapping[_Place, Measure] = field(default_factory=dict[_Place, Measure])

    def sizes(self, kind: Kind) -> Iterator[tuple[int, float]]:
        """Yield name and size of each number of a kind of modules that varies."""
        for place, value in _numbers(kind):
            measure = self.known.get(place)
            if measure is not None:
                yield measure.name, measure.size(value)

    def coarsened(self, batch: GraphBatch) -> GraphBatch:
        """Return the graphs with levels in the place of values that are no symbols.

        Graphs without such values are returned as they are.
        """
        if all(measure.cuts is None for measure in self.known.values()):
            return batch
        labels: dict[str, int] = {}
        return replace(batch, kinds=tuple([self._coarse(kind, labels) for kind in batch.kinds]))

    def _coarse(self, kind: Kind, labels: dict[str, int]) -> Kind:
        found = dict(kind.properties)
        for (_, name, place), value in _numbers(kind):
            measure = self.known.get((kind.op, name, place))
            if measure is None or measure.cuts is None:
                continue
            whole = found[name]
            if isinstance(whole, tuple):
                found[name] = (*whole[:place], measure.level(value), *whole[place + 1 :])
            else:
                found[name] = measure.level(value)
        symbols = tuple(found.items())
        if symbols == kind.properties:
            return kind
        written = json.dumps((kind.op, symbols, kind.outputs))
        label = labels.get(written)
        if label is None:
            label = labels[written] = stable_hash(written)
        return replace(kind, label=label, symbols=symbols)


def fit_measures(batch: GraphBatch) -> Measures:
    """Return the measures of all numbers in graphs that have three values or more.

    A logarithm is taken where values are positive and it makes them less skewed: draws that are
    uniform in a number leave it as it is, those uniform in its logarithm do not.

    Example:
        >>> import jarch as ja
        >>> from jarch.surrogates.graphs import as_batch
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Integer(1, 1000, log=True, name="width")))
        >>> nets = [ja.sample(space, np.random.default_rng(i)) for i in range(20)]
        >>> (measure,) = fit_measures(as_batch(nets)).known.values()
        >>> measure.log, measure.level(2.0), measure.level(900.0)
        (True, '~0', '~2')
    """
    values: dict[_Place, dict[int, float]] = {}
    for i, kind in enumerate(batch.kinds):
        for place, value in _numbers(kind):
            values.setdefault(place, {})[i] = value
    kinds = max(len(batch.kinds), 1)
    nodes = np.bincount(batch.kind, minlength=kinds)
    present: IntArray = np.unique(batch.owners * kinds + batch.kind)
    owners, there = np.divmod(present, kinds)
    found: dict[_Place, Measure] = {}
    for place in sorted(values):
        of = np.full(kinds, np.nan)
        of[list(values[place])] = list(values[place].values())
        if len(np.unique(of[~np.isnan(of)])) < _VALUES:
            continue
        seen = np.unique(np.stack([owners, of[there]])[:, ~np.isnan(of[there])], axis=1)
        measure = _measure(place, np.sort(np.repeat(of, nodes * ~np.isnan(of))), seen[1])
        if measure is not None:
            found[place] = measure
    return Measures(found)


def _measure(place: _Place, values: FloatArray, seen: FloatArray) -> Measure | None:
    """Return the measure of a property; None where floats cannot hold its deviation.

    Args:
        place: Which it is.
        values: At all modules, in rising order: shape (k,).
        seen: The different ones of each architecture, one after another.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        log = bool(values[0] > 0) and not _skewness(values) <= _skewness(np.log(values))
        sizes = np.log(values) if log else values
        location, scale = float(sizes.mean()), float(sizes.std())
        if not (0 < scale < math.inf):
            return None
        low, high = (sizes[[0, -1]] - location) / scale
    cuts = None
    if len(seen) < _RARE * len(np.unique(seen)):
        levels = int(np.clip(len(seen) // _RARE, 1, _LEVELS))
        cuts = tuple(np.unique(np.quantile(values, np.arange(1, levels) / levels)).tolist())
    name = stable_hash(json.dumps(place))
    return Measure(name, log, location, scale, float(low) - _MARGIN, float(high) + _MARGIN, cuts)


def _skewness(values: FloatArray) -> float:
    """Return the size of the third standardised moment; not a number where there is none."""
    apart: FloatArray = values - values.mean()
    cubes: FloatArray = (apart / apart.std()) ** 3
    return abs(float(cubes.mean()))


def _numbers(kind: Kind) -> Iterator[tuple[_Place, float]]:
    """Yield the numbers among the properties of a kind that floats can hold."""
    for name, value in kind.properties:
        for place, part in enumerate(value if isinstance(value, tuple) else (value,)):
            number = _as_float(part)
            if number is not None:
                yield (kind.op, name, place), number


def _as_float(value: Constant) -> float | None:
    """Return a finite number; None for anything else, truth values among it."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # an integer beyond all floats
        return None
