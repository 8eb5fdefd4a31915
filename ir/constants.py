"""Plain values: what hyperparameters take and what properties of an architecture hold."""

from __future__ import annotations

import math
from typing import Any, TypeAlias, cast

from .errors import SpaceError

Constant: TypeAlias = "bool | int | float | str | tuple[Constant, ...] | None"

_SCALARS = frozenset({bool, int, float, str, type(None)})


def as_constant(value: object, where: str) -> Constant:
    """Return `value` as plain data that JSON can hold: lists become tuples, NumPy scalars Python's.

    Args:
        value: A bool, int, float, str, None, NumPy scalar, or a list or tuple of those.
        where: What holds the value; the error begins with it.

    Raises:
        SpaceError: Any other type, or a float that is not finite.

    Example:
        >>> as_constant([3, 3], "kernel_size")
        (3, 3)
    """
    if value.__class__ in _SCALARS:
        if isinstance(value, float) and not math.isfinite(value):
            raise SpaceError(f"{where}: {value} is not a finite number; use a finite one")
        return cast(Constant, value)
    if isinstance(value, (list, tuple)):
        return tuple(as_constant(item, where) for item in cast(list[object], value))
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "shape", None) == ():
        return as_constant(item(), where)
    raise SpaceError(
        f"{where}: {value!r} is a {type(value).__name__}, not plain data; use a bool, int, float, "
        "str, None or a tuple of those (for functions and objects, a name that you look up)"
    )


def typed(value: Constant) -> Any:
    """Return a key that tells `1`, `1.0` and `True` apart, which Python's equality does not."""
    if isinstance(value, tuple):
        return tuple(map(typed, value))
    return value.__class__, value


def format_constant(value: Constant) -> str:
    """Return the value as it stands in messages and in the text form: as a Python literal."""
    return repr(value)
