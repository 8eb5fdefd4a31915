"""Compares searchers on NAS-Bench-201: `python -m benchmarks.nasbench201 --table FILE`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Annotated

import tyro

from jarch.tabular import TEST_COLUMNS

from .plots import matplotlib_figure, plot_curves
from .standings import (
    COLUMNS,
    Point,
    Score,
    curve,
    optima,
    read_published,
    scores_after,
    scores_within,
    write_curve,
)
from .tabular import SEARCHERS, Protocol, Trajectory, load_table, run_seeds


def main(
    table: Path,
    seeds: int = 100,
    searchers: str = "",
    signals: str = "c10v_val_12",
    seconds: float = 12_000.0,
    evaluations: int = 100,
    processes: int = 0,
    published: Path | None = None,
    json_file: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
    csv_file: Annotated[Path | None, tyro.conf.arg(name="csv")] = None,
    plot: Path | None = None,
) -> None:
    """Search by each searcher with many seeds, and print means and deviations of what they found.

    A search goes by a signal, the validation accuracy after 12 epochs, on a simulated clock; what
    is reported is the accuracy after 200 epochs of the architecture with the best signal.

    Args:
        table: CSV file of the benchmark, as described in benchmarks/README.md.
        seeds: How many searches by each searcher, with seeds from 0; fewer by those that take
            long.
        searchers: Names with commas between; all by default.
        signals: Columns to search by, with commas between; "all" for that of each data set.
        seconds: Budget on the simulated clock.
        evaluations: Budget of the second table, in evaluations.
        processes: How many; by default one for each core.
        published: CSV file of published results, to print beside.
        json_file: Where to write the first table, as a list of objects.
        csv_file: Where to write the curves of what was found by when.
        plot: Where to draw them, as PNG, PDF or SVG; needs matplotlib.

    Raises:
        ValueError: An argument names nothing, or the table lacks something.
    """
    names = _chosen(searchers, list(SEARCHERS), "searcher")
    chosen = list(TEST_COLUMNS) if signals == "all" else signals.split(",")
    _chosen(",".join(chosen), list(TEST_COLUMNS), "signal")
    if min(seeds, evaluations) < 1:
        raise ValueError("seeds and evaluations must be at least 1")
    if plot is not None:
        matplotlib_figure()  # or its absence is noticed only when all is done
    processes = processes or os.cpu_count() or 1
    known, first, second, points = load_table(table), list[Score](), list[Score](), list[Point]()
    for protocol in [Protocol(table, signal, seconds, evaluations) for signal in chosen]:
        for name in names:
            runs = _run(name, protocol, seeds, processes)
            first += scores_within(known, name, protocol, runs)
            second += scores_after(known, name, protocol, runs, evaluations)
            points += curve(known, name, protocol, runs) if csv_file or plot else ()
    print(markdown_table(first, read_published(published) if published else {}, optima(known)))
    print(f"\nThe same after {evaluations} evaluations:\n")
    print(markdown_table(second))
    if json_file is not None:
        rows = [score._asdict() for score in first]
        json_file.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    if csv_file is not None:
        write_curve(csv_file, points)
    if plot is not None:
        plot_curves(plot, points)


def _chosen(text: str, known: Sequence[str], what: str) -> list[str]:
    names = text.split(",") if text else list(known)
    for name in names:
        if name not in known:
            raise ValueError(f"{what} {name!r} is none of {', '.join(known)}")
    return names


def _run(name: str, protocol: Protocol, seeds: int, processes: int) -> list[Trajectory]:
    seeds = min(seeds, SEARCHERS[name].seeds or seeds)
    begin = perf_counter()
    runs = run_seeds(name, protocol, range(seeds), processes)
    took = perf_counter() - begin
    print(f"{name}, {protocol.signal}: {seeds} seeds in {took:.1f} s", file=sys.stderr, flush=True)
    return runs


def markdown_table(
    scores: Sequence[Score],
    published: Mapping[str, Mapping[tuple[str, str], tuple[float, float]]] | None = None,
    best: Mapping[tuple[str, str], float] | None = None,
) -> str:
    """Return a table with a row for each searcher and signal, then the published ones."""
    head = ["searcher", "signal", "seeds", "evaluations", *map(" ".join, COLUMNS)]
    lines = [head, ["---"] * len(head)]
    for i in range(0, len(scores), len(COLUMNS)):
        row = scores[i : i + len(COLUMNS)]
        start = [row[0].searcher, row[0].signal, str(row[0].seeds), f"{row[0].evaluations:.1f}"]
        lines.append([*start, *[_figure(score.mean, score.std) for score in row]])
    for algorithm, known in (published or {}).items():
        figures = [_figure(*known[key]) if key in known else "" for key in COLUMNS]
        lines.append([f"{algorithm}, published", "", "", "", *figures])
    if best:
        lines.append(["best in the table", "", "", "", *[f"{best[key]:.2f}" for key in COLUMNS]])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _figure(mean: float, std: float) -> str:
    return f"{mean:.2f}" if std != std else f"{mean:.2f} ± {std:.2f}"


if __name__ == "__main__":
    try:
        tyro.cli(main)
    except ValueError as error:
        raise SystemExit(str(error)) from error
