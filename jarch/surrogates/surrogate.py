"""What every surrogate offers: from architectures and scores to predictions with an uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from jarch.ir import Architecture, SpaceError

FloatArray: TypeAlias = NDArray[np.float64]


class SurrogateError(SpaceError):
    """A surrogate that cannot be: options that make no sense, or nothing to learn from."""


class Prediction(NamedTuple):
    """What a surrogate expects of n architectures, in the units of the scores.

    Attributes:
        mean: The expected scores, of shape (n,).
        std: How unsure it is of each, as standard deviations of shape (n,); never negative.
    """

    mean: FloatArray
    std: FloatArray


class Fitted(Protocol):
    """A surrogate that has learned. Immutable: predicting changes nothing but caches."""

    def predict(self, architectures: Sequence[Architecture]) -> Prediction:
        """Return mean and standard deviation for each architecture."""
        ...

    def sample(self, architectures: Sequence[Architecture], rng: np.random.Generator) -> FloatArray:
        """Draw one function from what the surrogate believes, at each architecture: shape (n,).

        Joint where the model has joint beliefs: a member of an ensemble, a draw from the
        posterior of a Gaussian process. Else each architecture's score is drawn by itself.
        """
        ...


class Surrogate(Protocol):
    """A way to learn scores of architectures. Holds options only; what it learns is `Fitted`."""

    def fit(
        self, architectures: Sequence[Architecture], scores: FloatArray, rng: np.random.Generator
    ) -> Fitted:
        """Return what predicts the scores of other architectures.

        Scores may have any location and scale. All randomness comes from `rng`: with an equal
        generator, equal architectures and equal scores, what is fitted predicts the same.

        Raises:
            SurrogateError: There are no scores, some are not finite, or their number differs from
                that of the architectures.
        """
        ...


@runtime_checkable
class Directed(Protocol):
    """A surrogate that learns better where it knows which scores are better."""

    def directed(self, maximize: bool) -> Surrogate:
        """Return the same surrogate, for scores of which more is better, or less."""
        ...


def informed(surrogate: Surrogate, maximize: bool) -> Surrogate:
    """Return the surrogate, told which scores are better where that matters to it."""
    return surrogate.directed(maximize) if isinstance(surrogate, Directed) else surrogate


def check_observations(architectures: Sequence[Architecture], scores: FloatArray) -> FloatArray:
    """Return the scores as an array of floats.

    Raises:
        SurrogateError: There are none, some are not finite, or their number is not that of the
            architectures.
    """
    found = np.asarray(scores, dtype=np.float64)
    if found.shape != (len(architectures),):
        raise SurrogateError(
            f"{len(architectures)} architectures and scores of shape {found.shape}; give one score "
            "for each architecture"
        )
    if not len(found):
        raise SurrogateError("no observations to fit a surrogate to; give at least one")
    if not np.isfinite(found).all():
        raise SurrogateError("some scores are not finite numbers; leave failures out")
    return found
