"""Exhaustive search: every architecture, depth first, as `enumerate_architectures` orders them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from jarch.ir import InvalidArchitecture, Space, architecture

from .constraints import Constraint
from .gate import Gate
from .searcher import Metrics, Suggestion
from .walk import Walk

PATIENCE = 100_000  # refusals in a row after which the search ends


@dataclass(frozen=True, slots=True)
class ExhaustiveConfig:
    """What is suggested.

    Attributes:
        repeats: Suggest every sequence of values, also those that give equal models.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> space = ja.trace(lambda: ja.optional(ja.identity, ja.Bool("skip")))
        >>> searcher = ja.ExhaustiveSearcher(space, ja.ExhaustiveConfig(repeats=True))
        >>> rng = np.random.default_rng(0)
        >>> [searcher.ask(rng).architecture.values for _ in range(2)]  # without repeats one of them
        [(False,), (True,)]
    """

    repeats: bool = False


@dataclass(slots=True)
class ExhaustiveSearcher:
    """Suggests every architecture once, in odometer order: the last decision changes fastest.

    Nothing is drawn: the generator is not used. After 100,000 values or architectures in a row
    that are refused or not new it gives up.

    Attributes:
        space: What to go through; every domain in it must be finite.
        config: What is suggested.
        constraint: Returns False, or raises `InvalidArchitecture`, for those not to suggest.

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
    _walk: Walk = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin at the first architecture."""
        self._gate = Gate(self.space, self.constraint, self.config.repeats)
        self._walk = Walk(self.space)

    def ask(self, rng: np.random.Generator) -> Suggestion:
        """Return the next architecture in order.

        Raises:
            SpaceExhausted: That was all.
            SearchError: That was all, and nothing was valid and allowed.
            SpaceError: A domain has no end.
        """
        for _ in range(PATIENCE):
            found = self._walk.step()
            if found is None:
                raise self._gate.exhausted("nothing is left")
            if isinstance(found, InvalidArchitecture):
                self._gate.refuse(found)
            elif (suggestion := self._gate.admit(architecture, found)) is not None:
                return suggestion
        raise self._gate.exhausted(f"{PATIENCE:,} in a row gave nothing new")

    def tell(self, suggestion: Suggestion, metrics: Metrics | None) -> None:
        """Learn nothing: the order is fixed."""
        self._gate.check(suggestion)

    def options(self) -> Mapping[str, Any]:
        """Return what is suggested."""
        return {"name": "exhaustive", **asdict(self.config)}

    def state(self) -> Mapping[str, Any]:
        """Return the fingerprints of what was suggested, and where in the space it stands."""
        last = None if self._walk.last is None else list(self._walk.last)
        return {"seen": list(self._gate.seen), "last": last}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on after the last suggestion."""
        self._gate.restore(state["seen"])
        self._walk = Walk(self.space, None if state["last"] is None else tuple(state["last"]))
