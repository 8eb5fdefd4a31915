"""Searches for small error and small latency on tables, over many seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jarch import spaces
from jarch.ir import Architecture, InvalidArchitecture, Space, trace
from jarch.search import Objective, Searcher, make_searcher
from jarch.search.multi_objective import (
    Objectives,
    hypervolume,
    hypervolume_curve,
)
from jarch.tabular import Table, TabularEvaluator, read_nasbench201, read_table

ERROR = "error"


class Contestant(NamedTuple):
    """A searcher to compare.

    Attributes:
        make: Returns a new one for a space and objectives.
        seeds: Run it with at most so many, because it takes long; None for as many as asked.
        evaluations: Let it make at most so many, for the same reason.
    """

    make: Callable[[Space, Objectives], Searcher]
    seeds: int | None = None
    evaluations: int | None = None


def _by_name(name: str, space: Space, objectives: Objectives) -> Searcher:
    return make_searcher(name, space, objectives=objectives)


SEARCHERS: Mapping[str, Contestant] = {
    "random": Contestant(partial(_by_name, "random")),
    "nsga2": Contestant(partial(_by_name, "nsga2")),
    "nsga3": Contestant(partial(_by_name, "nsga3")),
    "front_local": Contestant(partial(_by_name, "front_local")),
    "optuna": Contestant(partial(_by_name, "optuna"), evaluations=200),
    "parego": Contestant(partial(_by_name, "parego"), evaluations=500),
}
"""What can be compared, by name, all with the defaults of jarch."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to search for, and how long.

    Attributes:
        table: The file of NAS-Bench-201.
        latency: A file with a column `index`, by which it is joined, and the latency.
        device: The column of the latency.
        signal: The column of the validation accuracy in percent.
        evaluations: How many a search makes.
    """

    table: Path
    latency: Path
    device: str
    signal: str
    evaluations: int

    @property
    def objectives(self) -> Objectives:
        """Small error, small latency."""
        return Objective(ERROR, maximize=False), Objective(self.device, maximize=False)


def run_seeds(
    searcher: str, task: Task, seeds: Sequence[int], processes: int = 1
) -> NDArray[np.float64]:
    """Return the hypervolume after each evaluation, in parts of that of the best front.

    Args:
        searcher: A name in `SEARCHERS`.
        task: What to search for.
        seeds: One for each search.
        processes: 1 to use no other than this.

    Returns:
        (seeds, evaluations).
    """
    run = partial(run_seed, searcher, task)
    if processes == 1:
        return np.array([run(seed) for seed in seeds])
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:  # threads of JAX do not fork
        return np.array(list(pool.map(run, seeds, chunksize=max(1, len(seeds) // 32))))


def run_seed(searcher: str, task: Task, seed: int) -> NDArray[np.float64]:
    """Return the curve of one search: (evaluations,)."""
    contestant = SEARCHERS[searcher]
    evaluate = evaluator(task)
    search, rng = contestant.make(_space(), task.objectives), np.random.default_rng(seed)
    evaluations = min(task.evaluations, contestant.evaluations or task.evaluations)
    found = np.full((evaluations, 2), np.nan)
    for i in range(evaluations):
        suggestion = search.ask(rng)
        try:
            metrics = evaluate(suggestion.architecture)
            found[i] = metrics[ERROR], metrics[task.device]
        except InvalidArchitecture:
            metrics = None
        search.tell(suggestion, metrics)
    reference, whole = yardstick(task)
    return hypervolume_curve(found, reference, task.objectives) / whole


def evaluator(task: Task) -> Callable[[Architecture], Mapping[str, float]]:
    """Return the metrics of architectures; those that the device does not support are invalid."""
    look_up = TabularEvaluator(load(task), task.signal, others=(ERROR, task.device))

    def evaluate(architecture: Architecture) -> Mapping[str, float]:
        metrics = look_up(architecture)
        if metrics[task.device] <= 0:
            raise InvalidArchitecture(f"{task.device}: not supported")
        return metrics

    return evaluate


@lru_cache(1)
def yardstick(task: Task) -> tuple[tuple[float, float], float]:
    """Return the worst of both objectives in the table, and the hypervolume of its best front."""
    scores = np.stack([load(task).column(ERROR), load(task).column(task.device)], 1)
    scores = scores[scores[:, 1] > 0]
    worst = float(scores[:, 0].max()), float(scores[:, 1].max())
    return worst, hypervolume(scores, worst, task.objectives)


@lru_cache(1)
def load(task: Task) -> Table:
    """Return both tables as one, with the error; each process reads it once."""
    table = read_nasbench201(task.table)
    joined = table.join(read_table(task.latency, ["index"], columns=[task.device]), on="index")
    return joined.with_columns({ERROR: 100 - joined.column(task.signal)})


@lru_cache(1)
def _space() -> Space:
    return trace(spaces.nasbench201_cell)
