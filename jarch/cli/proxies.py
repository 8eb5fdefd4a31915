"""Searches by zero-cost proxies on the command line: which there are, and what goes with them."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from jarch import lowering
from jarch.ir import SpaceError

if TYPE_CHECKING:
    from jarch.data import Dataset
    from jarch.surrogates.zero_cost import ZeroCostEvaluator

ProxyName: TypeAlias = Literal["synflow", "snip", "grasp", "fisher", "grad_norm", "jacov", "naswot"]
PROXY_NAMES: tuple[ProxyName, ...] = get_args(ProxyName)
"""The proxies that are no costs: of each, a larger score is better."""


def check_objectives_of_proxies(objectives: Iterable[str], proxies: Sequence[str]) -> None:
    """Check that candidates are judged by what they are given.

    Args:
        objectives: The names of all objectives.
        proxies: Those by which candidates are judged; none where they are trained.

    Raises:
        SpaceError: One is a proxy that is not computed, or is no proxy and takes training.

    Example:
        >>> check_objectives_of_proxies(["naswot", "parameters"], ["naswot"])
    """
    for name in objectives:
        if name in PROXY_NAMES and name not in proxies:
            raise SpaceError(
                f"objective {name} is a zero-cost proxy; give --zero-cost {name}, by which "
                "candidates are judged in place of training them"
            )
        if proxies and name and name not in (*PROXY_NAMES, *lowering.COUNTS):
            known = ", ".join((*proxies, *lowering.COUNTS))
            raise SpaceError(
                f"objective {name} takes training, or a run; with --zero-cost there are {known}"
            )


def check_nothing_is_trained(
    limits: Mapping[str, float], fidelities: bool, final_epochs: int
) -> None:
    """Check that nothing is asked for that takes trained candidates.

    Raises:
        SpaceError: It is.
    """
    for name in limits:
        if name not in lowering.COUNTS:
            raise SpaceError(f"--limits {name} is measured, but with --zero-cost nothing runs")
    if fidelities:
        raise SpaceError(
            "--zero-cost trains no candidate, not even briefly; choose a --searcher that evaluates "
            "each once, such as evolution"
        )
    if final_epochs == 0:
        raise SpaceError(
            "--final-epochs 0 keeps the weights of the search, but --zero-cost trains nothing; "
            "give 1 or more"
        )


def proxy_evaluator(data: Dataset, proxies: tuple[str, ...]) -> ZeroCostEvaluator:
    """Return what judges candidates by proxies; JAX is loaded here.

    Raises:
        SurrogateError: A proxy differentiates by the inputs, which are integers.
    """
    zero_cost = importlib.import_module("jarch.surrogates.zero_cost")
    made: ZeroCostEvaluator = zero_cost.ZeroCostEvaluator(data, proxies)
    return made
