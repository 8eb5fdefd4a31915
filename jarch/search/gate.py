"""What every searcher's proposals pass: valid, allowed and new, or they are refused and counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import ParamSpec

import numpy as np

from jarch.ir import (
    Architecture,
    InvalidArchitecture,
    ShapeError,
    Space,
    SpaceError,
    architecture,
    fingerprint,
    sample,
    sample_uniform,
)

from .constraints import Constraint, enforce
from .searcher import SearchError, SpaceExhausted, Suggestion
from .walk import Walk

P = ParamSpec("P")

PATIENCE = 500  # draws in a row without anything new, after which the rest is enumerated
UNIFORM_PATIENCE = 100  # the same where a draw takes longer
ENUMERATED = 20_000  # how many architectures are looked at then
REFUSED = 100_000  # how many values may be refused on the way
LAST_DRAWS = 10_000  # more draws, where that was not all of the space


@dataclass(slots=True)
class Gate:
    """Turns architectures into suggestions where they are valid, allowed and new.

    Attributes:
        space: Where they come from.
        constraint: Raises `InvalidArchitecture` for those not to suggest.
        repeats: Let equal models pass more than once.
        invalid: How many were refused as invalid since the last suggestion.
    """

    space: Space
    constraint: Constraint | None = None
    repeats: bool = False
    invalid: int = 0
    _why: str = ""
    _seen: dict[str, None] = field(default_factory=dict[str, None], repr=False)
    _left: list[tuple[Architecture, str]] | None = field(default=None, repr=False)
    _whole: bool = field(default=False, repr=False)

    @property
    def seen(self) -> tuple[str, ...]:
        """The fingerprints of all suggestions, in order: all that a gate has to remember."""
        return tuple(self._seen)

    def restore(self, seen: Iterable[str]) -> None:
        """Remember these fingerprints, and nothing else."""
        self._seen = dict.fromkeys(seen)
        self._left = None
        self.invalid = 0

    def admit(
        self, make: Callable[P, Architecture], *args: P.args, **kwargs: P.kwargs
    ) -> Suggestion | None:
        """Return what `make(...)` does as a suggestion; None where it is invalid or not new."""
        candidate = self.consider(make, *args, **kwargs)
        return None if candidate is None else self._suggest(*candidate)

    def consider(
        self, make: Callable[P, Architecture], *args: P.args, **kwargs: P.kwargs
    ) -> tuple[Architecture, str] | None:
        """Return what `make(...)` does and its fingerprint where `admit` would let it pass.

        It is not suggested by that, and may be considered again.
        """
        try:
            architecture = make(*args, **kwargs)
            enforce(self.constraint, architecture)
        except (InvalidArchitecture, ShapeError) as error:
            self.refuse(error)
            return None
        found = fingerprint(architecture)
        return (architecture, found) if self.is_new(found) else None

    def is_new(self, found: str) -> bool:
        """Say whether a model of this fingerprint may still be suggested."""
        return self.repeats or found not in self._seen

    def refuse(self, error: SpaceError) -> None:
        """Count one that was invalid."""
        self.invalid += 1
        self._why = str(error)

    def draw(self, rng: np.random.Generator, uniform: bool = False) -> Suggestion:
        """Draw until something passes; when hundreds of draws do not, look through the space.

        Args:
            rng: Where the randomness comes from.
            uniform: Draw uniformly over architectures; else each decision is drawn uniformly.

        Raises:
            SpaceExhausted: Nothing new is left, or none was found in many draws.
            SearchError: Nothing at all is valid and allowed, as far as was looked.
        """
        drawn = sample_uniform if uniform else sample
        patience = UNIFORM_PATIENCE if uniform else PATIENCE
        suggestion = self._draw(drawn, rng, patience)
        left = self._remaining() if suggestion is None else []
        if suggestion is None and not self._whole:  # a part of it is not a fair choice
            patience += LAST_DRAWS
            suggestion = self._draw(drawn, rng, LAST_DRAWS)
        if suggestion is not None:
            return suggestion
        if not left:
            raise self.exhausted(f"{patience:,} draws gave nothing new")
        return self._suggest(*left[int(rng.integers(len(left)))])

    def _draw(
        self,
        drawn: Callable[[Space, np.random.Generator], Architecture],
        rng: np.random.Generator,
        patience: int,
    ) -> Suggestion | None:
        """Return the first of so many draws that passes."""
        for _ in range(patience):
            suggestion = self.admit(drawn, self.space, rng)
            if suggestion is not None:
                return suggestion
        return None

    def exhausted(self, how: str) -> Exception:
        """Return the exception that ends a search: an error where nothing was ever suggested."""
        invalid, self.invalid = self.invalid, 0
        refused = f"; {invalid:,} invalid or not allowed, the last: {self._why}" if invalid else ""
        if self._seen:
            left = "nothing is left of the space" if self._whole else how
            return SpaceExhausted(f"{left} after {_models(len(self._seen))}{refused}")
        looked = "" if self._whole else ", as far as was looked"
        how = "all of the space was looked through" if self._whole else how
        return SearchError(
            f"no architecture is valid and allowed{looked} ({how}{refused}); loosen the constraint"
        )

    def _suggest(self, architecture: Architecture, found: str) -> Suggestion:
        self._seen[found] = None
        invalid, self.invalid = self.invalid, 0
        return Suggestion(architecture, found, invalid)

    def _remaining(self) -> list[tuple[Architecture, str]]:
        """Return the valid models not yet suggested, each once, as far as is quick."""
        if self._left is None:
            self._left = list(self._enumerate())
        if not self.repeats:
            self._left = [pair for pair in self._left if pair[1] not in self._seen]
        return self._left

    def _enumerate(self) -> Iterator[tuple[Architecture, str]]:
        known = set(self._seen)
        for candidate in self._walk():
            if self._allows(candidate):
                found = fingerprint(candidate)
                if self.repeats or found not in known:
                    known.add(found)
                    yield candidate, found

    def _walk(self) -> Iterator[Architecture]:
        """Yield all architectures, or some, and note which."""
        walk, looked, refused = Walk(self.space), 0, 0
        self._whole = False
        while looked < ENUMERATED and refused < REFUSED:
            try:
                found = walk.step()
            except SpaceError:  # a range of real numbers, which has no end
                return
            if found is None:
                self._whole = True
                return
            if isinstance(found, Space):
                looked += 1
                yield architecture(found)
            else:
                refused += 1

    def _allows(self, candidate: Architecture) -> bool:
        try:
            enforce(self.constraint, candidate)
        except (InvalidArchitecture, ShapeError):
            return False
        return True


def _models(number: int) -> str:
    return "1 model" if number == 1 else f"{number:,} different models"
