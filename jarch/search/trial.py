"""One evaluation, whatever becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Protocol, TypeAlias, runtime_checkable

from jarch.ir import Architecture, InvalidArchitecture, ShapeError
from jarch.runs import Evaluation, Status, finite_scores

from .searcher import SearchError, Suggestion

Evaluate: TypeAlias = Callable[[Architecture, int], Mapping[str, Any]]
"""Returns metrics by name, given an architecture and a seed for all that is random in it."""

_REASON_LENGTH = 400


@runtime_checkable
class FidelityEvaluator(Protocol):
    """An evaluator that can be told how thorough to be; `WithFidelity` makes one of a function.

    Example:
        >>> class Steps:
        ...     def __call__(self, architecture, seed):
        ...         return self.at(architecture, seed, 10, None)
        ...     def at(self, architecture, seed, fidelity, trial):
        ...         return {"accuracy": fidelity / 10}
        >>> isinstance(Steps(), FidelityEvaluator)
        True
    """

    def __call__(self, architecture: Architecture, seed: int, /) -> Mapping[str, Any]:
        """Return the metrics of an evaluation in full."""
        ...

    def at(
        self, architecture: Architecture, seed: int, fidelity: int, trial: int | None
    ) -> Mapping[str, Any]:
        """Return metrics by name, those of an evaluation of that fidelity from the beginning.

        Args:
            architecture: What to evaluate.
            seed: For all that is random in it; the same for all evaluations of a trial.
            fidelity: How thoroughly, in units of the evaluator's own.
            trial: Its number. Where this trial was evaluated before, at a lower fidelity, the
                evaluator may go on from there, if that comes to the same result.
        """
        ...


@runtime_checkable
class KeepsTrials(Protocol):
    """An evaluator that keeps something of each trial, to go on with it.

    Example:
        >>> import jarch as ja
        >>> class Training:
        ...     def __init__(self):
        ...         self.reached, self.trained = {}, 0  # epochs by trial, and in all
        ...     def __call__(self, architecture, seed):
        ...         return self.at(architecture, seed, 9, None)
        ...     def at(self, architecture, seed, fidelity, trial):
        ...         self.trained += fidelity - self.reached.get(trial, 0)  # goes on where it was
        ...         self.reached[trial] = fidelity
        ...         return {"accuracy": 1 - 1 / fidelity}
        ...     def retain(self, trials):
        ...         self.reached = {t: n for t, n in self.reached.items() if t in trials}
        >>> space, evaluate = ja.trace(ja.spaces.digits_dense), Training()
        >>> searcher = ja.make_searcher("successive_halving", space, {"maximum": 9})
        >>> found = ja.run_search(searcher, evaluate, 13)
        >>> evaluate.trained, evaluate.reached  # from the beginning it would be 27
        (21, {})
    """

    def retain(self, trials: Sequence[int]) -> None:
        """Forget all trials but these; the first of them are the likeliest to go on."""
        ...


@runtime_checkable
class Observes(Protocol):
    """An evaluator that goes by what became of earlier evaluations.

    Example:
        >>> import jarch as ja
        >>> class Record:
        ...     best = 0.0
        ...     def __call__(self, architecture, seed):
        ...         depth = dict(architecture.decisions)["depth"]
        ...         return {"accuracy": depth / 4, "before": self.best}
        ...     def observe(self, evaluation):
        ...         self.best = max(self.best, evaluation.score("accuracy") or 0.0)
        >>> found = ja.random_search(ja.spaces.digits_dense, Record(), 5)
        >>> [evaluation.metrics["before"] for evaluation in found.evaluations]
        [0.0, 0.5, 0.75, 0.75, 0.75]
    """

    def observe(self, evaluation: Evaluation) -> None:
        """Take note of an evaluation; called with all in order, also where a run goes on."""
        ...


@runtime_checkable
class KnowsMetrics(Protocol):
    """An evaluator that knows, before it evaluates anything, which metrics it returns.

    Example:
        >>> import jarch as ja
        >>> class Sizes:
        ...     def __call__(self, architecture, seed):
        ...         return {"parameters": ja.analyze(architecture, {"in": (8, 8, 1)}).parameters}
        ...     def lacks(self, names):
        ...         others = [name for name in names if name != "parameters"]
        ...         return f"{others[0]} is not told; take parameters" if others else ""
        >>> ja.random_search(ja.spaces.digits_dense, Sizes(), objective="flops")
        Traceback (most recent call last):
        ...
        jarch.search.searcher.SearchError: flops is not told; take parameters
    """

    def lacks(self, names: Sequence[str]) -> str:
        """Return what is wrong with metrics of which it does not return one; "" if it returns all.

        Asked with the objectives of a search, before that begins.
        """
        ...


@runtime_checkable
class TellsCosts(Protocol):
    """An error of an evaluator that tells what is known of a candidate all the same.

    It is written down with the failure, and counts for nothing in the search.

    Example:
        >>> import jarch as ja
        >>> class TooSlow(Exception):
        ...     costs = {"milliseconds": 20.0}
        >>> def evaluate(architecture, seed):
        ...     raise TooSlow("20 milliseconds are too many")
        >>> found = ja.random_search(ja.spaces.digits_dense, evaluate, 1)
        >>> found.evaluations[0].metrics, found.evaluations[0].score("milliseconds")
        ({'milliseconds': 20.0}, None)
    """

    costs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WithFidelity:
    """An evaluator of several fidelities, made of a function.

    Attributes:
        function: Takes an architecture, a seed and a fidelity; returns metrics by name.
        full: The fidelity of an evaluation in full.

    Example:
        >>> import jarch as ja
        >>> def evaluate(architecture, seed, fidelity):
        ...     return {"accuracy": 1 - 1 / fidelity}
        >>> WithFidelity(evaluate, full=10).at(ja.replay(ja.trace(ja.identity), []), 0, 2, None)
        {'accuracy': 0.5}
    """

    function: Callable[[Architecture, int, int], Mapping[str, Any]]
    full: int

    def __call__(self, architecture: Architecture, seed: int) -> Mapping[str, Any]:
        """Evaluate in full."""
        return self.function(architecture, seed, self.full)

    def at(
        self, architecture: Architecture, seed: int, fidelity: int, trial: int | None
    ) -> Mapping[str, Any]:
        """Evaluate at a fidelity, from the beginning."""
        return self.function(architecture, seed, fidelity)


def evaluation_of(evaluate: Evaluate, suggestion: Suggestion) -> Callable[[int], Mapping[str, Any]]:
    """Return what evaluates a suggestion at its fidelity, given a seed.

    Raises:
        SearchError: It has a fidelity, and the evaluator knows nothing of such.

    Example:
        >>> import jarch as ja
        >>> architecture = ja.replay(ja.trace(ja.identity), [])
        >>> suggestion = Suggestion(architecture, ja.fingerprint(architecture), fidelity=2)
        >>> def evaluate(architecture, seed, fidelity):
        ...     return {"accuracy": 1 - 1 / fidelity}
        >>> evaluation_of(WithFidelity(evaluate, full=10), suggestion)(0)
        {'accuracy': 0.5}
    """
    architecture, fidelity, trial = suggestion.architecture, suggestion.fidelity, suggestion.trial
    if fidelity is None:
        return lambda seed: evaluate(architecture, seed)
    if not isinstance(evaluate, FidelityEvaluator):
        raise SearchError(
            "the searcher asks for evaluations of several fidelities, which the evaluator does not "
            "offer; give one that has a method `at`, such as jarch.search.WithFidelity"
        )
    at = evaluate.at
    return lambda seed: at(architecture, seed, fidelity, trial)


@dataclass(frozen=True, slots=True)
class Asked:
    """A suggestion that is to be evaluated.

    Attributes:
        index: The number of the evaluation.
        suggestion: What a searcher suggested.
        seed: For all that is random in it.
    """

    index: int
    suggestion: Suggestion
    seed: int


def evaluate_suggestion(evaluate: Evaluate, asked: Asked, objective: str) -> Evaluation:
    """Return how a suggestion did; what `evaluate` raises is the reason of a failure.

    A failure has the metrics that are known all the same; see `TellsCosts`.

    Raises:
        SearchError: The metrics are without the objective: no candidate could be compared. Or the
            suggestion has a fidelity, and the evaluator knows nothing of such.
    """
    evaluated = evaluation_of(evaluate, asked.suggestion)
    start = monotonic()
    try:
        outcome: Mapping[str, Any] | Exception = evaluated(asked.seed)
    except Exception as error:  # whatever a candidate's evaluation raises is that candidate's fate
        outcome = error
    return conclude(asked, outcome, monotonic() - start, objective)


def conclude(
    asked: Asked, outcome: Mapping[str, Any] | Exception, seconds: float, objective: str
) -> Evaluation:
    """Return the evaluation of a suggestion.

    Args:
        asked: What was evaluated.
        outcome: Its metrics, or why there are none.
        seconds: What it took.
        objective: What the metrics must have.

    Raises:
        SearchError: They have not.
    """
    suggestion, reason = asked.suggestion, ""
    status: Status = "ok"
    try:
        scores = {} if isinstance(outcome, Exception) else finite_scores(outcome)
    except Exception as error:  # they are no numbers by name
        scores, outcome = {}, error
    if isinstance(outcome, Exception):
        status, reason = _explain(outcome)
        scores = _costs_of(outcome)
    elif objective not in scores:
        raise SearchError(
            f"the evaluator returned {sorted(scores)} but no {objective!r}; return it, or pass "
            "objective= one of these"
        )
    elif scores[objective] is None:
        status, reason = "failed", f"{objective} is not a finite number"
    return Evaluation(
        index=asked.index,
        seed=asked.seed,
        decisions=suggestion.architecture.decisions,
        fingerprint=suggestion.fingerprint,
        status=status,
        metrics=scores,
        reason=reason,
        seconds=seconds,
        invalid_draws=suggestion.invalid_draws,
        fidelity=suggestion.fidelity,
        trial=suggestion.trial,
    )


def _costs_of(error: Exception) -> dict[str, float | None]:
    """Return what an error tells of its candidate; nothing where that is no numbers by name."""
    try:
        return finite_scores(error.costs) if isinstance(error, TellsCosts) else {}
    except TypeError:
        return {}


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
