"""Costs on the command line: directions of objectives, and limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf

from jarch import lowering
from jarch.lowering.costs import check_limits

from .naming import parse_arguments
from .proxies import PROXY_NAMES

DEFAULT_PARAMETERS = 500_000
"""The most that a candidate has unless something else is said."""


def larger_is_better(name: str) -> bool | None:
    """Return the direction of a known metric, cost or proxy; None for a name that is none.

    Example:
        >>> [larger_is_better(name) for name in ("accuracy", "latency_ms", "throughput", "speed")]
        [True, False, True, None]
    """
    if name == "loss" or name in PROXY_NAMES:
        return name != "loss"
    known = lowering.METRICS.get(name) or lowering.COSTS.get(name)
    return None if known is None else known.larger_is_better


def known_objectives() -> tuple[str, ...]:
    """Return the names of all that a candidate can be judged by."""
    return tuple(dict.fromkeys(("loss", *lowering.METRICS, *lowering.COSTS, *PROXY_NAMES)))


def measured_costs(names: Iterable[str]) -> tuple[str, ...]:
    """Return those of these names that are costs for which the program has to run."""
    return tuple(name for name in names if name in lowering.COSTS and lowering.COSTS[name].measured)


def read_limits(texts: Sequence[str]) -> dict[str, float]:
    """Return limits by the name of the cost.

    Args:
        texts: Each "name=value".

    Raises:
        SpaceError: One is not written so, is no cost, or no number.

    Example:
        >>> read_limits(["latency_ms=5", "activation_bytes=100000"])
        {'latency_ms': 5, 'activation_bytes': 100000}
    """
    return check_limits(parse_arguments(texts, "limit"))


def bounds_of(
    limits: Mapping[str, float], parameters: int | None, flops: int | None
) -> dict[str, int | None]:
    """Return what `jarch.search.within` takes: the lowest bound of each cost that is counted.

    Args:
        limits: By the name of the cost.
        parameters: Another bound; if it is the default one, a limit takes its place.
        flops: Another bound.

    Example:
        >>> bounds_of({"parameters": 1e6}, DEFAULT_PARAMETERS, None)
        {'parameters': 1000000, 'flops': None, 'activation_bytes': None}
    """
    if parameters == DEFAULT_PARAMETERS and "parameters" in limits:
        parameters = None
    given = {"parameters": parameters, "flops": flops, "activation_bytes": None}
    found: dict[str, int | None] = {}
    for name, bound in given.items():
        both = [each for each in (bound, limits.get(name)) if each is not None and each < inf]
        found[name] = int(min(both)) if both else None
    return found


def bounds_in_words(bounds: Mapping[str, int | None]) -> str:
    """Return what candidates are bounded by; "" for nothing.

    Example:
        >>> bounds_in_words({"parameters": 3000, "flops": None, "activation_bytes": 20000})
        'at most 3,000 parameters and 20,000 activation_bytes'
    """
    words = [
        f"{bound:,} {'FLOPs' if name == 'flops' else name}"
        for name, bound in bounds.items()
        if bound is not None
    ]
    return f"at most {' and '.join(words)}" if words else ""
