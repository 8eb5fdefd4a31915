"""Compiled programs in a folder: written once, read by any number of processes.

A file is written aside and moved into its place, so it is whole or not there. It begins with a
hash of the rest: one that was cut off or damaged is taken for missing. Reading a file runs what is
in it, as with any cache of machine code, so the folder must be the user's own.
"""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from jax.experimental import serialize_executable

from .compilation_cache import jax_entries, size_limit

SUFFIX = ".program"
_MAGIC = b"jarch.program/2\n"
_HASH = 32
_LOOKS = 32  # at all files, while as much is written as the folder may hold

_unseen: int | None = None  # bytes written by this process since its last look; None before it


def read_program(folder: Path, key: str) -> Callable[..., Any] | None:
    """Return the program of a key, or None where there is none that can be run."""
    path = folder / f"{key}{SUFFIX}"
    try:
        held = path.read_bytes()
        body = held[len(_MAGIC) + _HASH :]
        if held[: len(_MAGIC) + _HASH] != _MAGIC + sha256(body).digest():
            raise ValueError("the file is damaged")
        program: Callable[..., Any] = serialize_executable.deserialize_and_load(*pickle.loads(body))
        os.utime(path)  # the sweep removes what was not used for the longest time
    except FileNotFoundError:
        return None
    except Exception:  # whatever is wrong with a file, compiling anew is right
        with suppress(OSError):
            path.unlink(missing_ok=True)
        return None
    return program


def write_program(folder: Path, key: str, compiled: Any) -> bool:
    """Write a program; return whether it could be."""
    try:
        body = pickle.dumps(serialize_executable.serialize(compiled))
        _put(folder, f"{key}{SUFFIX}", _MAGIC + sha256(body).digest() + body)
    except Exception:  # a full disk, a folder that may not be written to, a backend that cannot
        return False
    _make_room(folder, len(body))
    return True


def sweep(files: Iterable[Path], limit: int) -> None:
    """Remove files not used for the longest time until the rest is no larger than the limit.

    Args:
        files: Programs, and what a process that died left half written. What cannot be removed
            stays.
        limit: In bytes, for all of them.
    """
    found: list[tuple[float, int, Path]] = []
    for path in files:
        try:
            status = path.stat()
        except OSError:
            continue  # another process removed it
        found.append((status.st_mtime, status.st_size, path))
    held = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if held <= limit:
            return
        with suppress(OSError):  # a folder, or another user's: not ours to bound
            path.unlink(missing_ok=True)
        held -= size


def _put(folder: Path, name: str, held: bytes) -> None:
    """Write a file aside and move it into its place."""
    folder.mkdir(parents=True, exist_ok=True)
    number, aside = tempfile.mkstemp(dir=folder, prefix=".writing-")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(held)
        os.replace(aside, folder / name)
    finally:
        Path(aside).unlink(missing_ok=True)  # it is still there only where that failed


def _make_room(folder: Path, written: int) -> None:
    """Look through the folder if so much was written since the last look that it may be full."""
    global _unseen
    limit = size_limit()
    _unseen = None if _unseen is None else _unseen + written
    if _unseen is None or _unseen * _LOOKS >= limit:
        with suppress(OSError):  # somebody removed the folder
            # Room for what comes until the next look, and as much in JAX's own cache.
            sweep([*folder.iterdir(), *jax_entries()], limit - 2 * limit // _LOOKS)
        _unseen = 0
