"""What a search with several objectives found, computed from its evaluations."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from jarch.runs import Evaluation
from jarch.search.objective import Objective
from jarch.search.result import thoroughness

from .hypervolume import hypervolume_curve
from .objectives import FloatArray, Scores, scores_of
from .pareto import non_dominated


def pareto_front(
    evaluations: Sequence[Evaluation], objectives: Sequence[Objective]
) -> tuple[Evaluation, ...]:
    """Return the evaluations that none dominates, the best in the first objective first.

    Those that failed, or lack one of the objectives, are left out; so are those of a lower fidelity
    than the highest that was reached, since scores of different fidelities are not comparable.

    Args:
        evaluations: Of any search, whatever it went by.
        objectives: Metrics with their directions.

    Example:
        >>> import jarch as ja
        >>> def evaluate(architecture, seed):
        ...     size = ja.analyze(architecture, {"in": (8, 8, 1)}).parameters
        ...     return {"width": dict(architecture.decisions)["width"], "size": size}
        >>> found = ja.random_search(ja.spaces.digits_dense, evaluate, 20, objective="width")
        >>> objectives = ja.Objective("width"), ja.Objective("size", maximize=False)
        >>> front = pareto_front(found.evaluations, objectives)
        >>> sizes = [evaluation.metrics["size"] for evaluation in front]
        >>> sizes == sorted(sizes, reverse=True)
        True
    """
    scored = [(scores_of(objectives, e.metrics), e) for e in most_thorough(evaluations)]
    known = [(scores, e) for scores, e in scored if scores is not None]
    mask = non_dominated([scores for scores, _ in known], objectives)
    front = [pair for pair, kept in zip(known, mask, strict=True) if kept]
    direction = -1 if objectives[0].maximize else 1
    front.sort(key=lambda pair: direction * pair[0][0])
    return tuple(e for _, e in front)


def evaluations_hypervolume(
    evaluations: Sequence[Evaluation],
    objectives: Sequence[Objective],
    reference: Sequence[float] | None = None,
) -> FloatArray:
    """Return the anytime curve: the hypervolume after each evaluation.

    Args:
        evaluations: In the order of the search.
        objectives: Metrics with their directions.
        reference: The worst scores of interest; by default the worst of these evaluations, so
            that curves of different searches cannot be compared.

    Returns:
        (n,) volumes; one that failed adds nothing, nor does one below the highest fidelity.

    Example:
        >>> import jarch as ja
        >>> def evaluate(architecture, seed):
        ...     depth, width, _ = architecture.values
        ...     return {"width": width, "depth": depth}
        >>> found = ja.random_search(ja.spaces.digits_dense, evaluate, 6, objective="width")
        >>> objectives = ja.Objective("width"), ja.Objective("depth", maximize=False)
        >>> evaluations_hypervolume(found.evaluations, objectives, reference=(0, 4)).tolist()
        [256.0, 256.0, 272.0, 384.0, 384.0, 384.0]
    """
    nothing = (math.nan,) * len(objectives)
    counted = {e.index for e in most_thorough(evaluations)}
    found = [scores_of(objectives, e.metrics) if e.index in counted else None for e in evaluations]
    scores = np.array([s or nothing for s in found], np.float64).reshape(-1, len(objectives))
    reference = worst_scores(evaluations, objectives) if reference is None else reference
    return hypervolume_curve(scores, reference, objectives)


def worst_scores(evaluations: Sequence[Evaluation], objectives: Sequence[Objective]) -> Scores:
    """Return the worst score of each objective, NaN where there is none.

    Those that failed are left out, and those of a lower fidelity than the highest that was reached.

    Example:
        >>> import jarch as ja
        >>> def evaluate(architecture, seed):
        ...     depth, width, _ = architecture.values
        ...     return {"width": width, "depth": depth}
        >>> found = ja.random_search(ja.spaces.digits_dense, evaluate, 36, objective="width")
        >>> objectives = ja.Objective("width"), ja.Objective("depth", maximize=False)
        >>> worst_scores(found.evaluations, objectives)
        (16.0, 3.0)
    """
    worst: list[float] = []
    for objective in objectives:
        found = [objective.of(e.metrics) for e in most_thorough(evaluations)]
        known = [score for score in found if score is not None]
        worst.append(objective.worst(known, lambda score: score) if known else math.nan)
    return tuple(worst)


def most_thorough(evaluations: Sequence[Evaluation]) -> tuple[Evaluation, ...]:
    """Return those that succeeded at the highest fidelity of any that did."""
    succeeded = [e for e in evaluations if e.status == "ok"]
    highest = max(map(thoroughness, succeeded), default=math.inf)
    return tuple(e for e in succeeded if thoroughness(e) == highest)
