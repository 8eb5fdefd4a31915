"""Options as people write them, held against the types of a configuration's fields."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from numbers import Integral, Real
from types import NoneType
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

import numpy as np


def check_options(
    what: str, config: type, options: Mapping[str, Any], error: type[Exception]
) -> dict[str, Any]:
    """Return options as the fields of a configuration take them.

    Numbers in another form become what the field holds: 1e3 is a whole number, 2 a real one. A
    bool is no number, and a text is neither: `"false"` would pass for true. A list stands for a
    tuple. What is no plain data is taken as it is.

    Args:
        what: Has the options, for the message.
        config: A dataclass with type hints.
        options: Values by the names of its fields.
        error: Of which kind to raise one.

    Raises:
        Exception: `error`, where there is no such field, or a value is of another type than it.

    Example:
        >>> import jarch as ja
        >>> evolution = "searcher evolution", ja.EvolutionConfig
        >>> check_options(*evolution, {"population": 1e3, "rate": 1}, ja.SearchError)
        {'population': 1000, 'rate': 1}
        >>> check_options(*evolution, {"aging": "false"}, ja.SearchError)
        Traceback (most recent call last):
        ...
        jarch.search.searcher.SearchError: searcher evolution: aging is 'false'; use True or False
    """
    hints, known = get_type_hints(config), [field.name for field in fields(config)]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise error(f"{what} has no option {', '.join(unknown)}; it has {', '.join(known)}")
    checked: dict[str, Any] = {}
    for name, value in options.items():
        try:
            checked[name] = _read(value, hints[name])
        except ValueError as wrong:
            raise error(f"{what}: {name} is {value!r}; use {wrong}") from None
    return checked


def _read(value: object, hint: Any) -> object:
    """Return a value in the form of a type.

    Raises:
        ValueError: It has none; the message says what has.
    """
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    if get_origin(hint) is Literal:
        if not isinstance(value, str) or value not in kinds:
            raise ValueError(f"one of {', '.join(kinds)}")
        return value
    if get_origin(hint) is tuple:
        return _items(value, kinds[0])
    optional = NoneType in get_args(hint)
    if optional and value is None:
        return None
    kind = kinds[0] if optional else hint
    reader = _READERS.get(get_origin(kind) or kind)
    if reader is None:
        return value
    try:
        return reader(value)
    except ValueError as error:
        raise ValueError(f"{error} or None" if optional else str(error)) from None


def _items(value: object, hint: Any) -> tuple[object, ...]:
    """Return the items of a list or a tuple, each in the form of a type."""
    if not isinstance(value, (list, tuple)):
        raise ValueError("a list")
    items = cast("Sequence[object]", value)
    try:
        return tuple([_read(item, hint) for item in items])
    except ValueError as wrong:
        raise ValueError(f"a list, each of it {wrong}") from None


def _bool(value: object) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError("True or False")
    return bool(cast(object, value))


def _whole(value: object) -> int:
    number = _number(value)
    if number is None or number != int(number):
        raise ValueError("a whole number")
    return int(number)


def _real(value: object) -> float:
    number = _number(value)
    if number is None:
        raise ValueError("a finite number")
    return number


def _number(value: object) -> int | float | None:
    """Return a finite number, NumPy's too, as one of Python's; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) and math.isfinite(value) else None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a text")
    return value


def _mapping(value: object) -> Mapping[str, Any]:
    named = cast("Mapping[object, Any]", value)
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in named):
        raise ValueError("a mapping from names to values")
    return cast("Mapping[str, Any]", value)


_READERS: Mapping[Any, Callable[[object], object]] = {
    bool: _bool,
    int: _whole,
    float: _real,
    str: _text,
    Mapping: _mapping,
}
"""For the type of a field what returns a value in its form, or says what would have one."""
