"""Readable keys: every hyperparameter made while a function is traced gets a path of its own.

The scope is the only state that is not passed in: functions that build a space make
hyperparameters at any depth, and their keys follow from where they are made alone.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from functools import lru_cache

from .errors import SpaceError

_NAME = re.compile(r"[^\W\d][\w.\-]*")
_NUMBERED = re.compile(r"-\d+$")


class Names:
    """Hands out names, each once: `conv`, `conv-1`, `conv-2`."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def unique(self, name: str) -> str:
        """Return `name`; if it was handed out before, with the next free number at its end."""
        if name not in self._last:
            self._last[name] = 0
            return name
        base = _NUMBERED.sub("", name)
        number = self._last.get(base, 0) + 1
        while (candidate := f"{base}-{number}") in self._last:
            number += 1
        self._last[base] = number
        self._last[candidate] = 0
        return candidate


@lru_cache(maxsize=4096)
def check_name(name: str) -> str:
    """Return `name`, or raise `SpaceError` where it cannot be part of a key."""
    if not _NAME.fullmatch(name):
        raise SpaceError(
            f"name {name!r}: use letters, digits, '_', '-' and '.', beginning with a letter or '_'"
        )
    return name


class _Scope:
    """Where keys begin, and the names handed out; most scopes hand out none."""

    __slots__ = ("names", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self.names: Names | None = None


_current: ContextVar[_Scope | None] = ContextVar("jarch_scope", default=None)


class scope:
    """Make the keys of hyperparameters created inside begin with a path: `with scope("block"):`."""

    __slots__ = ("_path", "_token")

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        self._token = _current.set(_Scope(self._path))

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


def new_key(name: str) -> str:
    """Return a fresh key in the scope being traced.

    Raises:
        SpaceError: Nothing is being traced, or the name does not do.
    """
    current = _current.get()
    if current is None:
        raise SpaceError(
            f"hyperparameter {name!r} is made outside of a space function; make it inside the "
            "function that you give to jarch.trace, so that it gets a key"
        )
    if current.names is None:
        current.names = Names()
    unique = current.names.unique(check_name(name))
    return f"{current.path}/{unique}" if current.path else unique
