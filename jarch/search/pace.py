"""How long the next evaluation will probably take, by those before it."""

from __future__ import annotations

from dataclasses import dataclass, field

from jarch.runs import Evaluation

from .searcher import Suggestion


@dataclass(slots=True)
class Pace:
    """The seconds that evaluations took, each and for a unit of fidelity.

    Attributes:
        goes_on: Whether the evaluator goes on where a trial was, so that only what is more of its
            fidelity than before takes time.
    """

    goes_on: bool
    _seconds: float = 0.0
    _number: int = 0
    _units: int = 0
    _reached: dict[int, int] = field(default_factory=dict[int, int])  # fidelities, by trial

    def note(self, evaluation: Evaluation, known: bool) -> None:
        """Take note of an evaluation; of one that was known before only how far its trial is."""
        units = self._more(evaluation.fidelity, evaluation.trial)
        if evaluation.trial is not None and evaluation.fidelity is not None:
            self._reached[evaluation.trial] = evaluation.fidelity
        if not known:
            self._seconds += evaluation.seconds
            self._number += 1
            self._units += units

    def usual(self) -> float:
        """Return how long one evaluation takes on average; 0 before the first."""
        return self._seconds / self._number if self._number else 0.0

    def expected(self, suggestion: Suggestion) -> float:
        """Return how long an evaluation will probably take.

        One with a fidelity takes in proportion to that. So what takes a time of its own, such as
        compiling, counts as a part of each unit.
        """
        units = self._more(suggestion.fidelity, suggestion.trial)
        return units * self._seconds / self._units if units and self._units else self.usual()

    def _more(self, fidelity: int | None, trial: int | None) -> int:
        """Return how much of a fidelity is more than that at which its trial is."""
        if fidelity is None:
            return 0
        before = self._reached.get(trial, 0) if self.goes_on and trial is not None else 0
        return max(fidelity - before, 0)
