"""One evaluation, whatever becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any, TypeAlias

from jarch.ir import Architecture, InvalidArchitecture, ShapeError
from jarch.runs import Evaluation, Status, finite_scores

from .searcher import Suggestion

Evaluate: TypeAlias = Callable[[Architecture, int], Mapping[str, Any]]
"""Returns metrics by name, given an architecture and a seed for all that is random in it."""

_REASON_LENGTH = 400


def evaluate_suggestion(
    evaluate: Evaluate, suggestion: Suggestion, index: int, seed: int, objective: str
) -> Evaluation:
    """Return how a suggestion did; what `evaluate` raises is the reason of a failure.

    Raises:
        KeyError: The metrics are without the objective: no candidate could be compared.
    """
    start = monotonic()
    scores: Mapping[str, float | None] = {}
    status: Status = "ok"
    reason = ""
    try:
        scores = finite_scores(evaluate(suggestion.architecture, seed))
    except Exception as error:  # whatever a candidate's evaluation raises is that candidate's fate
        status, reason = _explain(error)
    if status == "ok" and objective not in scores:
        raise KeyError(
            f"the evaluator returned {sorted(scores)} but no {objective!r}; return it, or pass "
            "objective= one of these"
        )
    if status == "ok" and scores[objective] is None:
        status, reason = "failed", f"{objective} is not a finite number"
    return Evaluation(
        index=index,
        seed=seed,
        decisions=suggestion.architecture.decisions,
        fingerprint=suggestion.fingerprint,
        status=status,
        metrics=scores if status == "ok" else {},
        reason=reason,
        seconds=monotonic() - start,
        invalid_draws=suggestion.invalid_draws,
    )


def _explain(error: Exception) -> tuple[Status, str]:
    """Return the status and a reason on one line."""
    message = " ".join(str(error).split())
    if isinstance(error, (InvalidArchitecture, ShapeError)):
        return "invalid", message[:_REASON_LENGTH]
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in message:
        return "failed", f"out of memory: {message}"[:_REASON_LENGTH]
    kind = type(error).__name__
    return "failed", f"{kind}{_place(error)}: {message}"[:_REASON_LENGTH]


def _place(error: Exception) -> str:
    """Return the file and line that raised, where the error is not one that explains itself."""
    if type(error).__module__.partition(".")[0] == "jarch":
        return ""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f" in {Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno}"
