"""Evaluations as trials of Optuna: what of them is written, and by what they are known again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from jarch.ir import Space
from jarch.runs import Evaluation

from .optional import import_optuna
from .parameters import express_architecture

WRITTEN = "evaluations"  # the attribute of a trial with the identities of all that it holds
BY_FIDELITY = "fidelities"  # the attribute with the metrics of each fidelity


def identity(search: str, evaluation: Evaluation) -> str:
    """Return what two evaluations have in common where they are the same one of the same search.

    Example:
        >>> done = Evaluation(0, 7, (("width", 16),), "d41d8cd9", "ok", {"accuracy": 0.9})
        >>> again = replace(done, seconds=3.0)
        >>> identity("", done) == identity("", again), identity("", done) == identity("b", done)
        (True, False)
    """
    line = replace(evaluation, seconds=0.0).to_line()
    return hashlib.sha256(f"{search}\n{line}".encode()).hexdigest()[:16]


def attributes(search: str, evaluation: Evaluation, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a trial: those of its last evaluation, and what it holds in all.

    Args:
        search: The name of the search; none where it is empty.
        evaluation: The last of the trial.
        before: The attributes that the trial has.
    """
    found: dict[str, Any] = {
        "search": search,
        "index": evaluation.index,
        "fingerprint": evaluation.fingerprint,
        "seed": evaluation.seed,
        "status": evaluation.status,
        "reason": evaluation.reason,
        "fidelity": evaluation.fidelity,
        "trial": evaluation.trial,
    }
    kept = {name: value for name, value in found.items() if value not in (None, "")}
    if evaluation.fidelity is not None:
        told = {str(evaluation.fidelity): dict(evaluation.metrics)}
        kept[BY_FIDELITY] = {**before.get(BY_FIDELITY, {}), **told}
    written = [*before.get(WRITTEN, ()), identity(search, evaluation)]
    return {**dict(evaluation.metrics), **kept, WRITTEN: written}


def new_trial(
    space: Space,
    evaluation: Evaluation,
    fits: Callable[[str, Any], bool],
    state: str,
    scores: Sequence[float] | None,
    attributes: Mapping[str, Any],
    intermediate: Mapping[int, float],
) -> Any:
    """Return a trial with the decisions of an evaluation as its parameters.

    Args:
        space: Of the search.
        evaluation: Says the decisions, and how long it took until now.
        fits: Says whether a study takes a distribution by a name; else it gets another name.
        state: By its name in Optuna.
        scores: Of the objectives; None where there are none yet, or never.
        attributes: Of the user.
        intermediate: Scores by fidelity.
    """
    trial = import_optuna().trial
    _, found = express_architecture(space, dict(evaluation.decisions))
    named = {key if fits(key, d) else f"{key} in {d}": (d, value) for key, d, value in found}
    made = trial.create_trial(
        state=trial.TrialState[state],
        values=None if scores is None else list(scores),
        params={name: value for name, (_, value) in named.items()},
        distributions={name: distribution for name, (distribution, _) in named.items()},
        user_attrs=dict(attributes),
        intermediate_values=dict(intermediate),
    )
    now = datetime.now()
    made.datetime_start = now - timedelta(seconds=evaluation.seconds)
    made.datetime_complete = now if made.state.is_finished() else None
    return made
