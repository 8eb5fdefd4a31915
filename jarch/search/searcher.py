"""What every searcher offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from jarch.ir import Architecture, SpaceError

Metrics: TypeAlias = Mapping[str, float | None]


class SpaceExhausted(Exception):
    """A searcher has nothing new to suggest; the message says how it found out."""


class SearchError(SpaceError):
    """A search that cannot be: options that make no sense, or a constraint nothing satisfies."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An architecture to evaluate.

    Attributes:
        architecture: Valid as far as the space and the constraint can say.
        fingerprint: Of the architecture.
        invalid_draws: How many were drawn before it and refused as invalid.
        fidelity: How thoroughly to evaluate it, in the evaluator's units, such as epochs; None for
            an evaluation in full.
        trial: A number that the searcher gives to a candidate which it may suggest again at a
            higher fidelity. Evaluations of one trial have one seed, so the evaluator may go on
            where the last of them ended.
    """

    architecture: Architecture
    fingerprint: str
    invalid_draws: int = 0
    fidelity: int | None = None
    trial: int | None = None


class Searcher(Protocol):
    """Suggests architectures, and may learn from what they score.

    Made from a space and a frozen configuration. Results may come back in any order, and some
    never. All that a searcher knows is its space, its options and its state: with an equal state
    and an equal generator, two searchers suggest the same, in this process or in another.

    No model is suggested twice, unless the configuration says `repeats`. What is invalid or breaks
    the constraint is never suggested, but counted. A searcher of several fidelities suggests a
    model once at each of them, from low to high, all under one number of its trial.
    """

    def ask(self, rng: np.random.Generator) -> Suggestion:
        """Return the next architecture to evaluate.

        Args:
            rng: Where all randomness comes from.

        Raises:
            SpaceExhausted: There is none.
            SearchError: There never was one: nothing is valid and allowed.
        """
        ...

    def tell(self, suggestion: Suggestion, metrics: Metrics | None) -> None:
        """Take note of what a suggestion scored; None means that it failed."""
        ...

    def options(self) -> Mapping[str, Any]:
        """Return the kind of the searcher and its options, as plain data that JSON can hold.

        `name` is the kind; a searcher that learns also names its `objective`, and whether to
        `maximize` it.
        """
        ...

    def state(self) -> Mapping[str, Any]:
        """Return what it knows beyond its space and options, as plain data that JSON can hold."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Know what `state` returned, and nothing else."""
        ...


@runtime_checkable
class FidelitySearcher(Searcher, Protocol):
    """A searcher that suggests candidates again, at a higher fidelity."""

    def ongoing(self) -> Sequence[int]:
        """Return the trials that may be suggested again, those first that are likely to be."""
        ...
