"""What a search found."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from jarch.ir import Architecture
from jarch.runs import Evaluation

Stopped: TypeAlias = Literal["evaluations", "exhausted", "seconds", "interrupted"]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found, or has found so far.

    Evaluations of different fidelities are not comparable: the best is the best among those of the
    highest fidelity that was reached, whatever the others scored.

    Attributes:
        objective: The metric by which evaluations are compared.
        maximize: Whether more is better.
        evaluations: All, by index, failures among them.
        best: The best evaluation of the highest fidelity, the first of equals; None where none
            succeeded.
        best_architecture: Its architecture.
        stopped: What ended the search: all "evaluations" done, the space "exhausted", the
            "seconds" over, or "interrupted".
        note: Details of what ended it; may be empty.

    Example:
        >>> import jarch as ja
        >>> def evaluate(architecture, seed):
        ...     depth = dict(architecture.decisions)["depth"]
        ...     if depth == 3:
        ...         raise MemoryError("three layers do not fit")
        ...     return {"accuracy": 0.4 * depth}
        >>> found = ja.random_search(ja.spaces.digits_dense, evaluate, 50)
        >>> found.stopped, len(found.evaluations), len(found.failed), len(found.ranked())
        ('exhausted', 36, 12, 24)
        >>> found.best.metrics, found.failed[0].reason
        ({'accuracy': 0.8}, 'out of memory: three layers do not fit')
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
        """Return what succeeded, the best first; see `rank_evaluations`."""
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
        if score is None or self.best is None:
            return score is not None
        before = self.best.score(self.objective)
        assert before is not None
        now, then = thoroughness(evaluation), thoroughness(self.best)
        if now != then:
            return now > then
        return score > before if self.maximize else score < before


def rank_evaluations(
    evaluations: tuple[Evaluation, ...], objective: str, maximize: bool
) -> tuple[Evaluation, ...]:
    """Return the evaluations that have a score, the best first, the first of equals first.

    What was evaluated at a higher fidelity stands before what was not, and a trial stands once,
    with the highest fidelity at which it has a score.

    Args:
        evaluations: Of one search.
        objective: The metric to compare by.
        maximize: Whether more of it is better.

    Example:
        >>> told = [(0, 1, 0.9), (1, 1, 0.5), (0, 3, 0.7)]  # trial, fidelity, accuracy
        >>> evaluations = tuple(
        ...     Evaluation(i, 0, (), "", "ok", {"accuracy": score}, fidelity=fidelity, trial=trial)
        ...     for i, (trial, fidelity, score) in enumerate(told)
        ... )
        >>> [(e.trial, e.fidelity) for e in rank_evaluations(evaluations, "accuracy", True)]
        [(0, 3), (1, 1)]
    """
    known = [(e.score(objective), e) for e in evaluations]
    scored = _highest((score, e) for score, e in known if score is not None)
    scored.sort(key=lambda pair: -pair[0] if maximize else pair[0])
    scored.sort(key=lambda pair: -thoroughness(pair[1]))
    return tuple(e for _, e in scored)


def thoroughness(evaluation: Evaluation) -> float:
    """Return the fidelity of an evaluation; infinite for one in full."""
    return math.inf if evaluation.fidelity is None else evaluation.fidelity


def _highest(scored: Iterable[tuple[float, Evaluation]]) -> list[tuple[float, Evaluation]]:
    """Return the pairs of highest fidelity: one for each trial, and all without a trial."""
    kept: dict[tuple[bool, int], tuple[float, Evaluation]] = {}
    for score, evaluation in scored:
        trial = evaluation.trial
        key = (False, evaluation.index) if trial is None else (True, trial)
        before = kept.get(key)
        if before is None or thoroughness(evaluation) > thoroughness(before[1]):
            kept[key] = (score, evaluation)
    return list(kept.values())
