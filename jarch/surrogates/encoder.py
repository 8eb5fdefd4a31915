"""What every encoding of architectures offers: a row of numbers for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from jarch.ir import Architecture

from .surrogate import FloatArray


class FittedEncoder(Protocol):
    """An encoding whose columns are settled.

    Attributes:
        size: How many columns.
    """

    @property
    def size(self) -> int:
        """How many columns."""
        ...

    def encode(self, architectures: Sequence[Architecture]) -> FloatArray:
        """Return features of shape (n, size), a row for each of n architectures.

        Architectures with equal fingerprints have equal rows, unless the encoding says otherwise.
        """
        ...


class Encoder(Protocol):
    """A way to describe architectures by numbers. Holds options only."""

    def fit(self, architectures: Sequence[Architecture]) -> FittedEncoder:
        """Settle what the columns mean, from the architectures seen; may be none at all."""
        ...
