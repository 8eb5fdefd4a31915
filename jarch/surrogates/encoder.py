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

    Example:
        >>> import jarch as ja
        >>> from jarch.surrogates import NgramEncoder
        >>> nets = list(ja.enumerate_architectures(ja.trace(ja.spaces.digits_dense)))
        >>> fitted = NgramEncoder().fit(nets)
        >>> fitted.encode(nets[:3]).shape == (3, fitted.size)
        True
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
    """A way to describe architectures by numbers. Holds options only.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> from jarch.surrogates import RidgeSurrogate
        >>> class Nodes:  # one of your own, which has nothing to settle: it is fitted as it is
        ...     size = 1
        ...     def fit(self, architectures):
        ...         return self
        ...     def encode(self, architectures):
        ...         return np.array([[float(len(net.nodes))] for net in architectures])
        >>> nets = list(ja.enumerate_architectures(ja.trace(ja.spaces.digits_dense)))
        >>> fitted = RidgeSurrogate(Nodes()).fit(nets, np.arange(36.0), np.random.default_rng(0))
        >>> fitted.predict(nets[:2]).mean.shape
        (2,)
    """

    def fit(self, architectures: Sequence[Architecture]) -> FittedEncoder:
        """Settle what the columns mean, from the architectures seen; may be none at all."""
        ...
