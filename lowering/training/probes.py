"""Choices by a short measurement, made once: in a process, and, with the cache, on a machine.

Some things have several ways whose results are equal and whose speed depends on the machine and the
program, such as stepping through candidates in turn or side by side. Whoever has such a choice
names it, says how to measure the ways, and is told which one to take.

A choice that was made lies in the folder of the compilation cache, one small file for each: it is
whole or not there, needs no lock, and one that is damaged is taken for missing.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from math import inf, isnan
from pathlib import Path
from threading import RLock
from typing import Any, Literal, NamedTuple, TypeAlias

from jarch.lowering.errors import LoweringError

from .compilation_cache import enable_compilation_cache, programs_folder
from .environment import environment
from .stored_programs import sweep

Measure: TypeAlias = Callable[[], Mapping[str, float]]
"""Returns the seconds that each way takes, by name; `math.inf` for one that cannot be taken."""

_FORMAT = "jarch.probe/1"
_LIMIT = 4 << 20  # bytes of files, some hundred each
_KEPT = 4096  # choices in memory
_SWEEP_EVERY = 16  # files written by this process between looks at the size of the folder

_made: dict[str, Probe] = {}
_overruled: dict[str, str] = {}
_measuring = RLock()  # two at a time would disturb each other; a measurement may hold another
_written = 0


class Probe(NamedTuple):
    """A choice, and why.

    Attributes:
        choice: The way to take.
        seconds: What each way took; empty where the choice was overruled.
        source: "measured" just now, from this "process", from the "folder", or "overruled".
    """

    choice: str
    seconds: Mapping[str, float]
    source: Literal["measured", "process", "folder", "overruled"]


def remembered_choice(
    kind: str,
    key: str,
    measure: Measure,
    *,
    names: Collection[str] | None = None,
    depends_on: Mapping[str, Any] | None = None,
) -> str:
    """Return the name of the way that takes the least time; measure only if that is not known.

    Args:
        kind: What is chosen, such as `"loop"`; what `overrule_choice` overrules.
        key: For what: all that the answer depends on beside the environment, such as a program key
            and a batch size.
        measure: Says how long each way takes. It runs in no two threads at once.
        names: The ways there are. A remembered one that is none of them is measured anew; None
            takes any.
        depends_on: The environment, as plain data; None for all that programs depend on: backend,
            devices, versions, processor, and how convolutions are computed.

    Raises:
        LoweringError: No way can be taken, or the one that overrules is not among the names.

    Example:
        >>> seconds = {"in turn": 0.3, "side by side": 0.1}
        >>> with overruled_choice("example", "in turn"):
        ...     remembered_choice("example", "some program", lambda: seconds)
        'in turn'
    """
    return remembered_probe(kind, key, measure, names=names, depends_on=depends_on).choice


def remembered_probe(
    kind: str,
    key: str,
    measure: Measure,
    *,
    names: Collection[str] | None = None,
    depends_on: Mapping[str, Any] | None = None,
) -> Probe:
    """Return what `remembered_choice` does with what it rests on."""
    overruled = overruling(kind)
    if overruled is not None:
        _require_known(kind, overruled, names)
        return Probe(overruled, {}, "overruled")
    place = _place(kind, key, environment() if depends_on is None else depends_on)
    with _measuring:
        held = _made.get(place)
        if held is not None and _among(held, names):
            return held
        enable_compilation_cache()
        folder = probes_folder()
        probe = _read(folder, place, kind, key, names) or _measured(kind, measure, names)
        if probe.source == "measured":
            # Where another process was first, what it chose holds for all.
            probe = _read(folder, place, kind, key, names) or probe
        if probe.source == "measured":
            _write(folder, place, kind, key, probe)
        _made[place] = probe._replace(source="process")
        while len(_made) > _KEPT:
            del _made[next(iter(_made))]
    return probe


def overrule_choice(kind: str, name: str | None) -> None:
    """Choose this way wherever a choice of a kind is to be made in this process, unmeasured.

    Args:
        kind: As `remembered_choice` has it.
        name: The way; None lets the measurement decide again.
    """
    if name is None:
        _overruled.pop(kind, None)
    else:
        _overruled[kind] = name


@contextmanager
def overruled_choice(kind: str, name: str | None) -> Generator[None]:
    """Overrule a kind of choice meanwhile; see `overrule_choice`."""
    before = overruling(kind)
    overrule_choice(kind, name)
    try:
        yield
    finally:
        overrule_choice(kind, before)


def overruling(kind: str) -> str | None:
    """Return the way that overrules a kind of choice; None where nothing does."""
    return _overruled.get(kind)


def forget_choices() -> None:
    """Forget what this process was told or has measured; what lies in the folder stays there."""
    with _measuring:
        _made.clear()


def probes_folder() -> Path | None:
    """Return where choices are remembered, or None where there is no cache."""
    programs = programs_folder()
    return None if programs is None else programs.with_name("probes")


def _place(kind: str, key: str, depends_on: Mapping[str, Any]) -> str:
    written = json.dumps([kind, key, depends_on], sort_keys=True, default=str)
    return sha256(written.encode()).hexdigest()


def _among(probe: Probe, names: Collection[str] | None) -> bool:
    return names is None or probe.choice in names


def _require_known(kind: str, name: str, names: Collection[str] | None) -> None:
    if names is not None and name not in names:
        raise LoweringError(f"{name!r} overrules {kind!r} but must be one of {sorted(names)}")


def _measured(kind: str, measure: Measure, names: Collection[str] | None) -> Probe:
    found = {name: inf if isnan(value) else float(value) for name, value in measure().items()}
    best = min(found, key=found.__getitem__, default=None)
    if best is None or found[best] == inf:
        raise LoweringError(f"of {kind!r} no way can be taken: none of {sorted(found)} has run")
    _require_known(kind, best, names)
    return Probe(best, found, "measured")


def _read(
    folder: Path | None, place: str, kind: str, key: str, names: Collection[str] | None
) -> Probe | None:
    """Return a choice that was written down, or None where there is none to be trusted."""
    if folder is None:
        return None
    path = folder / f"{place}.json"
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        if [held["format"], held["kind"], held["key"]] != [_FORMAT, kind, key]:
            return None
        seconds = {
            str(name): inf if value is None else float(value)
            for name, value in held["seconds"].items()
        }
        probe = Probe(held["choice"], seconds, "folder")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if probe.choice not in seconds or not _among(probe, names):
        return None
    with suppress(OSError):
        os.utime(path)  # the sweep removes what was not used for the longest time
    return probe


def _write(folder: Path | None, place: str, kind: str, key: str, probe: Probe) -> None:
    """Write a choice down, if that can be."""
    global _written
    if folder is None:
        return
    seconds = {name: None if value == inf else value for name, value in probe.seconds.items()}
    held = {"format": _FORMAT, "kind": kind, "key": key, "choice": probe.choice, "seconds": seconds}
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=folder, prefix=".writing-")
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(json.dumps(held, allow_nan=False) + "\n")
        Path(name).replace(folder / f"{place}.json")
        if _written % _SWEEP_EVERY == 0:
            sweep(folder.iterdir(), _LIMIT)
        _written += 1
