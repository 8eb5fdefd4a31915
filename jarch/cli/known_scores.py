"""Architectures with scores that are known: of a run, a table or a function."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np

from jarch.ir import Architecture, Space, SpaceError, replay
from jarch.runs import Evaluation, read_run
from jarch.search import SpaceExhausted, make_searcher
from jarch.surrogates import FloatArray
from jarch.tabular import MissingResult, Table, read_nasbench201, read_table

from .naming import find_space, find_space_function

_SIGNAL = "c10v_val_12"
_DRAWS = 10  # times as many as are wanted, where a table lacks some


@dataclass(frozen=True, slots=True)
class Known:
    """Architectures, all different, with their scores.

    Attributes:
        architectures: N of them.
        scores: Of each: shape (n,).
        maximize: Whether more is better.
        what: The scores are, for people to read.
        left_out: How many architectures were drawn of which there is no score.
    """

    architectures: Sequence[Architecture]
    scores: FloatArray
    maximize: bool
    what: str
    left_out: int = 0


def from_run(
    space: str, arguments: Sequence[str], folder: Path, metric: str | None, maximize: bool
) -> Known:
    """Return what a run has evaluated, each candidate once and as thoroughly as it was.

    Args:
        space: Its name.
        arguments: Of the space function; where there are none, those of the run.
        folder: Of the run.
        metric: Which; by default its objective.
        maximize: Whether more of another metric is better; of its objective the run knows.

    Raises:
        RunError: The folder holds no run.
        SpaceError: The run was of another space, or knows no such metric.
    """
    run = read_run(folder)
    objective = str(run.settings["objective"])
    name = metric or objective
    traced = find_space(space, arguments or run.settings.get("space_args", ()))
    found = {e.fingerprint: e for e in _most_thorough(run.evaluations) if e.score(name) is not None}
    if not found:
        known = sorted({name for e in _most_thorough(run.evaluations) for name in e.metrics})
        raise SpaceError(
            f"{folder} has no {name!r} of any candidate; it has {', '.join(known) or 'none'}"
        )
    scores = np.array([e.metrics[name] for e in found.values()], np.float64)
    try:
        architectures = [replay(traced, dict(e.decisions)) for e in found.values()]
    except SpaceError as error:
        raise SpaceError(f"{folder} is a run of another space: {error}") from error
    if name == objective:
        maximize = bool(run.settings["maximize"])
    return Known(architectures, scores, maximize, f"{name} of {folder}")


def _most_thorough(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """Return the evaluations that succeeded; of several of a model the last with most fidelity."""
    done = [e for e in evaluations if e.status == "ok"]
    return sorted(done, key=lambda e: math.inf if e.fidelity is None else e.fidelity)


def from_table(
    space: Space,
    path: Path,
    key_columns: Sequence[str],
    column: str | None,
    number: int,
    seed: int,
    maximize: bool,
) -> Known:
    """Return architectures drawn at random with what a table says of them.

    Those that it lacks are left out, and others drawn in their place.

    Args:
        space: That the table is of.
        path: Of the CSV file.
        key_columns: Each "column" or "column=decision"; none for the table of NAS-Bench-201.
        column: Of the scores; may be left out for NAS-Bench-201.
        number: How many architectures.
        seed: Of the draws.
        maximize: Whether more is better.

    Raises:
        TableError: The table cannot be read, or lacks the column or all architectures.
        SpaceError: No column was named.
    """
    if key_columns and column is None:
        raise SpaceError("name the scores in the table with --column")
    column = column or _SIGNAL
    table: Table
    if key_columns:
        pairs = [text.partition("=") for text in key_columns]
        decisions = {name: decision or name for name, _, decision in pairs}
        table = read_table(path, decisions, columns=[column])
    else:
        table = read_nasbench201(path)
    table.column(column)
    return _looked_up(space, table, column, number, seed, maximize)


def _looked_up(
    space: Space, table: Table, column: str, number: int, seed: int, maximize: bool
) -> Known:
    """Return so many architectures of a table, or as many as are found in tenfold draws.

    Raises:
        MissingResult: None is found.
    """
    nets: list[Architecture] = []
    scores: list[float] = []
    missing: list[MissingResult] = []
    for net in islice(draw_different(space, seed), _DRAWS * number):
        if len(nets) == number:
            break
        try:
            scores.append(table.value(table.find(net), column))
            nets.append(net)
        except MissingResult as error:
            missing.append(error)
    if missing and not nets:
        raise MissingResult(f"none of {len(missing):,} architectures has a score: {missing[0]}")
    what = f"{column} of {table.name}"
    return Known(nets, np.array(scores), maximize, what, left_out=len(missing))


def from_function(
    space: Space, name: str, metric: str | None, number: int, seed: int, maximize: bool
) -> Known:
    """Return architectures drawn at random with what a function says of them.

    Args:
        space: To draw from.
        name: Of the function, as "module:function" or "path.py:function"; it takes an architecture.
        metric: Which number, where it returns several.
        number: How many architectures.
        seed: Of the draws.
        maximize: Whether more is better.

    Raises:
        SpaceError: There is no such function, or what it returns is no finite number.
    """
    if ":" not in name:
        raise SpaceError(f"function {name!r}: write module:function or path.py:function")
    function = cast(Callable[[Architecture], Any], find_space_function(name))
    nets = list(islice(draw_different(space, seed), number))
    scores = [_number(function(net), metric, name) for net in nets]
    return Known(nets, np.array(scores), maximize, f"{metric or 'score'} by {name}")


def _number(value: Any, metric: str | None, name: str) -> float:
    if isinstance(value, Mapping):
        named = cast("Mapping[str, Any]", value)
        if metric is None or metric not in named:
            raise SpaceError(
                f"{name} returns {', '.join(named)}; say by --metric which is the score"
            )
        value = named[metric]
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise SpaceError(f"{name} returned {value!r}; a score is a finite number")
    return number


def draw_different(space: Space, seed: int) -> Iterator[Architecture]:
    """Yield architectures drawn at random, of which no two are equal, until all are drawn."""
    searcher, rng = make_searcher("random", space), np.random.default_rng(seed)
    while True:
        try:
            suggestion = searcher.ask(rng)
        except SpaceExhausted:
            return
        yield suggestion.architecture
