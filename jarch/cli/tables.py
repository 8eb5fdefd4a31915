"""How evaluations and runs look as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jarch import lowering
from jarch.runs import Evaluation
from jarch.search import rank_evaluations

COUNTS = lowering.COUNTS
SHOWN_COUNTS = ("parameters", "flops")
_SPREADS = frozenset(cost.spread for cost in lowering.COSTS.values())
_ABBREVIATED = frozenset({"flops", "activation_bytes", "peak_bytes", "throughput"})
_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def results_table(
    evaluations: tuple[Evaluation, ...], objective: str, maximize: bool, top: int = 10
) -> Table:
    """Return the best evaluations as a table, the best first.

    Where candidates were evaluated at several fidelities, such as epochs, it says at which.
    """
    ranked = rank_evaluations(evaluations, objective, maximize)
    of_fidelities = any(evaluation.fidelity is not None for evaluation in ranked)
    names = metric_names(ranked, objective)
    title = f"best {min(top, len(ranked))} of {len(evaluations)} candidates"
    table = _table(title)
    for name in ("candidate", *(["fidelity"] if of_fidelities else []), *names, "seconds"):
        head = "FLOPs" if name == "flops" else name
        table.add_column(head, justify="right", no_wrap=True, min_width=max(len(head), 6))
    table.add_column("values", overflow="ellipsis", no_wrap=True)
    for place, evaluation in enumerate(ranked[:top]):
        scores = [format_metric(name, evaluation.metrics.get(name)) for name in names]
        values = " ".join(str(value) for value in evaluation.values)
        fidelity = "-" if evaluation.fidelity is None else str(evaluation.fidelity)
        start = [str(evaluation.index), *([fidelity] if of_fidelities else [])]
        row = [*start, *scores, f"{evaluation.seconds:.1f}", values]
        table.add_row(*row, style="bold green" if place == 0 else "")
    return table


def failures_table(evaluations: Iterable[Evaluation]) -> Table | None:
    """Return the evaluations that failed, with their reasons, or None where there are none."""
    failed = [e for e in evaluations if e.status != "ok"]
    if not failed:
        return None
    table = _table(f"{len(failed)} without a score")
    table.add_column("candidate", justify="right")
    table.add_column("status")
    table.add_column("reason", overflow="fold")
    for evaluation in failed[:10]:
        table.add_row(str(evaluation.index), evaluation.status, Text(evaluation.reason))
    if len(failed) > 10:
        table.add_row("", "", f"and {len(failed) - 10} more")
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)


def metric_names(evaluations: Sequence[Evaluation], objective: str) -> list[str]:
    """Return the names of metrics in the order to show them: the objective first, counts last.

    Spreads and bytes of activations are left to the run folder.
    """
    found = dict.fromkeys(name for e in evaluations for name in e.metrics if name != objective)
    rest = [name for name in found if name not in (*COUNTS, *_SPREADS)]
    return [objective, *rest, *[name for name in SHOWN_COUNTS if name in found]]


def format_metric(name: str, value: float | None) -> str:
    """Return a metric for people to read."""
    if value is None:
        return "-"
    if name in _ABBREVIATED:
        return abbreviate(value)
    if isinstance(value, int) or (value.is_integer() and abs(value) > 1):
        return f"{int(value):,}"
    return f"{value:.4f}"


def abbreviate(number: float) -> str:
    """Return a number with a unit.

    Example:
        >>> abbreviate(1_234_567)
        '1.23 M'
    """
    for size, unit in _UNITS:
        if abs(number) >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.3g}"


def make_console() -> Console:
    """Return the console; as wide as its lines need where it is not a terminal."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=140)


def plain(value: Any) -> str:
    """Return a setting for people to read."""
    if isinstance(value, dict):
        named = cast("dict[str, object]", value)
        return ", ".join(f"{name}={item}" for name, item in named.items())
    if isinstance(value, list):
        return " ".join(map(str, cast("list[object]", value)))
    return str(value)
