"""Several objectives at once: their scores, and text that names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jarch.search.objective import Objective
from jarch.search.searcher import Metrics, SearchError

FloatArray: TypeAlias = NDArray[np.float64]
Objectives: TypeAlias = "tuple[Objective, ...]"
Scores: TypeAlias = "tuple[float, ...]"

_DIRECTIONS = {"max": True, "min": False}


def check_objectives(objectives: Sequence[Objective]) -> Objectives:
    """Return the objectives as a tuple.

    Raises:
        SearchError: There is none, or two have the same name.

    Example:
        >>> check_objectives([Objective("accuracy"), Objective("accuracy", maximize=False)])
        Traceback (most recent call last):
        ...
        jarch.search.searcher.SearchError: objective 'accuracy' is named twice; name each once
    """
    names = [objective.name for objective in objectives]
    if not names:
        raise SearchError("there is no objective; name at least one")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise SearchError(f"objective {twice!r} is named twice; name each once")
    return tuple(objectives)


def parse_objective(text: str) -> Objective:
    """Return the objective of a text such as `accuracy` or `parameters:min`.

    Without a direction more is better.

    Raises:
        SearchError: The direction is neither `min` nor `max`, or there is no name.

    Example:
        >>> parse_objective("parameters:min")
        Objective(name='parameters', maximize=False)
    """
    name, _, direction = text.partition(":")
    if not name or (direction or "max") not in _DIRECTIONS:
        raise SearchError(f"objective {text!r} is not NAME, NAME:max or NAME:min")
    return Objective(name, _DIRECTIONS[direction or "max"])


def scores_of(objectives: Sequence[Objective], metrics: Metrics | None) -> Scores | None:
    """Return the score of each objective; None for a failure, and where one is not finite.

    Example:
        >>> objectives = Objective("accuracy"), Objective("size", maximize=False)
        >>> scores_of(objectives, {"accuracy": 0.9, "size": 2410, "loss": 0.3})
        (0.9, 2410.0)
        >>> scores_of(objectives, {"accuracy": 0.9}) is None
        True
    """
    found = [objective.of(metrics) for objective in objectives]
    known = [score for score in found if score is not None]
    return tuple(known) if len(known) == len(found) else None


def describe_objectives(objectives: Sequence[Objective]) -> dict[str, Any]:
    """Return the objectives as `Searcher.options` has them: the first, and all."""
    every = [{"objective": o.name, "maximize": o.maximize} for o in objectives]
    return {**objectives[0].options(), "objectives": every}


def objectives_in(options: Mapping[str, Any]) -> Objectives:
    """Return the objectives that the options of a searcher name; none where it does not learn.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> objectives_in(ja.make_searcher("evolution", space).options())
        (Objective(name='accuracy', maximize=True),)
        >>> objectives_in(ja.make_searcher("random", space).options())
        ()
    """
    one = [options] if "objective" in options else []
    return tuple(Objective(o["objective"], o["maximize"]) for o in options.get("objectives", one))


def as_losses(scores: ArrayLike, objectives: Sequence[Objective]) -> FloatArray:
    """Return scores with the columns of what is maximised negated: less of all is better.

    The functions that compare do this on their inside; what they take and return has its own sign.

    Args:
        scores: (n, m), a row for each item and a column for each objective.
        objectives: m of them.
    """
    signs = np.array([-1.0 if objective.maximize else 1.0 for objective in objectives])
    columns: FloatArray = np.asarray(scores, np.float64).reshape(-1, len(signs))
    losses: FloatArray = columns * signs
    return losses
