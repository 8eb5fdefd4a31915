"""Checks of options that several searchers share."""

from __future__ import annotations

from typing import Any

import numpy as np

from jarch.ir import InvalidArchitecture, Space, sample

from .edits import Where, anywhere, mutable
from .searcher import SearchError

_DRAWS = 100  # architectures of which one has to show a decision that may be changed
_SHOWN = 8  # decisions that a message lists


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


def check_where(space: Space, where: Where) -> None:
    """Raise where nothing may be changed, as far as random architectures show.

    Mutations would all be given up, and a search by them be a random one.

    Raises:
        SearchError: There are decisions, and none of them may be changed.
    """
    if where is anywhere:
        return
    rng, refused = np.random.default_rng(0), dict[str, None]()
    for _ in range(_DRAWS):
        try:
            drawn = sample(space, rng)
        except InvalidArchitecture:
            continue
        if mutable(space, drawn, where):
            return
        refused |= dict.fromkeys(h.key for h in mutable(space, drawn))
    if refused:
        shown = ", ".join(list(refused)[:_SHOWN]) + (", …" if len(refused) > _SHOWN else "")
        raise SearchError(f"where allows no decision to be changed; let it return True for {shown}")
