"""Processes that want one program at the same time: one compiles it, the others wait and read."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

SUFFIX = ".compiling"
_PATIENCE = 300.0  # seconds; who takes longer is not waited for
_PAUSE = 0.01


@contextmanager
def turn(folder: Path, name: str) -> Generator[None]:
    """Keep other processes out of a turn of this name meanwhile; wait for one that is in it.

    A process that ends in whatever way ends its turn, as the system sees to it. Where the system
    knows no locks of files, as on Windows and some network drives, nobody waits.

    Args:
        folder: Made where it is not there. A file lies there meanwhile.
        name: Of what is made in turn, such as the key of a program.
    """
    place = folder / f"{name}{SUFFIX}"
    held = _in_time(place)
    try:
        yield
    finally:
        if held is not None:
            with suppress(OSError):
                place.unlink(missing_ok=True)
            os.close(held)


def _in_time(place: Path) -> int | None:
    """Return a file that is locked; None where it cannot be, or not in time."""
    end = time.monotonic() + _PATIENCE
    try:
        while (held := _locked(place)) is None and time.monotonic() < end:
            time.sleep(_PAUSE)
    except OSError:  # a folder that may not be written to, or no such locks
        return None
    return held


def _locked(place: Path) -> int | None:
    """Return the file at a place, locked; None where another process has locked it.

    Raises:
        OSError: There cannot be such a file.
    """
    if sys.platform == "win32":
        raise OSError("no locks of files")
    place.parent.mkdir(parents=True, exist_ok=True)
    held = os.open(place, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(held), os.stat(place)):
            return held
    except (BlockingIOError, FileNotFoundError):  # or removed meanwhile by whoever had it
        pass
    except BaseException:
        os.close(held)
        raise
    os.close(held)
    return None
