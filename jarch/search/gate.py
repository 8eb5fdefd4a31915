"""What every searcher's proposals pass: valid, allowed and new, or they are refused and counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ParamSpec

import numpy as np

from jarch.ir import (
    Architecture,
    InvalidArchitecture,
    ShapeError,
    Space,
    SpaceError,
    architecture,
    fingerprint,
    replay,
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
SHOWN = 8  # decisions in a message
LAST_DRAWS = 10_000  # more draws, where that was not all of the space


@dataclass(slots=True)
class Gate:
    """Turns architectures into suggestions where they are valid, allowed and new.

    And looks at what is told of them: whether it is of this space, and of whether it was told
    before.

    Attributes:
        space: Where they come from.
        constraint: Returns False, or raises `InvalidArchitecture`, for those not to suggest.
        repeats: Let equal models pass more than once.
        invalid: How many were refused as invalid since the last suggestion.
    """

    space: Space
    constraint: Constraint | None = None
    repeats: bool = False
    invalid: int = 0
    _why: str = ""
    _seen: dict[str, int | None] = field(default_factory=dict[str, "int | None"], repr=False)
    _awaited: dict[str, None] = field(default_factory=dict[str, None], repr=False)
    _heard: dict[str, None] = field(default_factory=dict[str, None], repr=False)
    _left: list[tuple[Architecture, str]] | None = field(default=None, repr=False)
    _whole: bool = field(default=False, repr=False)

    @property
    def seen(self) -> tuple[str, ...]:
        """The fingerprints of all suggestions, in order: all that `ask` has to remember."""
        return tuple(self._seen)

    def restore(self, seen: Iterable[str]) -> None:
        """Remember these fingerprints, and nothing else; all of them are awaited."""
        self._seen = dict.fromkeys(seen)
        self._awaited = dict.fromkeys(self._seen)
        self._heard = {}
        self._left = None
        self.invalid = 0

    def state(self) -> dict[str, list[str]]:
        """Return what `ask` and `takes` have to remember, as plain data.

        Those seen, of them the ones whose results are awaited, and those that were told of only.
        """
        return {
            "seen": list(self._seen),
            "awaited": list(self._awaited),
            "heard": list(self._heard),
        }

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Remember what `state` returned, and nothing else; other keys are left alone."""
        self.restore(state["seen"])
        self._awaited = dict.fromkeys(state["awaited"])
        self._heard = dict.fromkeys(state["heard"])

    def takes(self, suggestion: Suggestion) -> bool:
        """Say whether to learn from a result: not from a second one of the same, without repeats.

        The same has the same fingerprint and fidelity. To be called once for each result.

        Raises:
            SearchError: The architecture is not of this space; see `check`.
        """
        self.check(suggestion)
        found, fidelity = suggestion.fingerprint, suggestion.fidelity
        if self.repeats:
            return True
        if fidelity is not None:
            found = f"{found}@{fidelity}"
        if found in self._awaited:
            del self._awaited[found]
            return True
        if found in self._seen or found in self._heard:
            return False
        self._heard[found] = None
        return True

    def check(self, suggestion: Suggestion) -> None:
        """Raise where an architecture is not of this space, or its fingerprint another's.

        What was suggested by this gate costs a look-up; all else is replayed on the space.

        Raises:
            SearchError: That is so.

        Example:
            >>> import jarch as ja
            >>> other = ja.replay(ja.trace(ja.spaces.digits_dense), [1, 16, "relu"])
            >>> gate = Gate(ja.trace(lambda: ja.nn.dense(ja.Discrete([8, 16], name="width"))))
            >>> gate.check(Suggestion(other, ja.fingerprint(other)))  # doctest: +ELLIPSIS
            Traceback (most recent call last):
            ...
            jarch.search.searcher.SearchError: the architecture with depth=1, ... is not of this ...
        """
        architecture = suggestion.architecture
        if self._seen.get(suggestion.fingerprint) == _identity(architecture):
            return
        why = self._why_foreign(architecture)
        if why is not None:
            raise SearchError(
                f"the architecture with {_decided(architecture)} is not of this space ({why}); "
                "tell of architectures of this space, such as jarch.replay(space, values) returns"
            )
        own = fingerprint(architecture)
        if own != suggestion.fingerprint:
            raise SearchError(
                f"the architecture with {_decided(architecture)} has the fingerprint {own}, not "
                f"{suggestion.fingerprint}; use jarch.fingerprint(architecture)"
            )

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

    def _why_foreign(self, architecture: Architecture) -> str | None:
        """Return why an architecture is not of the space; None where it is."""
        try:
            found = replay(self.space, architecture.values[len(self.space.decisions) :])
        except SpaceError as error:
            return str(error)
        if found.decisions != architecture.decisions:
            return f"where these values make {_decided(found)}"
        return None if found == architecture else "the same decisions lead to another graph"

    def _suggest(self, architecture: Architecture, found: str) -> Suggestion:
        self._seen[found] = _identity(architecture)
        if not self.repeats:
            self._awaited[found] = None
            self._heard.pop(found, None)
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


def _decided(architecture: Architecture) -> str:
    """Return the first decisions for a message."""
    decisions = architecture.decisions
    shown = [f"{key}={value!r}" for key, value in decisions[:SHOWN]]
    more = [f"{len(decisions) - SHOWN} more"] if len(decisions) > SHOWN else []
    return ", ".join([*shown, *more]) or "no decisions"


def _identity(architecture: Architecture) -> int:
    """Return a hash of graph and decisions."""
    return hash((architecture, architecture.decisions))
