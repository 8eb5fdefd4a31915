"""What searches on the table of NAS-Bench-201 found: means and deviations over seeds."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jarch.tabular import Table

from .tabular import Protocol, Trajectory, seconds_grid

COLUMNS: Mapping[tuple[str, str], str] = {
    ("cifar10", "validation"): "c10v_val_200",
    ("cifar10", "test"): "c10_test_200",
    ("cifar100", "validation"): "c100_val_200",
    ("cifar100", "test"): "c100_test_200",
    ("ImageNet16-120", "validation"): "in16_val_200",
    ("ImageNet16-120", "test"): "in16_test_200",
}
"""The columns of the table that tell of a data set's split: accuracies after 200 epochs."""

_PUBLISHED = {"c10": "cifar10", "c100": "cifar100", "in16": "ImageNet16-120"}
_SPLITS = {"val": "validation", "test": "test"}


class Score(NamedTuple):
    """What a searcher found on one split of one data set, in percent.

    Attributes:
        searcher: Its name.
        dataset: As the benchmark names it.
        split: "validation" or "test".
        mean: Over seeds, of the architecture with the best signal.
        std: Over seeds.
        seeds: How many.
        evaluations: How many a search made, on average.
        signal: What the search went by.
    """

    searcher: str
    dataset: str
    split: str
    mean: float
    std: float
    seeds: int
    evaluations: float
    signal: str


class Point(NamedTuple):
    """A score along the way: after `at` evaluations, or after `at` simulated seconds."""

    signal: str
    searcher: str
    axis: str
    at: float
    dataset: str
    split: str
    mean: float
    std: float


def scores_within(
    table: Table, searcher: str, protocol: Protocol, trajectories: Sequence[Trajectory]
) -> list[Score]:
    """Return the scores of what was found within the simulated seconds of the protocol.

    Raises:
        ValueError: A search did not finish one evaluation within them.
    """
    made = [trajectory.evaluations_within(protocol.seconds) for trajectory in trajectories]
    if min(made) < 1:
        raise ValueError(
            f"{protocol.seconds:g} seconds are over before the first evaluation is done; allow more"
        )
    return _scores(table, searcher, protocol, trajectories, made)


def scores_after(
    table: Table,
    searcher: str,
    protocol: Protocol,
    trajectories: Sequence[Trajectory],
    evaluations: int,
) -> list[Score]:
    """Return the scores of what was found in so many evaluations, whatever they cost."""
    made = [min(evaluations, len(trajectory.incumbents)) for trajectory in trajectories]
    return _scores(table, searcher, protocol, trajectories, made)


def _scores(
    table: Table,
    searcher: str,
    protocol: Protocol,
    trajectories: Sequence[Trajectory],
    made: Sequence[int],
) -> list[Score]:
    rows = [t.incumbent_after(n) for t, n in zip(trajectories, made, strict=True)]
    evaluations = round(float(np.mean(made)), 2)
    scores: list[Score] = []
    for (dataset, split), column in COLUMNS.items():
        found = table.column(column)[rows]
        mean, std = round(float(found.mean()), 4), round(float(found.std()), 4)
        scores.append(
            Score(searcher, dataset, split, mean, std, len(rows), evaluations, protocol.signal)
        )
    return scores


def curve(
    table: Table, searcher: str, protocol: Protocol, trajectories: Sequence[Trajectory]
) -> Iterator[Point]:
    """Yield the anytime curve over evaluations and over simulated seconds."""
    for n in range(1, protocol.evaluations + 1):
        for score in scores_after(table, searcher, protocol, trajectories, n):
            yield _point("evaluations", n, score)
    for at in seconds_grid(protocol, trajectories):
        made = [trajectory.evaluations_within(at) for trajectory in trajectories]
        for score in _scores(table, searcher, protocol, trajectories, made):
            yield _point("seconds", at, score)


def _point(axis: str, at: float, score: Score) -> Point:
    return Point(
        score.signal,
        score.searcher,
        axis,
        at,
        score.dataset,
        score.split,
        score.mean,
        score.std,
    )


def optima(table: Table) -> dict[tuple[str, str], float]:
    """Return the best that the table holds of each data set and split."""
    return {key: float(np.nanmax(table.column(column))) for key, column in COLUMNS.items()}


def read_published(path: Path) -> dict[str, dict[tuple[str, str], tuple[float, float]]]:
    """Return published means and deviations by algorithm, data set and split.

    Args:
        path: Of a CSV file with the columns benchmark, algorithm, metric, mean and std; a metric
            is `c10_val`, `in16_test` or the like. A deviation that is not given is NaN.
    """
    found: dict[str, dict[tuple[str, str], tuple[float, float]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            dataset, _, split = line["metric"].partition("_")
            if line["benchmark"] == "NAS-Bench-201" and dataset in _PUBLISHED and split in _SPLITS:
                key = _PUBLISHED[dataset], _SPLITS[split]
                row = found.setdefault(line["algorithm"], {})
                row[key] = float(line["mean"]), float(line["std"] or "nan")
    return found


def write_curve(path: Path, points: Iterable[Point]) -> None:
    """Write the anytime curves as CSV, a line for each point."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Point._fields)
        writer.writerows(points)
