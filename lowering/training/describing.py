"""Values as plain data that another process makes of equal ones, functions among them."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (functions enclose anything)

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from hashlib import sha256
from numbers import Integral, Real
from types import FunctionType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def described(value: object) -> Any:
    """Return a value as plain data.

    Equal numbers are described alike, whatever their type, and arrays by their contents. A function
    is described by module and name, by its default values, and by what it encloses: those that one
    factory makes of equal arguments are alike. Its code is not looked at, nor are the attributes of
    objects, so two functions of one name that enclose equal values are alike too.

    Example:
        >>> def decay(rate):
        ...     def schedule(step):
        ...         return rate / (step + 1)
        ...     return schedule
        >>> [described(decay(1.0)) == described(decay(rate)) for rate in (1, 2)]
        [True, False]
    """
    return _described(value, ())


def _described(value: Any, around: tuple[int, ...]) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (Integral, np.bool_)):
        return int(value)
    if isinstance(value, Real):
        number = float(value)
        return int(number) if number.is_integer() else number
    if id(value) in around:
        return ["around"]  # a function that encloses itself
    inside = (*around, id(value))

    def each(values: Iterable[Any]) -> list[Any]:
        return [_described(inner, inside) for inner in values]

    if isinstance(value, Mapping):
        return ["mapping", *sorted(each([*pair] for pair in value.items()), key=str)]
    if isinstance(value, (list, tuple)):
        return each(value)
    if isinstance(value, partial):
        return ["partial", *each([value.func, value.args, value.keywords])]
    if isinstance(value, FunctionType):
        enclosed = [_contents(cell) for cell in value.__closure__ or ()]
        return [_name(value), *each([value.__defaults__, value.__kwdefaults__, enclosed])]
    if isinstance(value, (np.ndarray, jax.Array)):
        return ["array", *_hashed(value)]
    if hasattr(value, "__wrapped__"):  # compiled by jit
        return ["wrapped", *each([value.__wrapped__])]
    return [_name(value)]


def _name(value: Any) -> str:
    """Return where a function or class is defined, or that of an object's class."""
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}.{named.__qualname__}"


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return None


def _hashed(array: Any) -> list[Any]:
    if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
        array = jax.random.key_data(array)
    held = np.asarray(array)
    return [str(held.dtype), list(held.shape), sha256(held.tobytes()).hexdigest()]
