"""Conditions that an architecture must meet to be worth evaluating."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias, cast

import numpy as np

from jarch.ir import Architecture, InvalidArchitecture, Shape, totals_for

from .searcher import SearchError

Constraint: TypeAlias = Callable[[Architecture], bool | None]
"""Refuses architectures that are not to be suggested: it returns False, or raises
`InvalidArchitecture` to say why. What it returns True or None for may be suggested."""


def enforce(constraint: Constraint | None, architecture: Architecture) -> None:
    """Raise where an architecture is not to be suggested.

    Args:
        constraint: May refuse it; None refuses nothing.
        architecture: Any.

    Raises:
        InvalidArchitecture: The constraint refuses it.
        SearchError: The constraint returns neither a bool nor None, so it cannot be told.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> shallow = lambda architecture: len(architecture.nodes) < 6
        >>> enforce(shallow, ja.replay(space, [1, 32, "relu"]))
        >>> enforce(shallow, ja.replay(space, [3, 32, "relu"]))
        Traceback (most recent call last):
        ...
        jarch.ir.errors.InvalidArchitecture: the constraint refused it
    """
    allowed = None if constraint is None else cast(object, constraint(architecture))
    if allowed is not None and not isinstance(allowed, (bool, np.bool_)):
        raise SearchError(
            f"the constraint returned {allowed!r}; return False to refuse an architecture, True or "
            "None to allow it, or raise InvalidArchitecture to say why not"
        )
    if allowed is not None and not allowed:
        raise InvalidArchitecture("the constraint refused it")


def within(
    inputs: Mapping[str, Shape],
    *,
    parameters: int | None = None,
    flops: int | None = None,
    activation_bytes: int | None = None,
) -> Constraint:
    """Return the constraint that shapes fit and that the cost stays within bounds.

    Args:
        inputs: Shapes of the inputs, without the batch axis.
        parameters: At most so many, batch statistics included; None for no bound.
        flops: At most so many for the forward pass of one example.
        activation_bytes: At most so many for one example in float32.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> small = within({"in": (8, 8, 1)}, parameters=5000)
        >>> searcher = ja.RandomSearcher(space, constraint=small)
        >>> found = searcher.ask(np.random.default_rng(0)).architecture
        >>> ja.analyze(found, {"in": (8, 8, 1)}).parameters <= 5000
        True
    """
    given = {"parameters": parameters, "flops": flops, "activation_bytes": activation_bytes}
    bounds = {name: bound for name, bound in given.items() if bound is not None}
    totals_of = totals_for(inputs, tuple(bounds))

    def constraint(architecture: Architecture) -> None:
        totals = totals_of(architecture)
        for (name, bound), found in zip(bounds.items(), totals, strict=True):
            if found > bound:
                label = name.replace("_", " ")
                raise InvalidArchitecture(f"{found:,} {label} are more than {bound:,}")

    return constraint
