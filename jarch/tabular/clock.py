"""Searches on a clock that is simulated: each evaluation takes as long as its table says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from jarch.search import Evaluate, Searcher, SpaceExhausted, Suggestion, evaluation_of

from .errors import MissingResult, TableError

_PATIENCE = 1000  # evaluations in a row that failed and took no time, so that a budget never ends


@dataclass(frozen=True, slots=True)
class Step:
    """One evaluation of a simulated search.

    Attributes:
        index: 0 for the first.
        suggestion: What was evaluated.
        metrics: What it scored; of a failure what is known all the same.
        seconds: The time on the clock when it was done.
        reason: Why it failed; empty where it did not.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Integer(1, 100, name="width")))
        >>> steps = simulate(ja.RandomSearcher(space), lambda a, seed: {"cost": 60.0})
        >>> first, second = next(steps), next(steps)
        >>> second.index, second.seconds, second.metrics
        (1, 120.0, {'cost': 60.0})
    """

    index: int
    suggestion: Suggestion
    metrics: Mapping[str, Any]
    seconds: float
    reason: str = ""


def simulate(
    searcher: Searcher, evaluate: Evaluate, seed: int = 0, cost: str = "cost"
) -> Iterator[Step]:
    """Search on a simulated clock, one evaluation after another, as long as steps are taken.

    The searcher is told of an evaluation before the next one begins. Whoever takes the steps says
    when to stop: `itertools.takewhile` or `itertools.islice` serve. As in the protocol of
    NAS-Bench-201, an evaluation that would end after the budget does not count. Where a table lacks
    a result, that evaluation failed, and it takes what it costs, or no time if that is not known.

    Args:
        searcher: New, or in the state to begin with.
        evaluate: Returns metrics of an architecture, among them the cost.
        seed: Of the search.
        cost: The metric that says how many seconds an evaluation takes.

    Raises:
        TableError: The evaluator does not return the cost, or 1,000 evaluations in a row failed and
            took no time: the table is of another space.
        SearchError: The searcher asks for fidelities that the evaluator does not offer.

    Example:
        >>> import jarch as ja
        >>> from itertools import takewhile
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Integer(1, 100, name="width")))
        >>> def evaluate(architecture, seed):
        ...     return {"width": architecture.values[0], "cost": 60.0}
        >>> steps = simulate(ja.RandomSearcher(space), evaluate)
        >>> [step.seconds for step in takewhile(lambda step: step.seconds <= 200, steps)]
        [60.0, 120.0, 180.0]
    """
    rng = np.random.default_rng(seed)
    seconds, unknown = 0.0, 0
    for index in count():
        try:
            suggestion = searcher.ask(rng)
        except SpaceExhausted:
            return
        metrics, reason = _look_up(evaluate, suggestion, seed, cost)
        unknown = 0 if cost in metrics else unknown + 1
        if unknown == _PATIENCE:
            raise TableError(
                f"{_PATIENCE:,} architectures in a row are unknown, the last: {reason}"
            )
        seconds += float(metrics.get(cost, 0.0))
        yield Step(index, suggestion, metrics, seconds, reason)
        searcher.tell(suggestion, None if reason else metrics)


def _look_up(
    evaluate: Evaluate, suggestion: Suggestion, seed: int, cost: str
) -> tuple[Mapping[str, Any], str]:
    """Return metrics and an empty reason, or of a failure what is known, and the reason.

    Raises:
        TableError: There are metrics, but the cost is not among them.
    """
    try:
        metrics = evaluation_of(evaluate, suggestion)(seed)
    except MissingResult as error:
        return error.costs, str(error)
    if cost not in metrics:
        raise TableError(
            f"the evaluator returned {sorted(metrics)} but no {cost!r}; say which column is that"
        )
    return metrics, ""
