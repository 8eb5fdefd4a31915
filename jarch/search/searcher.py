"""What every searcher offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from jarch.ir import Architecture, SpaceError

Metrics: TypeAlias = Mapping[str, float | None]


class SpaceExhausted(Exception):
    """A searcher has nothing new to suggest; the message says how it found out.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> searcher, rng = ja.ExhaustiveSearcher(ja.trace(ja.identity)), np.random.default_rng(0)
        >>> suggestion = searcher.ask(rng)
        >>> searcher.ask(rng)
        Traceback (most recent call last):
        ...
        jarch.search.searcher.SpaceExhausted: nothing is left after 1 model
    """


class SearchError(SpaceError):
    """A search that cannot be: options that make no sense, or a constraint nothing satisfies.

    Example:
        >>> import jarch as ja
        >>> ja.EvolutionConfig(population=0)
        Traceback (most recent call last):
        ...
        jarch.search.searcher.SearchError: population is 0; use at least 1
    """


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

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> known = ja.replay(space, [2, 64, "relu"])
        >>> searcher = ja.EvolutionSearcher(space)  # told of what it did not suggest
        >>> searcher.tell(Suggestion(known, ja.fingerprint(known)), {"accuracy": 0.97})
        >>> [member.architecture.values for member in searcher.population]
        [(2, 64, 'relu')]
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

    Example:
        >>> import jarch as ja
        >>> class Listed:  # suggests what a list says
        ...     def __init__(self, space, rows):
        ...         self.space, self.rows, self.next = space, rows, 0
        ...     def ask(self, rng):
        ...         if self.next == len(self.rows):
        ...             raise SpaceExhausted("the list has ended")
        ...         self.next += 1
        ...         found = ja.replay(self.space, self.rows[self.next - 1])
        ...         return Suggestion(found, ja.fingerprint(found))
        ...     def tell(self, suggestion, metrics):
        ...         pass  # it does not learn
        ...     def options(self):
        ...         return {"name": "listed", "rows": self.rows}
        ...     def state(self):
        ...         return {"next": self.next}
        ...     def restore(self, state):
        ...         self.next = state["next"]
        >>> searcher = Listed(ja.trace(ja.spaces.digits_dense), [[1, 16, "relu"], [2, 64, "gelu"]])
        >>> found = ja.run_search(searcher, lambda architecture, seed: {"accuracy": 0.5}, 20)
        >>> len(found.evaluations), found.stopped, found.note
        (2, 'exhausted', 'the list has ended')
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
        """Take note of what a suggestion scored; None means that it failed.

        A result of something it never suggested, such as one of an earlier search, is taken note of
        alike, except by tree search and policies, which learn from the ways they went; the model
        may still be suggested. Searchers of several fidelities know a candidate by the number of
        its trial, and learn from none without.

        A second result of the same model at the same fidelity is ignored, unless the configuration
        says `repeats`.

        Raises:
            SearchError: The architecture is not of this space, or not that of the trial.
        """
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
    """A searcher that suggests candidates again, at a higher fidelity.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> searcher = ja.make_searcher("asha", ja.trace(ja.spaces.digits_dense), {"maximum": 9})
        >>> isinstance(searcher, FidelitySearcher)
        True
        >>> first = searcher.ask(np.random.default_rng(0))
        >>> searcher.tell(first, {"accuracy": 0.5})
        >>> first.trial, first.fidelity, searcher.ongoing()
        (0, 2, [0])
    """

    def ongoing(self) -> Sequence[int]:
        """Return the trials that may be suggested again, those first that are likely to be."""
        ...
