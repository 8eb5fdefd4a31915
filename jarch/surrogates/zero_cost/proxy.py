"""What a zero-cost proxy is: something to measure on a candidate that was never trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Measured: TypeAlias = Literal["analysis", "network", "linearized"]
"""What a proxy is measured on: the analysis of an architecture, without a program; its network; or
its network made linear, in double precision."""


def number(value: NDArray[Any]) -> float:
    """Return a scalar as a number: for proxies whose measurement is the score."""
    return float(np.asarray(value))


@dataclass(frozen=True, slots=True)
class Proxy:
    """A number that says before any training how good a candidate may be: larger is better.

    Attributes:
        name: What it is called.
        on: What it is measured on.
        measure: Returns an array: of a `Probe`, while a program is traced; or of an `Analysis`.
        finish: Returns the score of that array, in NumPy and in double precision.
        reference: Where it was published.
        floating: Whether it differentiates by the inputs, which then must be floating-point.

    Example:
        >>> import jarch as ja
        >>> depth = Proxy("depth", "analysis", lambda analysis: len(analysis.nodes), "made up here")
        >>> net = ja.replay(ja.trace(ja.spaces.digits_dense), [2, 16, "relu"])
        >>> depth.finish(depth.measure(ja.analyze(net, {"in": (8, 8, 1)})))
        6.0
    """

    name: str
    on: Measured
    measure: Callable[[Any], Any]
    reference: str
    finish: Callable[[NDArray[Any]], float] = number
    floating: bool = False
