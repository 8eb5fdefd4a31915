"""What the fields of a configuration may hold: each value is checked, and made plain.

Numbers of NumPy and JAX become Python's and types become names, so that equal configurations look
alike wherever they are compared or written. Imports neither JAX nor optax.
"""

# pyright: reportUnknownVariableType=false
# (anything may be given)

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np

from jarch.lowering.augmentation.kinds import as_augmentations

from .errors import TrainConfigError
from .metrics import METRICS, Metric
from .schedules import SCHEDULES

_TASKS = ("classification", "regression")


def settled(name: str, value: object) -> Any:
    """Return the value of a field as it is kept.

    Args:
        name: Of a field of `TrainConfig`.
        value: What was given for it.

    Raises:
        TrainConfigError: It may not be that.

    Example:
        >>> settled("weight_decay", np.float32(0.5))
        0.5
    """
    if value is None and name in _OPTIONAL:
        return None
    settle, what = _FIELDS[name]
    found = settle(value)
    if found is None:
        raise TrainConfigError(f"{name} is {value!r}; it must be {what}")
    return found


def _integer(least: int) -> Callable[[Any], int | None]:
    def settle(value: Any) -> int | None:
        given = _scalar(value)
        if isinstance(given, bool) or not isinstance(given, Integral):
            return None
        return int(given) if int(given) >= least else None

    return settle


def _number(fits: Callable[[float], bool]) -> Callable[[Any], float | None]:
    def settle(value: Any) -> float | None:
        given = _scalar(value)
        if isinstance(given, bool) or not isinstance(given, Real):
            return None
        return float(given) if fits(float(given)) else None

    return settle


def _rate(value: Any) -> Any:
    return value if callable(value) else _number(_not_negative)(value)


def _not_negative(number: float) -> bool:
    return 0 <= number < math.inf


def _optimizer(value: Any) -> Any:
    transforms = hasattr(value, "init") and hasattr(value, "update")
    return value if isinstance(value, str) or callable(value) or transforms else None


def _options(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, Mapping):
        return None
    given: Mapping[Any, Any] = value
    made = {name: _scalar(each) for name, each in given.items()}
    fits = all(isinstance(n, str) and isinstance(each, Hashable) for n, each in made.items())
    return made if fits else None


def _metrics(value: Any) -> tuple[str | Metric, ...] | None:
    if isinstance(value, str) or not isinstance(value, Iterable):
        return None
    given: Iterable[Any] = value
    made = tuple(given)
    known = all(isinstance(m, Metric) or (isinstance(m, str) and m in METRICS) for m in made)
    return made if known else None


def _dtype(value: Any) -> str | None:
    """Return the name of a type; which of them can be computed in is not known here."""
    try:
        return value if isinstance(value, str) else np.dtype(value).name
    except TypeError:
        return None


def _scalar(value: Any) -> Any:
    """Return the number in an array of no dimensions; anything else as it is."""
    return value.item() if getattr(value, "ndim", None) == 0 else value


def _among(names: Iterable[str]) -> Callable[[Any], str | None]:
    return lambda value: value if isinstance(value, str) and value in names else None


_OPTIONAL = frozenset({"task", "early_stopping_patience", "dtype", "ema_decay", "clip_norm"})
_FIELDS: Mapping[str, tuple[Callable[[Any], Any], str]] = {
    "epochs": (_integer(1), "an integer, 1 or more"),
    "batch_size": (_integer(1), "an integer, 1 or more"),
    "optimizer": (_optimizer, "a name, a function or a gradient transformation"),
    "optimizer_options": (_options, "a mapping of names to values that are hashable"),
    "learning_rate": (_rate, "a finite number, 0 or more, or a schedule"),
    "schedule": (_among(SCHEDULES), f"one of {[*SCHEDULES]}"),
    "warmup_fraction": (_number(lambda n: 0 <= n < 1), "a number in [0, 1)"),
    "final_fraction": (_number(lambda n: 0 < n <= 1), "a number in (0, 1]"),
    "weight_decay": (_number(_not_negative), "a finite number, 0 or more"),
    "label_smoothing": (_number(lambda n: 0 <= n < 1), "a number in [0, 1)"),
    "task": (_among(_TASKS), f"None, or one of {[*_TASKS]}"),
    "metrics": (_metrics, f"a tuple of names in {[*METRICS]}, or of Metric"),
    "early_stopping_patience": (_integer(1), "None, or an integer, 1 or more"),
    "seed": (_integer(0), "an integer, 0 or more"),
    "dtype": (_dtype, "None, or a type of floats such as 'bfloat16'"),
    "augment": (as_augmentations, "a tuple"),
    "ema_decay": (_number(lambda n: 0 <= n < 1), "None, or a number in [0, 1)"),
    "clip_norm": (_number(lambda n: 0 < n < math.inf), "None, or a number above 0"),
}
