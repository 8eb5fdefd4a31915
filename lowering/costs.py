"""What an architecture costs beside what it scores: names, units and directions. Without JAX."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any, NamedTuple

from .errors import LoweringError


class Cost(NamedTuple):
    """A figure of what a model costs to run.

    Attributes:
        name: What metrics, objectives and limits call it.
        unit: In words.
        measured: Whether the compiled program is run, or asked, for it; else it follows from the
            architecture alone.
        larger_is_better: Whether an increase is an improvement.
        spread: The name of the metric that says how far measurements lie apart; "" for none.

    Example:
        >>> [cost.name for cost in COSTS.values() if cost.measured]
        ['latency_ms', 'throughput', 'peak_bytes', 'energy_joules']
        >>> COSTS["throughput"].unit, COSTS["throughput"].larger_is_better
        ('examples a second, in batches', True)
    """

    name: str
    unit: str
    measured: bool = False
    larger_is_better: bool = False
    spread: str = ""


COSTS: Mapping[str, Cost] = {
    cost.name: cost
    for cost in (
        Cost("parameters", "numbers, batch statistics included"),
        Cost("flops", "operations of one example"),
        Cost("activation_bytes", "bytes of one example's outputs of all nodes"),
        Cost("latency_ms", "milliseconds for one example", True, spread="latency_ms_iqr"),
        Cost("throughput", "examples a second, in batches", True, True, "throughput_iqr"),
        Cost("peak_bytes", "bytes that the program of a batch takes, weights included", True),
        Cost("energy_joules", "joules an example, in batches, of all processor packages", True),
    )
}
"""The costs that there are, by name."""

COUNTS: tuple[str, ...] = tuple(name for name, cost in COSTS.items() if not cost.measured)
"""The names of those that follow from the architecture alone."""


def check_costs(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of costs as a tuple, each once.

    Raises:
        LoweringError: One is no cost, or they are one text.

    Example:
        >>> check_costs(["latency_ms", "flops", "latency_ms"])
        ('latency_ms', 'flops')
    """
    if isinstance(names, str):
        raise LoweringError(f"costs are the text {names!r}; give a list of names, [{names!r}]")
    found = tuple(dict.fromkeys(names))
    for name in found:
        if name not in COSTS:
            raise LoweringError(f"{name!r} is no cost; name one of {', '.join(COSTS)}")
    return found


def check_limits(limits: Mapping[str, Any]) -> dict[str, float]:
    """Return limits by the names of costs.

    Raises:
        LoweringError: A name is no cost, or a limit is no number.

    Example:
        >>> check_limits({"latency_ms": 5})
        {'latency_ms': 5}
    """
    check_costs(limits)
    for name, limit in limits.items():
        if isinstance(limit, bool) or not isinstance(limit, Real) or limit != limit:  # NaN
            raise LoweringError(f"the limit of {name} is {limit!r}; it must be a number")
    return dict(limits)


def over_limit(name: str, value: float, limit: float) -> str:
    """Return what is wrong with a cost that has a limit; "" where it keeps it.

    Args:
        name: Of the cost.
        value: Of an architecture.
        limit: The most that it may be, or the least where more is better.

    Example:
        >>> over_limit("latency_ms", 7.25, 5)
        'latency_ms is 7.25, more than 5'
        >>> over_limit("throughput", 900.0, 500)
        ''
    """
    if COSTS[name].larger_is_better:
        return f"{name} is {value:.6g}, less than {limit:.6g}" if value < limit else ""
    return f"{name} is {value:.6g}, more than {limit:.6g}" if value > limit else ""
