"""Several encodings side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jarch.ir import Architecture

from .encoder import Encoder, FittedEncoder
from .graphs import gathered
from .surrogate import FloatArray, SurrogateError


@dataclass(frozen=True, slots=True)
class JoinedEncoder:
    """The columns of several encodings, one after another.

    Attributes:
        parts: The encodings.

    Raises:
        SurrogateError: There is none.

    Example:
        >>> import jarch as ja
        >>> from jarch.surrogates import NgramEncoder, PathEncoder
        >>> net = ja.replay(ja.trace(ja.spaces.digits_dense), [1, 32, "relu"])
        >>> JoinedEncoder((PathEncoder(), NgramEncoder(1))).fit([net]).size  # a path, 6 modules
        7
    """

    parts: tuple[Encoder, ...]

    def __post_init__(self) -> None:
        """Check that there is something to join."""
        if not self.parts:
            raise SurrogateError("no encodings to join; give at least one")

    def fit(self, architectures: Sequence[Architecture]) -> JoinedColumns:
        """Settle the columns of each part."""
        known = gathered(architectures)
        return JoinedColumns(tuple([part.fit(known) for part in self.parts]))


@dataclass(frozen=True, slots=True, eq=False)
class JoinedColumns:
    """Encodings whose columns are settled. A `FittedEncoder`."""

    parts: tuple[FittedEncoder, ...]

    @property
    def size(self) -> int:
        """How many columns."""
        return sum(part.size for part in self.parts)

    def encode(self, architectures: Sequence[Architecture]) -> FloatArray:
        """Return the rows of all parts, side by side: shape (n, size)."""
        known = gathered(architectures)
        return np.concatenate([part.encode(known) for part in self.parts], axis=1)
