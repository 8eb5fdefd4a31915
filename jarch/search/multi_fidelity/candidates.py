"""Candidates that may be suggested again: what is kept of each, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from jarch.ir import Constant, Space, as_constant, replay
from jarch.search.objective import Objective
from jarch.search.searcher import Suggestion


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trial that may go on.

    Attributes:
        trial: Its number.
        fingerprint: Of its architecture.
        values: Decided beyond those of the space.
        scores: Of the objectives, at the rung where it stands; None for a failure.
    """

    trial: int
    fingerprint: str
    values: tuple[Constant, ...]
    scores: tuple[float, ...] | None = None

    @staticmethod
    def of(space: Space, suggestion: Suggestion, scores: tuple[float, ...] | None) -> Candidate:
        """Return what is kept of a suggestion that was told its scores."""
        assert suggestion.trial is not None
        values = suggestion.architecture.values[len(space.decisions) :]
        return Candidate(suggestion.trial, suggestion.fingerprint, values, scores)

    def suggest(self, space: Space, fidelity: int) -> Suggestion:
        """Return the suggestion to go on with it."""
        found = replay(space, self.values)
        return Suggestion(found, self.fingerprint, fidelity=fidelity, trial=self.trial)

    def to_data(self) -> list[Any]:
        """Return it as JSON can hold it."""
        scores = None if self.scores is None else list(self.scores)
        return [self.trial, self.fingerprint, list(self.values), scores]

    @staticmethod
    def from_data(data: Sequence[Any]) -> Candidate:
        """Return what `to_data` described."""
        trial, fingerprint, values, scores = data
        constants = cast("tuple[Constant, ...]", as_constant(values, "values"))
        return Candidate(trial, fingerprint, constants, None if scores is None else tuple(scores))


def ranked(candidates: Sequence[Candidate], objective: Objective) -> list[Candidate]:
    """Return those that did not fail, the best first, of equals the earlier trial first."""
    scored = [(c.scores[0], c) for c in candidates if c.scores is not None]
    scored.sort(key=lambda pair: pair[1].trial)
    scored.sort(key=lambda pair: -pair[0] if objective.maximize else pair[0])
    return [candidate for _, candidate in scored]


def only(score: float | None) -> tuple[float, ...] | None:
    """Return the scores of a single objective; None for a failure."""
    return None if score is None else (score,)


def first_rung(suggestion: Suggestion, trial: int, fidelity: int) -> Suggestion:
    """Return a new suggestion as the first of a trial."""
    return replace(suggestion, trial=trial, fidelity=fidelity)
