"""Compares searchers with two objectives: `python -m benchmarks.multi_objective --table FILE …`."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, NamedTuple

import numpy as np
import tyro
from numpy.typing import NDArray

from .plots import matplotlib_figure
from .two_objectives import SEARCHERS, Task, run_seeds

_CHANCE = "random"
_AFTER = (100, 200, 500, 1000, 2000, 5000)


class Row(NamedTuple):
    """What a searcher reached after some evaluations.

    Attributes:
        searcher: Its name.
        device: The column of the latency.
        evaluations: After so many.
        seeds: How many searches.
        mean: Hypervolume over seeds, in percent of that of the table's front.
        std: Over seeds.
        wins: In how many seeds it is larger than that of random search with the same seed.
        superiority: The probability that it is larger than that of any random search, half of
            those counted that are equal.
    """

    searcher: str
    device: str
    evaluations: int
    seeds: int
    mean: float
    std: float
    wins: int
    superiority: float


def main(
    table: Path,
    latency: Path,
    device: str = "c10_edgegpu_latency",
    signal: str = "c10v_val_12",
    seeds: int = 100,
    searchers: str = "",
    evaluations: int = 1000,
    processes: int = 0,
    json_file: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
    csv_file: Annotated[Path | None, tyro.conf.arg(name="csv")] = None,
    plot: Path | None = None,
) -> None:
    """Search for small validation error and latency, and print the hypervolume that is reached.

    The reference point is the worst error and the worst latency in the table. Random search takes
    part in any case, for comparison.

    Args:
        table: CSV file of NAS-Bench-201, as described in benchmarks/README.md.
        latency: CSV file with the columns `index` and the device.
        device: The column of the latency.
        signal: The column of the validation accuracy in percent.
        seeds: How many searches by each searcher, with seeds from 0; fewer by those that take
            long.
        searchers: Names with commas between; all by default.
        evaluations: How many a search makes; fewer by those that take long.
        processes: How many; by default one for each core.
        json_file: Where to write the table, as a list of objects.
        csv_file: Where to write the curves.
        plot: Where to draw them, as PNG, PDF or SVG; needs matplotlib.

    Raises:
        ValueError: An argument names nothing, or a table lacks something.
    """
    names = [_CHANCE, *(searchers.split(",") if searchers else SEARCHERS)]
    for name in names:
        if name not in SEARCHERS:
            raise ValueError(f"searcher {name!r} is none of {', '.join(SEARCHERS)}")
    if min(seeds, evaluations) < 1:
        raise ValueError("seeds and evaluations must be at least 1")
    if plot is not None:
        matplotlib_figure()  # or its absence is noticed only when all is done
    task = Task(table, latency, device, signal, evaluations)
    processes = processes or os.cpu_count() or 1
    curves = {name: _run(name, task, seeds, processes) for name in dict.fromkeys(names)}
    rows = list(standings(device, curves))
    print(markdown(rows))
    if json_file is not None:
        text = json.dumps([row._asdict() for row in rows], indent=2)
        json_file.write_text(text + "\n", encoding="utf-8")
    if csv_file is not None:
        _write_curves(csv_file, curves)
    if plot is not None:
        plot_curves(plot, curves, device)


def _run(name: str, task: Task, seeds: int, processes: int) -> NDArray[np.float64]:
    seeds = min(seeds, SEARCHERS[name].seeds or seeds)
    begin = perf_counter()
    curves = run_seeds(name, task, range(seeds), processes)
    took = perf_counter() - begin
    print(f"{name}: {seeds} seeds in {took:.1f} s", file=sys.stderr, flush=True)
    return curves


def standings(device: str, curves: Mapping[str, NDArray[np.float64]]) -> Iterator[Row]:
    """Yield a row for each searcher and some numbers of evaluations.

    Args:
        device: The column of the latency.
        curves: Of each searcher, among them random search: (seeds, evaluations) each.
    """
    chance = curves[_CHANCE]
    for name, curve in curves.items():
        for after in sorted({*[n for n in _AFTER if n < curve.shape[1]], curve.shape[1]}):
            found, other = curve[:, after - 1], chance[:, after - 1]
            ahead = (found[:, None] > other).mean() + (found[:, None] == other).mean() / 2
            wins = int((found > other[: len(found)]).sum())
            mean, std = round(100 * float(found.mean()), 4), round(100 * float(found.std()), 4)
            yield Row(name, device, after, len(found), mean, std, wins, round(float(ahead), 4))


def markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a table."""
    head = ["searcher", "evaluations", "seeds", "hypervolume, %", "larger than random's in"]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        wins = "" if row.searcher == _CHANCE else f"{row.wins} of {row.seeds}"
        volume = f"{row.mean:.2f} ± {row.std:.2f}"
        lines.append([row.searcher, str(row.evaluations), str(row.seeds), volume, wins])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _write_curves(path: Path, curves: Mapping[str, NDArray[np.float64]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["searcher", "evaluations", "mean", "std"])
        for name, curve in curves.items():
            for i, (mean, std) in enumerate(zip(curve.mean(0), curve.std(0), strict=True)):
                writer.writerow([name, i + 1, round(float(mean), 6), round(float(std), 6)])


def plot_curves(path: Path, curves: Mapping[str, NDArray[np.float64]], device: str) -> None:
    """Draw how much of the hypervolume is missing over evaluations: median and 80 % of seeds.

    Args:
        path: Of the file; its suffix says the format.
        curves: Of each searcher: (seeds, evaluations).
        device: The column of the latency.
    """
    figure = matplotlib_figure()(figsize=(8, 5), layout="constrained")
    axes: Any = figure.subplots()
    for name, curve in curves.items():
        missing = np.maximum(100 * (1 - curve), 1e-3)
        low, middle, high = np.quantile(missing, [0.1, 0.5, 0.9], axis=0)
        at = list(range(1, curve.shape[1] + 1))
        axes.plot(at, middle, label=name)
        axes.fill_between(at, low, high, alpha=0.2)
    axes.set(
        xlabel="evaluations",
        ylabel="hypervolume missing, % of the best front's",
        title=f"validation error and {device}",
        yscale="log",
    )
    axes.legend()
    figure.savefig(path)


if __name__ == "__main__":
    try:
        tyro.cli(main)
    except ValueError as error:
        raise SystemExit(str(error)) from error
