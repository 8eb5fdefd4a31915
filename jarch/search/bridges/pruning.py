"""Pruners of Optuna by name."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from jarch.search.searcher import SearchError

from .optional import import_optuna

PRUNERS: Mapping[str, str] = {
    "median": "MedianPruner",
    "percentile": "PercentilePruner",
    "successive_halving": "SuccessiveHalvingPruner",
    "hyperband": "HyperbandPruner",
    "patient": "PatientPruner",
    "threshold": "ThresholdPruner",
}
"""Optuna's class for each name.

Wilcoxon's is not among them: it compares by instances of a problem, not by how long one trained.
"""


def make_pruner(
    name: str, arguments: Mapping[str, Any], fidelities: Sequence[int], eta: int
) -> Any:
    """Return a new pruner.

    What Optuna finds out of its first trials is known here: successive halving begins at the lowest
    of the fidelities, and Hyperband ends at the highest, both with our `eta`, where the arguments
    do not say otherwise.

    Args:
        name: One of `PRUNERS`.
        arguments: Of its class, by name; `wrapped_pruner` of "patient" may be a name of another.
        fidelities: At which it is asked, from low to high.
        eta: See `jarch.search.multi_fidelity.levels`.

    Raises:
        SearchError: Optuna does not take the arguments.
    """
    usual: dict[str, dict[str, Any]] = {
        "successive_halving": {"min_resource": fidelities[0], "reduction_factor": eta},
        "hyperband": {
            "min_resource": fidelities[0],
            "max_resource": fidelities[-1],
            "reduction_factor": eta,
        },
    }
    given = {**usual.get(name, {}), **arguments}
    wrapped = given.get("wrapped_pruner")
    if isinstance(wrapped, str):
        check_pruner(wrapped)
        given["wrapped_pruner"] = make_pruner(wrapped, {}, fidelities, eta)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a pruner is experimental
        try:
            return getattr(import_optuna().pruners, PRUNERS[name])(**given)
        except (TypeError, ValueError) as error:
            raise SearchError(f"Optuna's pruner {name}: {error}") from error


def check_pruner(name: str) -> None:
    """Raise where a name is unknown.

    Raises:
        SearchError: It is.
    """
    if name not in PRUNERS:
        raise SearchError(f"pruner {name!r} is none of {', '.join(PRUNERS)}")
