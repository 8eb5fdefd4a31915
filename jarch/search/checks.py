"""Checks of options that several searchers share."""

from __future__ import annotations

from typing import Any

from .searcher import SearchError


def check_at_least(config: Any, least: int, *names: str) -> None:
    """Raise where an option that is a number, and not None, is below the least.

    Raises:
        SearchError: One is.
    """
    for name in names:
        value = getattr(config, name)
        if value is not None and value < least:
            raise SearchError(f"{name} is {value}; use at least {least}")


def check_probabilities(config: Any, *names: str) -> None:
    """Raise where an option that is a number, and not None, is no probability.

    Raises:
        SearchError: One is.
    """
    for name in names:
        value = getattr(config, name)
        if value is not None and not 0 <= value <= 1:
            raise SearchError(f"{name} is {value}; a probability is in 0..1")


def check_name(what: str, name: str, known: tuple[str, ...]) -> None:
    """Raise where a name is unknown.

    Raises:
        SearchError: It is.
    """
    if name not in known:
        raise SearchError(f"{what} {name!r} is none of {', '.join(known)}")
