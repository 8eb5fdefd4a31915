"""Measures how fast candidates are evaluated: `python -m benchmarks.evaluation`."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import mean
from typing import Annotated, TypeAlias

import tyro
from rich.console import Console

from . import depthwise, evaluation_loops
from .constraints import constraint_rate
from .core import markdown_table, table
from .evaluation_tasks import fresh
from .figures import NO_GOAL, Figure, Goal

Measured: TypeAlias = Iterator[tuple[str, float | None, str]]

_OBVIOUS = "32 random candidates of `mobilenet` on digits, 5 epochs each: the obvious loop"
FIGURES: Mapping[str, Figure] = {
    "search_cold_speedup": Figure(
        f"{_OBVIOUS} over jarch's evaluator, empty caches", Goal(4, None)
    ),
    "search_warm_speedup": Figure(
        "the obvious loop over the same search again in a new process, caches kept", Goal(8, None)
    ),
    "same_program_ratio": Figure(
        "16 candidates of one architecture that differ in learning rate, weight decay, dropout and "
        "seed, 10 epochs, against 16 separate compilations",
        Goal(None, 0.25),
    ),
    "mlp_population_ratio": Figure(
        "a population of 16 MLPs against the best serial loop", Goal(None, 0.6)
    ),
    "cnn_population_ratio": Figure(
        "what the probe chooses for 16 CNNs against the best serial loop", Goal(None, 1.05)
    ),
    "repeats_ratio": Figure(
        "8 candidates with three seeds each by `repeats`, against calls one after the other, empty "
        "caches",
        Goal(None, 1.05),
    ),
    "depthwise_ratio": Figure(
        "a training step with jarch's depthwise convolution against `jax.lax`'s", Goal(None, 0.4)
    ),
    "loop_overhead": Figure("an epoch of `fit` against the bare jitted steps", Goal(None, 1.03)),
    "warm_start_ratio": Figure(
        "first step of a seen candidate in a new process, warm against cold", Goal(None, 0.3)
    ),
    "constraint_rate": Figure(
        "candidates a second drawn and judged by a bound on parameters and FLOPs", Goal(5000, None)
    ),
    "constraint_rate_drawn": Figure(
        "the same of candidates that were drawn before", Goal(50_000, None)
    ),
    "rss_growth_mb": Figure(
        "resident memory from the 100th to the 300th different program in one process, MB", NO_GOAL
    ),
    "rss_growth_full_mb": Figure(
        "the same from the 300th to the 900th, when as many are kept as may be", NO_GOAL
    ),
}
"""All figures, with their goals."""


def main(
    json_file: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
    markdown: bool = False,
    only: tuple[str, ...] = (),
    candidates: int = 32,
) -> None:
    """Measure how fast candidates are evaluated, against what runs beside it; half an hour.

    Args:
        json_file: Where to write the figures, as one object of names and numbers.
        markdown: Print the table as it stands in benchmarks/README.md.
        only: Names of figures, for a part of them.
        candidates: Of the searches; fewer make a quick run that says little.
    """
    unknown = [name for name in only if name not in FIGURES]
    if unknown:
        raise SystemExit(f"{unknown[0]!r} is no figure; there are {', '.join(FIGURES)}")
    values = measure(only or tuple(FIGURES), candidates)
    if json_file is not None:
        json_file.write_text(json.dumps(values, indent=2) + "\n")
    figures = {name: FIGURES[name] for name in values}
    if markdown:
        print(markdown_table(values, figures))
    else:
        Console().print(table(values, figures))


def measure(wanted: Sequence[str], candidates: int) -> dict[str, float | None]:
    """Measure figures one after the other; None for those that cannot be measured."""
    values: dict[str, float | None] = {}
    for names, measure_them in _groups(candidates).items():
        if not set(names) & set(wanted):
            continue
        for name, value, note in measure_them():
            values[name] = value
            shown = "not measured" if value is None else f"{value:.4g}"
            print(f"{name}: {shown}  ({note})", file=sys.stderr, flush=True)
    return {name: values[name] for name in FIGURES if name in values and name in wanted}


def _groups(candidates: int) -> Mapping[tuple[str, ...], Callable[[], Measured]]:
    """Return what is measured together."""
    populations = "same_program_ratio", "mlp_population_ratio", "cnn_population_ratio"
    return {
        ("search_cold_speedup", "search_warm_speedup"): lambda: _searches(candidates),
        **{(name,): partial(_of_populations, name) for name in populations},
        ("repeats_ratio",): _repeats,
        ("depthwise_ratio",): _depthwise,
        ("loop_overhead",): _loops,
        ("warm_start_ratio",): _starts,
        ("constraint_rate", "constraint_rate_drawn"): _constraints,
        ("rss_growth_mb",): partial(_memory, "rss_growth_mb", 300),
        ("rss_growth_full_mb",): partial(_memory, "rss_growth_full_mb", 900),
    }


def _searches(candidates: int) -> Measured:
    """Run jarch before and after the obvious loop, since machines drift."""
    cold: list[float] = []
    warm: list[float] = []
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        cold.append(fresh("jarch", candidates, Path(one)))
        warm.append(fresh("jarch", candidates, Path(one)))
        obvious = fresh("obvious", candidates)
        cold.append(fresh("jarch", candidates, Path(other)))
        warm.append(fresh("jarch", candidates, Path(other)))
    for name, found in (("search_cold_speedup", cold), ("search_warm_speedup", warm)):
        note = f"{obvious:.0f} s against {found[0]:.0f} and {found[1]:.0f} s"
        yield name, obvious / mean(found), note


def _of_populations(name: str) -> Measured:
    try:
        populations = import_module(f"{__package__}.populations")
    except ModuleNotFoundError as error:
        yield name, None, str(error)
        return
    yield name, float(getattr(populations, name)()), "see populations.py"


def _repeats(number: int = 8) -> Measured:
    """Each in a process of its own, with an empty cache, in turn."""
    ratios: list[float] = []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            together = fresh("repeats", number, Path(one))
            ratios.append(together / fresh("repeats in turn", number, Path(other)))
    yield "repeats_ratio", mean(ratios), ", ".join(f"{ratio:.3f}" for ratio in ratios)


def _depthwise() -> Measured:
    pair = depthwise.compare_steps()
    first, second = pair.first.median * 1e3, pair.second.median * 1e3
    yield "depthwise_ratio", pair.ratio, f"{first:.3g} ms against {second:.3g} ms"


def _loops() -> Measured:
    pair = evaluation_loops.compare_loops()
    first, second = pair.first.median * 1e3, pair.second.median * 1e3
    yield "loop_overhead", pair.ratio, f"ten epochs: {first:.4g} ms against {second:.4g} ms"


def _starts(number: int = 3) -> Measured:
    """Start candidates cold, then warm, each in a process of its own."""
    ratios: list[float] = []
    for candidate in range(number):
        with tempfile.TemporaryDirectory() as folder:
            cold, warm = (fresh("first_step", candidate, Path(folder)) for _ in range(2))
        ratios.append(warm / cold)
    yield "warm_start_ratio", mean(ratios), ", ".join(f"{ratio:.3f}" for ratio in ratios)


def _constraints() -> Measured:
    found = constraint_rate()
    first = f"{found.of_the_first:,.0f} of the first of a process"
    yield "constraint_rate", found.with_sampling, f"{1e6 / found.with_sampling:.3g} µs each"
    yield "constraint_rate_drawn", found.without_sampling, first


def _memory(name: str, number: int) -> Measured:
    yield name, fresh("memory", number), f"{number} nets, each trained in both ways"


if __name__ == "__main__":
    tyro.cli(main)
