"""Several evaluations at once, by an evaluator that can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any, Protocol, runtime_checkable

from jarch.ir import Architecture
from jarch.runs import Evaluation

from .searcher import SearchError
from .trial import Asked, Evaluate, conclude, evaluate_suggestion


@runtime_checkable
class EvaluatesTogether(Protocol):
    """An evaluator that may evaluate several architectures at once, such as `TrainingEvaluator`.

    Example:
        >>> import jarch as ja
        >>> class Widths:
        ...     def __call__(self, architecture, seed):
        ...         return {"accuracy": dict(architecture.decisions)["width"] / 128}
        ...     def together(self, architectures, seeds):
        ...         return [self(net, seed) for net, seed in zip(architectures, seeds)]
        >>> found = ja.random_search(ja.spaces.digits_dense, Widths(), 12, together=4)
        >>> len(found.evaluations)
        12
    """

    def __call__(self, architecture: Architecture, seed: int, /) -> Mapping[str, Any]:
        """Return the metrics of one."""
        ...

    def together(
        self, architectures: Sequence[Architecture], seeds: Sequence[int], /
    ) -> Sequence[Mapping[str, Any] | Exception]:
        """Return for each the metrics, or what calling the evaluator with it would have raised."""
        ...


def check_together(evaluate: Evaluate, together: int, several_fidelities: bool) -> None:
    """Require that so many suggestions can be evaluated at a time.

    Raises:
        SearchError: They cannot.
    """
    if together < 1:
        raise SearchError(f"together is {together}; use at least 1")
    if together > 1 and several_fidelities:
        raise SearchError(
            "the searcher asks for evaluations of several fidelities, which are made one by one; "
            "leave out together"
        )
    if together > 1 and not isinstance(evaluate, EvaluatesTogether):
        raise SearchError(
            f"{together} suggestions are to be evaluated at once, but the evaluator has no method "
            "together; give one that has, such as jarch.TrainingEvaluator, or leave out together"
        )


def evaluate_suggestions(
    evaluate: Evaluate, asked: Sequence[Asked], objective: str
) -> list[Evaluation]:
    """Return how suggestions did, evaluated at once where there are several.

    Each takes the same part of the time. Where the evaluator raises for all of them, each is
    evaluated alone.

    Raises:
        SearchError: As `evaluate_suggestion` does.
    """
    if len(asked) < 2 or not isinstance(evaluate, EvaluatesTogether):
        return [evaluate_suggestion(evaluate, each, objective) for each in asked]
    start = monotonic()
    architectures = [each.suggestion.architecture for each in asked]
    try:
        found = evaluate.together(architectures, [each.seed for each in asked])
    except Exception:  # of one of them; which, only evaluating each can tell
        return [evaluate_suggestion(evaluate, each, objective) for each in asked]
    seconds = (monotonic() - start) / len(asked)
    return [
        conclude(each, outcome, seconds, objective)
        for each, outcome in zip(asked, found, strict=True)
    ]
