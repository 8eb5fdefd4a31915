"""Searches on the table of NAS-Bench-201, over many seeds and in several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jarch import spaces
from jarch.ir import Space, trace
from jarch.search import (
    BananasSearcher,
    EvolutionConfig,
    EvolutionSearcher,
    LocalSearchConfig,
    LocalSearcher,
    MctsSearcher,
    NasBowlSearcher,
    NpenasSearcher,
    Objective,
    QuasiRandomSearcher,
    RandomSearcher,
    Searcher,
    SmboSearcher,
    make_searcher,
)
from jarch.tabular import Table, nasbench201_evaluator, read_nasbench201, simulate


class Contestant(NamedTuple):
    """A searcher to compare.

    Attributes:
        make: Returns a new one for a space.
        seeds: Run it with at most so many, because it takes long; None for as many as asked.
    """

    make: Callable[[Space], Searcher]
    seeds: int | None = None


_OBJECTIVE = Objective("validation")
_AS_PUBLISHED = EvolutionConfig(population=10, sample=3)
_PLAIN = EvolutionConfig(population=10, sample=3, aging=False)
_LOCAL_BY_ITS_AUTHORS = LocalSearchConfig(initial=10, first=True)
_REINFORCE_OF_THE_BENCHMARK: Mapping[str, Any] = {
    "layers": 0,
    "scale": 1e-3,
    "learning_rate": 0.01,
    "batch": 1,
    "decay": 0.9,
    "exponent": 1.0,
    "repeats": True,
}


def _by_name(name: str, options: Mapping[str, Any], space: Space) -> Searcher:
    """Return a searcher that imports JAX only where it is made."""
    return make_searcher(name, space, options, objective=_OBJECTIVE)


SEARCHERS: Mapping[str, Contestant] = {
    "random": Contestant(RandomSearcher),
    "quasi_random": Contestant(QuasiRandomSearcher),
    "evolution": Contestant(partial(EvolutionSearcher, config=_AS_PUBLISHED, objective=_OBJECTIVE)),
    "plain evolution": Contestant(partial(EvolutionSearcher, config=_PLAIN, objective=_OBJECTIVE)),
    "local": Contestant(partial(LocalSearcher, objective=_OBJECTIVE)),
    "local by its authors": Contestant(
        partial(LocalSearcher, config=_LOCAL_BY_ITS_AUTHORS, objective=_OBJECTIVE)
    ),
    "mcts": Contestant(partial(MctsSearcher, objective=_OBJECTIVE)),
    "mcts_bisection": Contestant(partial(_by_name, "mcts_bisection", {})),
    "optuna": Contestant(partial(_by_name, "optuna", {}), 100),
    "smbo": Contestant(partial(SmboSearcher, objective=_OBJECTIVE), 100),
    "smbo by tree search": Contestant(partial(_by_name, "smbo", {"optimizer": "mcts"}), 40),
    "smbo with a forest": Contestant(partial(_by_name, "smbo", {"surrogate": "forest"}), 100),
    "bananas": Contestant(partial(BananasSearcher, objective=_OBJECTIVE), 100),
    "npenas": Contestant(partial(NpenasSearcher, objective=_OBJECTIVE), 100),
    "nasbowl": Contestant(partial(NasBowlSearcher, objective=_OBJECTIVE), 100),
    "reinforce": Contestant(partial(_by_name, "reinforce", {}), 100),
    "reinforce of the benchmark": Contestant(
        partial(_by_name, "reinforce", _REINFORCE_OF_THE_BENCHMARK), 100
    ),
    "ppo": Contestant(partial(_by_name, "ppo", {}), 100),
}
"""What can be compared, by name. All defaults are those of jarch, but for evolution, whose
population and tournaments are those of the published row, for local search as in the code of its
authors, which begins with ten at random and moves on at the first improvement, and for REINFORCE as
in the code of the benchmark's: a score for each operation on each edge, and an update a result.
Exhaustive search is left out, since it has no seeds and begins with a hundred of the poorest, and
so are searchers of several fidelities, for which the table has too few epochs."""

_CHUNKS = 8  # for each process, so that all are done at about the same time


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a searcher is run.

    Attributes:
        table: The file.
        signal: The column that the search goes by.
        seconds: At least so long a search goes on, on the simulated clock.
        evaluations: At least so many it makes.
    """

    table: Path
    signal: str = "c10v_val_12"
    seconds: float = 12_000.0
    evaluations: int = 100


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One search: for each evaluation the row of the best so far, and the time on the clock.

    Attributes:
        incumbents: Rows of the table: of the architecture with the best signal until then.
        seconds: When each evaluation was done.
    """

    incumbents: NDArray[np.int64]
    seconds: NDArray[np.float64]

    def evaluations_within(self, seconds: float) -> int:
        """Return how many evaluations were done by then."""
        return int(np.searchsorted(self.seconds, seconds, side="right"))

    def incumbent_after(self, evaluations: int) -> int:
        """Return the best row after so many evaluations, or after all where there were fewer."""
        return int(self.incumbents[min(evaluations, len(self.incumbents)) - 1])


def run_seeds(
    searcher: str, protocol: Protocol, seeds: Sequence[int], processes: int = 1
) -> list[Trajectory]:
    """Return the search of each seed, in the order of the seeds.

    Args:
        searcher: A name in `SEARCHERS`.
        protocol: How it is run.
        seeds: One for each search.
        processes: 1 to use no other than this.
    """
    run = partial(run_seed, searcher, protocol)
    if processes == 1:
        return [run(seed) for seed in seeds]
    chunk = max(1, len(seeds) // (processes * _CHUNKS))
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:  # threads of JAX do not fork
        return list(pool.map(run, seeds, chunksize=chunk))


def run_seed(searcher: str, protocol: Protocol, seed: int) -> Trajectory:
    """Return one search."""
    table = load_table(protocol.table)
    evaluate = nasbench201_evaluator(table, protocol.signal)
    incumbents: list[int] = []
    seconds: list[float] = []
    best, row = -np.inf, -1
    for step in simulate(SEARCHERS[searcher].make(_space()), evaluate, seed):
        if step.metrics["validation"] > best:
            best = step.metrics["validation"]
            row = table.find(step.suggestion.architecture)
        incumbents.append(row)
        seconds.append(step.seconds)
        if step.seconds > protocol.seconds and len(seconds) >= protocol.evaluations:
            break
    return Trajectory(np.array(incumbents), np.array(seconds))


@lru_cache(1)
def load_table(path: Path) -> Table:
    """Return the table, which each process reads once."""
    return read_nasbench201(path)


@lru_cache(1)
def _space() -> Space:
    return trace(spaces.nasbench201_cell)


def seconds_grid(protocol: Protocol, trajectories: Sequence[Trajectory]) -> Iterator[float]:
    """Yield times in steps of a hundredth of the budget at which every search had a result."""
    latest = max(trajectory.seconds[0] for trajectory in trajectories)
    for at in np.linspace(0.0, protocol.seconds, 101):
        if at >= latest:
            yield float(at)
