"""What a search found."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from jarch.ir import Architecture
from jarch.runs import Evaluation

Stopped: TypeAlias = Literal["evaluations", "exhausted", "seconds", "interrupted"]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found, or has found so far.

    Attributes:
        objective: The metric by which evaluations are compared.
        maximize: Whether more is better.
        evaluations: All, by index, failures among them.
        best: The best evaluation, the first of equals; None where none succeeded.
        best_architecture: Its architecture.
        stopped: What ended the search: all "evaluations" done, the space "exhausted", the
            "seconds" over, or "interrupted".
        note: Details of what ended it; may be empty.
    """

    objective: str
    maximize: bool
    evaluations: tuple[Evaluation, ...] = ()
    best: Evaluation | None = None
    best_architecture: Architecture | None = field(default=None, repr=False)
    stopped: Stopped = "evaluations"
    note: str = ""

    @property
    def failed(self) -> tuple[Evaluation, ...]:
        """Evaluations that gave no score."""
        return tuple(e for e in self.evaluations if e.status != "ok")

    @property
    def invalid_draws(self) -> int:
        """Architectures that were drawn and refused as invalid."""
        return sum(e.invalid_draws for e in self.evaluations)

    def ranked(self) -> tuple[Evaluation, ...]:
        """Return the evaluations that succeeded, the best first, the first of equals first."""
        return rank_evaluations(self.evaluations, self.objective, self.maximize)

    def add(self, evaluation: Evaluation, architecture: Architecture) -> SearchResult:
        """Return the result with one evaluation more."""
        evaluations = (*self.evaluations, evaluation)
        if not self._improves(evaluation):
            return replace(self, evaluations=evaluations)
        return replace(
            self, evaluations=evaluations, best=evaluation, best_architecture=architecture
        )

    def _improves(self, evaluation: Evaluation) -> bool:
        score = evaluation.score(self.objective)
        before = None if self.best is None else self.best.score(self.objective)
        if score is None or before is None:
            return score is not None
        return score > before if self.maximize else score < before


def rank_evaluations(
    evaluations: tuple[Evaluation, ...], objective: str, maximize: bool
) -> tuple[Evaluation, ...]:
    """Return the evaluations that have a score, the best first, the first of equals first."""
    known = [(e.score(objective), e) for e in evaluations]
    scored = [(score, e) for score, e in known if score is not None]
    scored.sort(key=lambda pair: -pair[0] if maximize else pair[0])
    return tuple(e for _, e in scored)
