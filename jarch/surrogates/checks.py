"""Checks of options that several surrogates share."""

from __future__ import annotations

from typing import Any

from .surrogate import SurrogateError


def check_at_least(options: Any, least: int, *names: str) -> None:
    """Raise where an option is below the least.

    Raises:
        SurrogateError: One is.
    """
    for name in names:
        value = getattr(options, name)
        if value < least:
            raise SurrogateError(f"{name} is {value}; use at least {least}")


def check_above_zero(options: Any, *names: str) -> None:
    """Raise where an option is not above 0, or no number.

    Raises:
        SurrogateError: One is.
    """
    for name in names:
        value = getattr(options, name)
        if not value > 0:
            raise SurrogateError(f"{name} is {value}; use a number above 0")
