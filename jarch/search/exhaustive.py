"""Exhaustive search: every architecture, depth first, as `enumerate_architectures` orders them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from jarch.ir import InvalidArchitecture, Space, architecture, assign

from .constraints import Constraint
from .gate import Gate
from .searcher import Metrics, Suggestion

PATIENCE = 100_000  # architectures in a row that may be refused before the search ends


@dataclass(frozen=True, slots=True)
class ExhaustiveConfig:
    """What is suggested.

    Attributes:
        repeats: Suggest every sequence of values, also those that give equal models.
    """

    repeats: bool = False


@dataclass(slots=True)
class ExhaustiveSearcher:
    """Suggests every architecture once, in odometer order: the last decision changes fastest.

    Nothing is drawn: the generator is not used. After 100,000 architectures in a row that are
    invalid or not new it gives up.

    Attributes:
        space: What to go through; every domain in it must be finite.
        config: What is suggested.
        constraint: Raises `InvalidArchitecture` for those not to suggest.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Discrete([8, 16], name="width")))
        >>> searcher, rng = ja.ExhaustiveSearcher(space), np.random.default_rng(0)
        >>> [searcher.ask(rng).architecture.values for _ in range(2)]
        [(8,), (16,)]
    """

    space: Space
    config: ExhaustiveConfig = field(default_factory=ExhaustiveConfig)
    constraint: Constraint | None = field(default=None, kw_only=True)
    _gate: Gate = field(init=False, repr=False)
    _last: tuple[int, ...] | None = field(init=False, default=None, repr=False)
    _stack: list[Iterator[tuple[int, Space]]] = field(init=False, repr=False)
    _path: list[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin at the first architecture."""
        self._gate = Gate(self.space, self.constraint, self.config.repeats)
        self._begin(None)

    def ask(self, rng: np.random.Generator) -> Suggestion:
        """Return the next architecture in order.

        Raises:
            SpaceExhausted: That was all.
            SearchError: That was all, and nothing was valid and allowed.
            SpaceError: A domain has no end.
        """
        for _ in range(PATIENCE):
            found = self._advance()
            if found is None:
                raise self._gate.exhausted("nothing is left")
            suggestion = self._gate.admit(architecture, found)
            if suggestion is not None:
                return suggestion
        raise self._gate.exhausted(f"{PATIENCE:,} in a row gave nothing new")

    def tell(self, suggestion: Suggestion, metrics: Metrics | None) -> None:
        """Do nothing: the order is fixed."""

    def options(self) -> Mapping[str, Any]:
        """Return what is suggested."""
        return {"name": "exhaustive", **asdict(self.config)}

    def state(self) -> Mapping[str, Any]:
        """Return the fingerprints of what was suggested, and where in the space it stands."""
        last = None if self._last is None else list(self._last)
        return {"seen": list(self._gate.seen), "last": last}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on after the last suggestion."""
        self._gate.restore(state["seen"])
        self._begin(None if state["last"] is None else tuple(state["last"]))

    def _begin(self, last: tuple[int, ...] | None) -> None:
        """Stand right after the architecture with these indices of values, or at the start."""
        self._last = last
        self._path = list(last or ())
        if last is None:
            self._stack = [iter([(0, self.space)])]
            return
        self._stack = [iter(())]
        space = self.space
        for index in last:
            self._stack.append(self._branches(space, index + 1))
            assert space.next is not None
            space = assign(space, space.next.domain[index])

    def _advance(self) -> Space | None:
        """Return the next space with nothing left to decide; None after the last."""
        while self._stack:
            step = next(self._stack[-1], None)
            depth = len(self._stack) - 1
            if step is None:
                self._stack.pop()
                continue
            index, space = step
            self._path[max(depth - 1, 0) :] = [index] if depth else []
            if space.next is None:
                self._last = tuple(self._path)
                return space
            self._stack.append(self._branches(space, 0))
        return None

    def _branches(self, space: Space, start: int) -> Iterator[tuple[int, Space]]:
        """Yield the spaces that the values from an index on lead to."""
        assert space.next is not None
        domain = space.next.domain
        for index in range(start, len(domain)):
            try:
                following = assign(space, domain[index])
            except InvalidArchitecture as error:
                self._gate.refuse(error)
                continue
            yield index, following
