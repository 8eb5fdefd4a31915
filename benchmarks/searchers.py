"""Measures what searchers themselves take: `python -m benchmarks.searchers --json FILE`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeAlias
from zlib import crc32

import numpy as np
import tyro
from rich.console import Console

import jarch as ja
from jarch.search import SEARCHERS, Searcher, make_searcher

from .core import markdown_table, table
from .figures import NO_GOAL, Figure, Goal
from .measure import Make, Pair, Run, time_alone, time_in_turn, warm
from .spaces import choices
from .transitions import samples

OBSERVATIONS = 1000
ORIGINAL = 430  # samples a second of the original's tree search
DEEP, SHALLOW = 100, 10

GOALS: Mapping[str, Goal] = {
    "random": Goal(None, 0.5),
    "evolution": Goal(None, 1),
    "mcts": Goal(None, 1),
    "bananas": Goal(None, 1000),
}
"""Of ask + tell, in milliseconds."""

FITTING = frozenset({"smbo", "bananas", "npenas", "nasbowl", "parego"})
"""Searchers that fit a model. They are told of architectures that chance has drawn."""

_GREEDY = {"exploration": 0.0}  # lets the tree grow as deep as it can
_TREE: Mapping[str, Figure] = {
    "mcts_decision_100_vs_10": Figure(
        f"`mcts`, ask + tell a decision, in a space of {DEEP} decisions against one of {SHALLOW}",
        Goal(None, 1.2),
    ),
    "mcts_greedy_decision_100_vs_10": Figure(
        "the same without exploration, whose tree grows 80 levels deep", Goal(None, 1.2)
    ),
    "mcts_samples_a_second": Figure(
        f"`mcts` on `mobilenet`, the first {OBSERVATIONS} samples; the original: {ORIGINAL}",
        Goal(3 * ORIGINAL, None),
    ),
}

Show: TypeAlias = Callable[[str], None]
_Measured: TypeAlias = Iterator[tuple[str, float, str]]


def main(
    searchers: str = "",
    json_file: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
    markdown: bool = False,
) -> None:
    """Measure ask + tell of each searcher, and tree search; some minutes on two idle cores.

    Args:
        searchers: Names with commas between; all by default.
        json_file: Where to write the figures, as one object of names and numbers.
        markdown: Print the table as it stands in benchmarks/README.md.
    """
    names = tuple(searchers.split(",")) if searchers else SEARCHERS
    values = measure(names, lambda line: print(line, file=sys.stderr, flush=True))
    shown = figures(names)
    if json_file is not None:
        json_file.write_text(json.dumps(values, indent=2) + "\n")
    if markdown:
        print(markdown_table(values, shown))
    else:
        Console().print(table(values, shown))


def figures(names: Sequence[str]) -> dict[str, Figure]:
    """Return what is measured for these searchers."""
    made: dict[str, Figure] = {}
    for name in names:
        goal = GOALS.get(name, NO_GOAL)
        made[f"{name}_ms"] = Figure(f"`{name}`, ask + tell, ms", goal)
        made[f"{name}_vs_sample"] = Figure("the same against one `sample`", NO_GOAL)
    return made | (dict(_TREE) if "mcts" in names else {})


def measure(
    names: Sequence[str], show: Show, observations: int = OBSERVATIONS
) -> dict[str, float | None]:
    """Measure the figures of these searchers.

    Args:
        names: Of searchers.
        show: Is given a line on each measurement when it is done.
        observations: So many each searcher has when it is timed.
    """
    values: dict[str, float | None] = {}
    for name, value, note in _all(names, observations):
        values[name] = value
        show(f"{name}: {value:.4g}  ({note})")
    return values


def compare_with_sample(name: str, observations: int) -> Pair:
    """Time ask + tell of a searcher against a random architecture of the same space.

    A searcher goes on from timing to timing, but one that fits a model is made anew for each, so
    that what is timed is the ask that fits it.
    """
    space = ja.trace(ja.spaces.nasbench201_cell)
    draw = samples(ja.spaces.nasbench201_cell)
    if name in FITTING:
        return time_in_turn(_informed(name, space, observations), warm(draw), 5, (1, 200))
    step = _stepping(make_searcher(name, space))
    for _ in range(observations):
        step()
    return time_in_turn(warm(step), warm(draw), rounds=15, times=(10, 10))


def compare_depths(observations: int, options: Mapping[str, float]) -> Pair:
    """Time ask + tell of tree search in a space of many decisions against one of few."""

    def step_of(decisions: int) -> Run:
        step = _stepping(make_searcher("mcts", ja.trace(lambda: choices(decisions)), options))
        for _ in range(observations):
            step()
        return step

    return time_in_turn(warm(step_of(DEEP)), warm(step_of(SHALLOW)), rounds=15, times=(5, 50))


def _all(names: Sequence[str], observations: int) -> _Measured:
    for name in names:
        pair = compare_with_sample(name, observations)
        yield f"{name}_ms", pair.first.median * 1e3, f"best {pair.first.best * 1e3:.3g} ms"
        yield f"{name}_vs_sample", pair.ratio, f"a sample takes {pair.second.median * 1e3:.3g} ms"
    if "mcts" not in names:
        return
    for name, options in zip(_TREE, ({}, _GREEDY), strict=False):
        pair = compare_depths(observations, options)
        deep, shallow = pair.first.median * 1e3, pair.second.median * 1e3
        yield name, pair.ratio * SHALLOW / DEEP, f"{deep:.3g} ms against {shallow:.3g} ms"
    taken = time_alone(_first_samples(observations), rounds=5)
    rates = [observations / seconds for seconds in taken]
    yield "mcts_samples_a_second", rates[0], f"best {rates[1]:.4g}"


def _first_samples(observations: int) -> Make:
    """Return what prepares tree search on `mobilenet`, traced anew."""

    def make() -> Run:
        step = _stepping(make_searcher("mcts", ja.trace(ja.spaces.mobilenet)))
        return lambda: [step() for _ in range(observations)]

    return make


def _informed(name: str, space: ja.Space, observations: int) -> Make:
    """Return what prepares a searcher that was told of random architectures."""
    chance, rng = make_searcher("random", space), np.random.default_rng(1)
    told = [chance.ask(rng) for _ in range(observations)]

    def make() -> Run:
        searcher = make_searcher(name, space)
        searcher.ask(np.random.default_rng(2))  # the first is random in any case
        for suggestion in told:
            searcher.tell(suggestion, {"accuracy": accuracy(suggestion.architecture)})
        return _stepping(searcher)

    return make


def _stepping(searcher: Searcher) -> Run:
    """Return a run that asks and tells once."""
    rng = np.random.default_rng(0)

    def step() -> None:
        suggestion = searcher.ask(rng)
        searcher.tell(suggestion, {"accuracy": accuracy(suggestion.architecture)})

    return step


def accuracy(architecture: ja.Architecture) -> float:
    """Return a made up score from 0 to 1, to which each decision adds something of its own."""
    values = architecture.values
    return sum(crc32(f"{i}{v}".encode()) for i, v in enumerate(values)) / (len(values) << 32)


if __name__ == "__main__":
    tyro.cli(main)
