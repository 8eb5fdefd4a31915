"""One search at a time in a run folder: two would write over each other."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, get_ident

from .folder import RunError, is_run

if sys.platform != "win32":
    import fcntl

LOCK = ".lock"

_mutex = Lock()
_threads: dict[Path, int] = {}  # which thread of this process searches in a folder


@contextmanager
def locked_run(folder: Path | None, resume: bool = False) -> Generator[None]:
    """Keep other searches out of a run folder meanwhile, those of other processes too.

    A process that ends in whatever way leaves the folder free, as the system sees to it: the file
    `.lock` that stays there means nothing by itself. The thread that has the folder may lock it
    once more. Where the system knows no such locks, as on Windows and some network drives, only
    this process is kept from searching there twice.

    Args:
        folder: Made where it is not there; None locks nothing.
        resume: Whether there is to be a run in it; where there is none, nothing is made or locked.

    Raises:
        RunError: Another search is going on in it, or it cannot be written to.

    Example:
        >>> import tempfile
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> def search(folder):
        ...     with locked_run(folder):
        ...         return "done"
        >>> with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor() as others:
        ...     with locked_run(Path(place)):
        ...         refused = others.submit(search, Path(place)).exception()
        ...     print(type(refused).__name__, others.submit(search, Path(place)).result())
        RunError done
    """
    if folder is None or (resume and not is_run(folder)):
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        place = folder.resolve()
        descriptor = _enter(place, folder)
    except OSError as error:
        raise RunError(f"{folder} cannot be written to: {error}; name another folder") from error
    try:
        yield
    finally:
        if descriptor is not None:
            with _mutex:
                del _threads[place]
                os.close(descriptor)  # which frees it


def _enter(place: Path, folder: Path) -> int | None:
    """Return the open file that holds the lock, or None where this thread has it already."""
    with _mutex:
        thread = _threads.get(place)
        if thread == get_ident():
            return None
        if thread is not None:
            raise RunError(_taken(folder, "another thread of this process"))
        descriptor = _lock(place, folder)
        _threads[place] = get_ident()
        return descriptor


def _lock(place: Path, folder: Path) -> int:
    """Lock a folder for this process; return the open file that holds the lock."""
    descriptor = os.open(place / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _take(descriptor)
    except BlockingIOError:
        holder = os.read(descriptor, 200).decode(errors="replace").strip()
        os.close(descriptor)
        raise RunError(_taken(folder, holder or "another process")) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
    return descriptor


def _take(descriptor: int) -> None:
    if sys.platform == "win32":
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # a drive that knows no locks
        return


def _taken(folder: Path, by: str) -> str:
    return (
        f"{folder}: {by} is searching there; wait until it has ended, or end it, or name another "
        "folder"
    )
