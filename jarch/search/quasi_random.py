"""Quasi-random search: decisions by the points of a scrambled Sobol sequence."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (the annotations of scipy are partial)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from jarch.ir import (
    Architecture,
    Constant,
    IndependentHyperparameter,
    PermutationDomain,
    Space,
    complete,
)

from .constraints import Constraint
from .gate import Gate
from .searcher import Metrics, Suggestion
from .units import from_unit

ATTEMPTS = 100  # points in a row that give nothing new, after which one is drawn at random
BITS = 30  # of a coordinate
LONGEST = 9  # items of a permutation that is read off one coordinate; longer ones take one an item
MOST = qmc.Sobol.MAXDIM  # coordinates of a point


@dataclass(frozen=True, slots=True)
class QuasiRandomConfig:
    """What is suggested.

    Attributes:
        repeats: Suggest equal models more than once.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Discrete([8, 16], name="width")))
        >>> searcher = ja.QuasiRandomSearcher(space, ja.QuasiRandomConfig(repeats=True))
        >>> rng = np.random.default_rng(0)
        >>> sorted(searcher.ask(rng).architecture.values[0] for _ in range(8))
        [8, 8, 8, 8, 16, 16, 16, 16]
    """

    repeats: bool = False


@dataclass(slots=True)
class QuasiRandomSearcher:
    """Spreads architectures evenly: their decisions are the coordinates of a Sobol sequence.

    Each key has a coordinate for itself, the next one free when it is first met. So a decision goes
    evenly through its values, and pairs of decisions through their pairs, whichever other decisions
    an architecture has; those that it has not are coordinates passed over. A value is read off its
    coordinate in the order of its domain, `log` included. A permutation of up to nine items is one
    coordinate, that of a longer one the order of as many coordinates. Past 21,201 coordinates
    decisions are drawn.

    Each coordinate is scrambled by itself, linearly and by a shift, from a seed drawn at the first
    suggestion. Points that give nothing new or valid are passed over; after 100 of them in a row,
    an architecture is drawn at random.

    Attributes:
        space: Where to search.
        config: What is suggested.
        constraint: Returns False, or raises `InvalidArchitecture`, for those not to suggest.

    Reference:
        Sobol 1967, "On the distribution of points in a cube and the approximate evaluation of
        integrals". Joe and Kuo 2008, "Constructing Sobol sequences with better two-dimensional
        projections". Matoušek 1998, "On the L2-discrepancy for anchored boxes", for the scrambling.
        Bousquet, Gelly, Kurach, Teytaud and Vincent 2017, "Critical hyper-parameters: no random, no
        cry", for the use in search.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Discrete([8, 16, 32, 64], name="width")))
        >>> searcher, rng = QuasiRandomSearcher(space), np.random.default_rng(0)
        >>> sorted(searcher.ask(rng).architecture.values[0] for _ in range(4))
        [8, 16, 32, 64]
    """

    space: Space
    config: QuasiRandomConfig = field(default_factory=QuasiRandomConfig)
    constraint: Constraint | None = field(default=None, kw_only=True)
    _gate: Gate = field(init=False, repr=False)
    _seed: int | None = field(init=False, default=None, repr=False)
    _index: int = field(init=False, default=0, repr=False)
    _axes: dict[str, int] = field(init=False, default_factory=dict[str, int], repr=False)
    _points: _Points | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        """Begin before the first point."""
        self._gate = Gate(self.space, self.constraint, self.config.repeats)

    def ask(self, rng: np.random.Generator) -> Suggestion:
        """Return what the next point gives that is valid and new.

        Raises:
            SpaceExhausted: Nothing new is left.
            SearchError: Nothing at all is valid and allowed.
        """
        if self._seed is None:
            self._seed = int(rng.integers(2**32))
        for _ in range(ATTEMPTS):
            suggestion = self._gate.admit(self._at, self._index, self._seed, rng)
            self._index += 1
            if suggestion is not None:
                return suggestion
        return self._gate.draw(rng)

    def tell(self, suggestion: Suggestion, metrics: Metrics | None) -> None:
        """Learn nothing: the points are fixed."""
        self._gate.check(suggestion)

    def options(self) -> Mapping[str, Any]:
        """Return what is suggested."""
        return {"name": "quasi_random", **asdict(self.config)}

    def state(self) -> Mapping[str, Any]:
        """Return what was suggested, where the sequence stands, and whose the coordinates are."""
        return {
            "seen": list(self._gate.seen),
            "seed": self._seed,
            "index": self._index,
            "axes": list(self._axes),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on after the last point of a state."""
        self._gate.restore(state["seen"])
        self._seed, self._index = state["seed"], state["index"]
        self._axes = {name: axis for axis, name in enumerate(state["axes"])}
        self._points = None

    def _at(self, index: int, seed: int, rng: np.random.Generator) -> Architecture:
        """Return the architecture of a point."""

        def choose(hyperparameter: IndependentHyperparameter) -> Constant:
            key, domain = hyperparameter.key, hyperparameter.domain
            if isinstance(domain, PermutationDomain) and domain.n > LONGEST:
                units = [self._unit(f"{key}/{i}", index, seed, rng) for i in range(domain.n)]
                return tuple(sorted(range(domain.n), key=units.__getitem__))
            return from_unit(domain, self._unit(key, index, seed, rng))

        return complete(self.space, choose)

    def _unit(self, name: str, index: int, seed: int, rng: np.random.Generator) -> float:
        """Return the coordinate of a name at a point."""
        axis = self._axes.setdefault(name, len(self._axes))
        if axis >= MOST:
            return float(rng.random())
        if self._points is None or self._points.seed != seed:
            self._points = _Points(seed)
        return self._points.coordinate(axis, index)


class _Points:
    """The points of a sequence, each coordinate scrambled by itself.

    The scrambling is that of scipy, but scipy's of a coordinate depends on how many there are,
    which is not known before the space is walked.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._size = 0
        self._at = (-1, np.zeros(0, np.int64))
        self._matrices = np.zeros((0, BITS, BITS), np.int64)
        self._shifts = np.zeros((0, BITS), np.int64)
        self._sobol: qmc.Sobol | None = None

    def coordinate(self, axis: int, index: int) -> float:
        """Return a coordinate of a point, from 0 to 1, both excluded."""
        grew = axis >= self._size
        if grew:
            self._grow(min(max(16, 1 << axis.bit_length()), MOST))
        if grew or self._at[0] != index:
            self._at = index, self._point(index)
        bits = self._at[1][axis] >> np.arange(BITS - 1, -1, -1) & 1
        bits = (self._matrices[axis] @ bits + self._shifts[axis]) % 2
        return float((bits @ (1 << np.arange(BITS - 1, -1, -1)) + 0.5) / 2**BITS)

    def _grow(self, size: int) -> None:
        matrices, shifts = list(self._matrices), list(self._shifts)
        for axis in range(self._size, size):
            rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(axis,)))
            below = np.tril(rng.integers(2, size=(BITS, BITS)), -1)
            matrices.append(below + np.eye(BITS, dtype=np.int64))
            shifts.append(rng.integers(2, size=BITS))
        self._matrices, self._shifts = np.stack(matrices), np.stack(shifts)
        self._size = size
        self._sobol = None

    def _point(self, index: int) -> npt.NDArray[np.int64]:
        """Return the coordinates of a point before scrambling, as whole numbers of BITS bits."""
        if self._sobol is None or self._sobol.num_generated > index:
            self._sobol = qmc.Sobol(self._size, scramble=False, bits=BITS)
        if self._sobol.num_generated < index:
            self._sobol.fast_forward(index - self._sobol.num_generated)
        return np.asarray(np.rint(self._sobol.random(1)[0] * 2**BITS), np.int64)
