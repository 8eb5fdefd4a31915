"""Children of architectures: tried until one is valid, allowed and new."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

from jarch.ir import Architecture

from .edits import NothingToMutate
from .gate import Gate
from .searcher import Suggestion

P = ParamSpec("P")

ATTEMPTS = 50  # children in a row that are invalid or known, after which there is none


def admit_child(
    gate: Gate, make: Callable[P, Architecture], *args: P.args, **kwargs: P.kwargs
) -> Suggestion | None:
    """Return the first child that passes the gate; None where 50 in a row do not.

    Args:
        gate: What suggestions pass.
        make: Makes a child; may raise `NothingToMutate` for parents without anything to change.
        args: Of `make`.
        kwargs: Of `make`.
    """
    for _ in range(ATTEMPTS):
        try:
            suggestion = gate.admit(make, *args, **kwargs)
        except NothingToMutate:  # these parents have nothing to change; others may
            continue
        if suggestion is not None:
            return suggestion
    return None
