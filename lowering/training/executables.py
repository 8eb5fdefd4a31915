"""Programs that are compiled: each once in a process, and, with the cache, once on a machine."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from pathlib import Path
from threading import Lock, get_ident
from typing import Any, TypeAlias

import jax

from .compilation_cache import programs_folder
from .stored_programs import read_program, write_program
from .turns import turn

Executable: TypeAlias = Callable[..., Any]

LIMIT = 64  # programs kept, some 5 to 20 MB each
SMALL_LIMIT = 1024  # programs of a segment kept, some 0.3 MB each
TRACED_LIMIT = 1024  # compilations after which JAX forgets what it traced, some 25 kB each

_programs: OrderedDict[Hashable, Future[Executable]] = OrderedDict()
_small: OrderedDict[Hashable, Future[Executable]] = OrderedDict()
_lock = Lock()
_counts: Counter[str] = Counter()
_compiling: Counter[str] = Counter()  # how many compile now, and were compiled since JAX forgot
_by_jax: Counter[tuple[int, str]] = Counter()  # by thread: what JAX compiled, or had in its cache
_forget_traces: Callable[[], None] = jax.clear_caches  # JAX does not say the types of this


_COMPILED, _CACHED = (
    "/jax/core/compile/backend_compile_duration",
    "/jax/compilation_cache/cache_hits",
)


def _listen(event: str, *_: float, **__: Any) -> None:
    if event in (_COMPILED, _CACHED):
        _by_jax[get_ident(), event] += 1


jax.monitoring.register_event_listener(_listen)
jax.monitoring.register_event_duration_secs_listener(_listen)


def executable(
    key: str, own: Hashable, compile_it: Callable[[], Executable], small: bool = False
) -> Executable:
    """Return the program of a key: from this process, from the cache's folder, or compiled.

    Threads that ask for one key at the same time compile it once.

    Args:
        key: The sha256 of all that shapes it.
        own: Objects that shape it too and that have no lasting name, such as a user's functions;
            None where there are none. Such a program is not kept in the folder.
        compile_it: Traces and compiles.
        small: Whether it is of a segment: more of these are kept.
    """
    waiting: Future[Executable] = Future()
    kept, limit = (_small, SMALL_LIMIT) if small else (_programs, LIMIT)
    with _lock:
        found = kept.setdefault((key, own), waiting)
        kept.move_to_end((key, own))
    if found is not waiting:
        return found.result()
    try:
        waiting.set_result(_made(key, own, compile_it))
    except BaseException as error:
        with _lock:
            kept.pop((key, own), None)
        waiting.set_exception(error)
        raise
    with _lock:
        while len(kept) > limit:
            kept.popitem(last=False)
    return waiting.result()


def forget_programs() -> None:
    """Free what was compiled for training and evaluation; later calls compile anew, or read.

    There is seldom a need: no more than some tens of programs, and a thousand of segments, are kept
    in memory.
    """
    with _lock:
        _programs.clear()
        _small.clear()


def program_counts() -> dict[str, int]:
    """Return how many programs this process compiled, and how many it read from the cache.

    Example:
        >>> sorted(program_counts()) == ["compiled", "read"]
        True
    """
    return {name: _counts[name] for name in ("compiled", "read")}


def _made(key: str, own: Hashable, compile_it: Callable[[], Executable]) -> Executable:
    folder: Path | None = programs_folder() if own is None else None
    if folder is None:
        return _compiled(compile_it)
    return _read(folder, key) or _made_in_turn(folder, key, compile_it)


def _made_in_turn(folder: Path, key: str, compile_it: Callable[[], Executable]) -> Executable:
    """Compile what is not in the folder, or read what another process has compiled meanwhile."""
    with turn(folder, key):
        read = _read(folder, key)
        if read is not None:
            return read
        before = _counted_by_jax()
        compiled = _compiled(compile_it)
        after = _counted_by_jax()
        # What JAX itself read from its cache lacks functions when it is written once more. And it
        # may have read it long ago: what it has in memory it tells no event of.
        if after[_COMPILED] > before[_COMPILED] and after[_CACHED] == before[_CACHED]:
            write_program(folder, key, compiled)
        return compiled


def _counted_by_jax() -> dict[str, int]:
    return {event: _by_jax[get_ident(), event] for event in (_COMPILED, _CACHED)}


def _read(folder: Path, key: str) -> Executable | None:
    read = read_program(folder, key)
    _counts["read"] += read is not None
    return read


def _compiled(compile_it: Callable[[], Executable]) -> Executable:
    """Compile, and now and then have JAX forget its traces.

    Of its own functions, those of `jax.numpy` say, JAX keeps a trace for each combination of
    shapes, however many: a search over widths would take ever more memory. Programs stay as they
    are.
    """
    with _lock:
        _compiling["now"] += 1
    try:
        compiled = compile_it()
        _counts["compiled"] += 1
        return compiled
    finally:
        with _lock:
            _compiling["now"] -= 1
            _compiling["since"] += 1
            if _compiling["since"] >= TRACED_LIMIT and not _compiling["now"]:
                _compiling["since"] = 0
                _forget_traces()
