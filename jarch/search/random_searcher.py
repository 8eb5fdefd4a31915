"""Random search (Bergstra and Bengio 2012, "Random search for hyper-parameter optimization")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from jarch.ir import (
    Architecture,
    InvalidArchitecture,
    ShapeError,
    Space,
    SpaceError,
    enumerate_architectures,
    fingerprint,
    sample,
    sample_uniform,
)

from .constraints import Constraint
from .searcher import Metrics, SpaceExhausted, Suggestion

PATIENCE = 500  # draws in a row without anything new, after which the rest is enumerated
UNIFORM_PATIENCE = 100  # the same where a draw takes longer
ENUMERATED = 20_000  # how many architectures are looked at then


@dataclass(slots=True)
class RandomSearcher:
    """Suggests architectures at random, by default none twice.

    Invalid architectures are drawn again. When hundreds of draws in a row give nothing new, the
    space is enumerated as far as is quick, and what is left is suggested before the search ends.

    Attributes:
        space: Where to draw from.
        uniform: Draw uniformly over architectures; else each decision is drawn uniformly.
        repeats: Suggest equal models more than once.
        constraint: Raises `InvalidArchitecture` for those not to suggest.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> searcher = ja.RandomSearcher(ja.trace(ja.spaces.digits_dense))
        >>> first = searcher.ask(np.random.default_rng(0))
        >>> searcher.tell(first, {"accuracy": 0.9})
        >>> searcher.state()["seen"] == [first.fingerprint]
        True
    """

    space: Space
    uniform: bool = False
    repeats: bool = False
    constraint: Constraint | None = None
    _seen: dict[str, None] = field(default_factory=dict[str, None], repr=False)

    def ask(self, rng: np.random.Generator) -> Suggestion:
        """Return an architecture that was not suggested before.

        Raises:
            SpaceExhausted: None is left, or none was found in many draws.
        """
        invalid, why = 0, ""
        for _ in range(self._patience):
            try:
                architecture = self._draw(rng)
            except (InvalidArchitecture, ShapeError) as error:
                invalid, why = invalid + 1, str(error)
                continue
            found = fingerprint(architecture)
            if self.repeats or found not in self._seen:
                return self._suggest(architecture, found, invalid)
        rest = list(self._rest())
        if not rest:
            raise SpaceExhausted(self._explain(invalid, why))
        architecture, found = rest[int(rng.integers(len(rest)))]
        return self._suggest(architecture, found, invalid)

    def tell(self, suggestion: Suggestion, metrics: Metrics | None) -> None:
        """Do nothing: chance learns from nothing."""

    def options(self) -> Mapping[str, Any]:
        """Return how it draws."""
        return {"name": "random", "uniform": self.uniform, "repeats": self.repeats}

    def state(self) -> Mapping[str, Any]:
        """Return the fingerprints of what was suggested."""
        return {"seen": list(self._seen)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the fingerprints of what was suggested."""
        self._seen = dict.fromkeys(state["seen"])

    @property
    def _patience(self) -> int:
        return UNIFORM_PATIENCE if self.uniform else PATIENCE

    def _draw(self, rng: np.random.Generator) -> Architecture:
        architecture = (sample_uniform if self.uniform else sample)(self.space, rng)
        if self.constraint is not None:
            self.constraint(architecture)
        return architecture

    def _suggest(self, architecture: Architecture, found: str, invalid: int) -> Suggestion:
        self._seen[found] = None
        return Suggestion(architecture, found, invalid)

    def _rest(self) -> Iterator[tuple[Architecture, str]]:
        """Yield the valid models not yet suggested, each once, as far as is quick."""
        known = set(self._seen)
        try:
            for architecture in islice(enumerate_architectures(self.space), ENUMERATED):
                found = fingerprint(architecture)
                if (self.repeats or found not in known) and self._allows(architecture):
                    known.add(found)
                    yield architecture, found
        except SpaceError:  # a range of real numbers, which has no end
            return

    def _allows(self, architecture: Architecture) -> bool:
        try:
            if self.constraint is not None:
                self.constraint(architecture)
        except (InvalidArchitecture, ShapeError):
            return False
        return True

    def _explain(self, invalid: int, why: str) -> str:
        told = f"{self._patience} draws gave nothing new after {len(self._seen)} different models"
        return told + (f"; {invalid} of them were invalid, the last: {why}" if invalid else "")
