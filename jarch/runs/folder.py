"""The files of a run folder.

    run.json            what was asked for: space, data, seed, options, versions
    evaluations.jsonl   one line of JSON for each evaluation, appended as it ends
    best.txt, best.json the best architecture so far
    weights/            its trained weights
    results.json        what came out, when the search has ended
    .lock               keeps a second search out while one is going on

Nothing else is needed to resume: a search is determined by its settings, so it is run again with
the metrics that are already known.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

from jarch.ir import Architecture, to_json, to_text

from .evaluation import Evaluation
from .files import append_line, read_whole_lines, write_whole

SETTINGS = "run.json"
EVALUATIONS = "evaluations.jsonl"
BEST_TEXT = "best.txt"
BEST_JSON = "best.json"
WEIGHTS = "weights"
RESULTS = "results.json"

_FORMAT = "jarch.run/1"
_MAY_CHANGE = frozenset({"evaluations", "seconds"})  # how far to go, not where
_PACKAGES = ("jarch", "jax", "flax", "optax", "numpy")


class RunError(ValueError):
    """A run folder that cannot be used this way; the message names it and says what to do.

    Example:
        >>> try:
        ...     read_run(Path("nowhere"))
        ... except RunError as error:
        ...     print(error)
        nowhere holds no run: there is no run.json in it
    """


@dataclass(frozen=True, slots=True)
class Run:
    """What a run folder holds.

    Attributes:
        folder: Where.
        settings: What was asked for.
        versions: Of the packages that began it.
        evaluations: By index.
        results: What came out, or None where the search has not ended.

    Example:
        >>> import tempfile
        >>> import jarch as ja
        >>> def width(architecture, seed):
        ...     return {"width": architecture.values[1]}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     found = ja.random_search(
        ...         ja.spaces.digits_dense, width, 3, objective="width", folder=folder
        ...     )
        ...     run = ja.read_run(Path(folder))
        >>> run.settings["evaluations"], len(run.evaluations), run.results
        (3, 3, None)
    """

    folder: Path
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    evaluations: tuple[Evaluation, ...]
    results: Mapping[str, Any] | None


def is_run(folder: Path) -> bool:
    """Say whether the folder holds a run.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     is_run(Path(folder))
        ...     begin_run(Path(folder), {})
        ...     is_run(Path(folder))
        False
        True
    """
    return (folder / SETTINGS).is_file()


def begin_run(folder: Path, settings: Mapping[str, Any]) -> None:
    """Make a run folder and write down what was asked for, which is plain data.

    Raises:
        RunError: The folder holds a run already, or is not one that can be written to.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     begin_run(Path(folder) / "first", {"evaluations": 10, "seed": 0})
        ...     read_run(Path(folder) / "first").settings
        {'evaluations': 10, 'seed': 0}
    """
    if is_run(folder):
        raise RunError(f"{folder} holds a run already; resume it, or name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_settings(folder, settings, versions())
    except OSError as error:
        raise RunError(f"{folder} cannot be written to: {error}; name another folder") from error


def resume_run(folder: Path, settings: Mapping[str, Any]) -> tuple[Evaluation, ...]:
    """Return what a run has evaluated so far, ready to be appended to.

    How many evaluations and seconds to go on for may change; all other settings must be as before.
    A last line that a crash cut short is dropped.

    Raises:
        RunError: The folder holds no run, or one with other settings.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     begin_run(Path(folder), {"evaluations": 10, "seed": 0})
        ...     append_evaluation(Path(folder), Evaluation(0, 7, (("width", 16),), "d41d", "ok"))
        ...     known = resume_run(Path(folder), {"evaluations": 20, "seed": 0})
        >>> [evaluation.values for evaluation in known]
        [(16,)]
    """
    run = read_run(folder, repair=True)
    asked = json.loads(json.dumps(settings))
    for name in sorted({*run.settings, *asked} - _MAY_CHANGE):
        before, now = run.settings.get(name), asked.get(name)
        if before != now:
            raise RunError(
                f"{folder}: the run began with {name} = {before!r}, not {now!r}; resume it with "
                "the settings it began with, or begin another in another folder"
            )
    _write_settings(folder, asked, run.versions)
    return run.evaluations


def read_run(folder: Path, repair: bool = False) -> Run:
    """Return what a run folder holds.

    Args:
        folder: Of a run that goes on, was interrupted or has ended.
        repair: Cut off a last line that a crash cut short, to append after it.

    Raises:
        RunError: The folder holds no run, or one that cannot be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     begin_run(Path(folder), {"evaluations": 10, "seed": 0})
        ...     append_evaluation(Path(folder), Evaluation(0, 7, (("width", 16),), "d41d", "ok"))
        ...     run = read_run(Path(folder))
        >>> run.settings["seed"], len(run.evaluations), run.results
        (0, 1, None)
    """
    if not is_run(folder):
        raise RunError(f"{folder} holds no run: there is no {SETTINGS} in it")
    read = _read_json(folder / SETTINGS)
    if read.get("format") != _FORMAT:
        raise RunError(f"{folder / SETTINGS} is not in the format {_FORMAT!r}; update jarch")
    path = folder / EVALUATIONS
    evaluations: list[Evaluation] = []
    for number, line in enumerate(read_whole_lines(path, repair), 1):
        try:
            evaluations.append(Evaluation.from_line(line))
        except ValueError as error:
            raise RunError(f"{path}, line {number}: {error}; remove it and all after") from error
        if evaluations[-1].index != number - 1:
            raise RunError(f"{path}, line {number}: evaluation {number - 1} is missing")
    results = folder / RESULTS
    return Run(
        folder,
        read["settings"],
        read["versions"],
        tuple(evaluations),
        _read_json(results) if results.exists() else None,
    )


def append_evaluation(folder: Path, evaluation: Evaluation) -> None:
    """Append one evaluation: its line is on the disk when this returns.

    Example:
        >>> import tempfile
        >>> failed = Evaluation(0, 7, (("width", 16),), "d41d", "failed", reason="out of memory")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     append_evaluation(Path(folder), failed)
        ...     lines = (Path(folder) / EVALUATIONS).read_text().splitlines()
        >>> Evaluation.from_line(lines[0]) == failed
        True
    """
    append_line(folder / EVALUATIONS, evaluation.to_line())


def write_best(folder: Path, architecture: Architecture) -> None:
    """Write the best architecture as text and as JSON.

    Example:
        >>> import tempfile
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(ja.spaces.digits_dense), [1, 16, "relu"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_best(Path(folder), net)
        ...     ja.from_json((Path(folder) / BEST_JSON).read_text()) == net
        True
    """
    write_whole(folder / BEST_TEXT, to_text(architecture))
    write_whole(folder / BEST_JSON, to_json(architecture, indent=1) + "\n")


def write_results(folder: Path, results: Mapping[str, Any]) -> None:
    """Write what came out of the search.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     begin_run(Path(folder), {"seed": 0})
        ...     write_results(Path(folder), {"test": {"accuracy": 0.9}})
        ...     read_run(Path(folder)).results
        {'test': {'accuracy': 0.9}}
    """
    write_whole(folder / RESULTS, json.dumps(results, indent=1) + "\n")


def _write_settings(folder: Path, settings: Mapping[str, Any], versions: Mapping[str, str]) -> None:
    content = {"format": _FORMAT, "settings": settings, "versions": versions}
    write_whole(folder / SETTINGS, json.dumps(content, indent=1) + "\n")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        read: object = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(f"{path} is not JSON: {error}") from error
    if not isinstance(read, dict):
        raise RunError(f"{path} holds no JSON object")
    return cast("dict[str, Any]", read)


def versions() -> dict[str, str]:
    """Return the versions of jarch and of what its results depend on, by package.

    Example:
        >>> list(versions())
        ['jarch', 'jax', 'flax', 'optax', 'numpy']
    """
    found: dict[str, str] = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
