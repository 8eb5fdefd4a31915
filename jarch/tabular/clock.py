"""Searches on a clock that is simulated: each evaluation takes as long as its table says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from jarch.search import Evaluate, Searcher, SpaceExhausted, Suggestion, evaluation_of

from .errors import TableError


@dataclass(frozen=True, slots=True)
class Step:
    """One evaluation of a simulated search.

    Attributes:
        index: 0 for the first.
        suggestion: What was evaluated.
        metrics: What it scored.
        seconds: The time on the clock when it was done.

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


def simulate(
    searcher: Searcher, evaluate: Evaluate, seed: int = 0, cost: str = "cost"
) -> Iterator[Step]:
    """Search on a simulated clock, one evaluation after another, as long as steps are taken.

    The searcher is told of an evaluation before the next one begins. Whoever takes the steps says
    when to stop: `itertools.takewhile` or `itertools.islice` serve. As in the protocol of
    NAS-Bench-201, an evaluation that would end after the budget does not count.

    Args:
        searcher: New, or in the state to begin with.
        evaluate: Returns metrics of an architecture, among them the cost.
        seed: Of the search.
        cost: The metric that says how many seconds an evaluation takes.

    Raises:
        TableError: The evaluator does not return the cost.
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
    seconds, index = 0.0, 0
    while True:
        try:
            suggestion = searcher.ask(rng)
        except SpaceExhausted:
            return
        metrics = evaluation_of(evaluate, suggestion)(seed)
        if cost not in metrics:
            raise TableError(
                f"the evaluator returned {sorted(metrics)} but no {cost!r}; say which column is "
                "the cost"
            )
        seconds += float(metrics[cost])
        yield Step(index, suggestion, metrics, seconds)
        searcher.tell(suggestion, metrics)
        index += 1
