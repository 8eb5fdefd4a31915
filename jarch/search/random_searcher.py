"""Random search (Bergstra and Bengio 2012, "Random search for hyper-parameter optimization")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from jarch.ir import Space

from .constraints import Constraint
from .gate import Gate
from .searcher import Metrics, Suggestion


@dataclass(frozen=True, slots=True)
class RandomConfig:
    """How architectures are drawn.

    Attributes:
        uniform: Draw uniformly over architectures; else each decision is drawn uniformly.
        repeats: Suggest equal models more than once.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> def layer():
        ...     return ja.nn.dense(ja.Discrete(range(1, 100), name="width"))
        >>> space = ja.trace(lambda: ja.optional(layer, ja.Bool("layer")))
        >>> searcher = ja.RandomSearcher(space, ja.RandomConfig(uniform=True, repeats=True))
        >>> rng = np.random.default_rng(0)
        >>> drawn = [searcher.ask(rng).architecture for _ in range(100)]
        >>> sum(dict(a.decisions)["layer"] for a in drawn)  # decision by decision, half have it
        100
    """

    uniform: bool = False
    repeats: bool = False


@dataclass(slots=True)
class RandomSearcher:
    """Suggests architectures at random, by default none twice.

    Invalid architectures are drawn again. When hundreds of draws in a row give nothing new, the
    space is enumerated as far as is quick, and what is left is suggested before the search ends.

    Attributes:
        space: Where to draw from.
        config: How.
        constraint: Returns False, or raises `InvalidArchitecture`, for those not to suggest.

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
    config: RandomConfig = field(default_factory=RandomConfig)
    constraint: Constraint | None = field(default=None, kw_only=True)
    _gate: Gate = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin with nothing suggested."""
        self._gate = Gate(self.space, self.constraint, self.config.repeats)

    def ask(self, rng: np.random.Generator) -> Suggestion:
        """Return an architecture that was not suggested before.

        Raises:
            SpaceExhausted: None is left, or none was found in many draws.
            SearchError: Nothing at all is valid and allowed.
        """
        return self._gate.draw(rng, self.config.uniform)

    def tell(self, suggestion: Suggestion, metrics: Metrics | None) -> None:
        """Learn nothing: chance does not."""
        self._gate.check(suggestion)

    def options(self) -> Mapping[str, Any]:
        """Return how it draws."""
        return {"name": "random", **asdict(self.config)}

    def state(self) -> Mapping[str, Any]:
        """Return the fingerprints of what was suggested."""
        return {"seen": list(self._gate.seen)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the fingerprints of what was suggested."""
        self._gate.restore(state["seen"])
