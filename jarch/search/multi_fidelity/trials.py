"""Which architecture each trial has: what results of several fidelities are held to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from jarch.search.gate import Gate
from jarch.search.searcher import SearchError, Suggestion

from .candidates import first_rung


@dataclass(slots=True)
class Trials:
    """The trials of a searcher, by number from 0 on.

    Attributes:
        gate: What their suggestions came through.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Discrete([8, 16], name="width")))
        >>> trials, rng = Trials(Gate(space)), np.random.default_rng(0)
        >>> first, second = (trials.begin(trials.gate.draw(rng), fidelity=1) for _ in range(2))
        >>> second.trial, trials.knows(second)
        (1, True)
    """

    gate: Gate
    _fingerprints: list[str] = field(default_factory=list[str], repr=False)

    def __len__(self) -> int:
        """Return how many have begun."""
        return len(self._fingerprints)

    def begin(self, suggestion: Suggestion, fidelity: int) -> Suggestion:
        """Return a new suggestion as the first of a new trial."""
        self._fingerprints.append(suggestion.fingerprint)
        return first_rung(suggestion, len(self) - 1, fidelity)

    def knows(self, suggestion: Suggestion) -> bool:
        """Say whether a result is of a trial; one without a number is of none.

        Raises:
            SearchError: It is not of this space, or there is no trial of this number, or it has
                another architecture.
        """
        self.gate.check(suggestion)
        check_trial(suggestion, self._fingerprints)
        return suggestion.trial is not None

    def state(self) -> list[int]:
        """Return the place of each trial's architecture among those that the gate has seen."""
        places = {found: place for place, found in enumerate(self.gate.seen)}
        return [places[found] for found in self._fingerprints]

    def restore(self, state: Iterable[int]) -> None:
        """Take what `state` returned; the gate comes first."""
        seen = self.gate.seen
        self._fingerprints = [seen[place] for place in state]


def check_trial(suggestion: Suggestion, fingerprints: list[str]) -> None:
    """Raise where a result claims to be of a trial that it is not of.

    Args:
        suggestion: What is told of.
        fingerprints: Of the architecture of each trial.

    Raises:
        SearchError: There is no trial of its number, or it has another architecture.
    """
    trial = suggestion.trial
    if trial is None:
        return
    if not 0 <= trial < len(fingerprints):
        raise SearchError(
            f"there is no trial {trial}, of {len(fingerprints)} that were suggested; tell of "
            "suggestions as they were made, and of other architectures with trial=None"
        )
    if fingerprints[trial] != suggestion.fingerprint:
        raise SearchError(
            f"trial {trial} has the architecture {fingerprints[trial]}, not "
            f"{suggestion.fingerprint}; tell of suggestions as they were made"
        )
