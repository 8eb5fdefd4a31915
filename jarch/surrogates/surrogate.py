"""What every surrogate offers: from architectures and scores to predictions with an uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from jarch.ir import Architecture, SpaceError

FloatArray: TypeAlias = NDArray[np.float64]


class SurrogateError(SpaceError):
    """A surrogate that cannot be: options that make no sense, or nothing to learn from.

    Example:
        >>> from jarch.surrogates import SurrogateError, make_surrogate
        >>> try:
        ...     make_surrogate("gp-rbf", {"widths": ()})
        ... except SurrogateError as error:
        ...     print(error)
        widths are (); give at least one, all above 0
    """


class Prediction(NamedTuple):
    """What a surrogate expects of n architectures, in the units of the scores.

    Attributes:
        mean: The expected scores, of shape (n,).
        std: How unsure it is of each, as standard deviations of shape (n,); never negative.

    Example:
        >>> prediction = Prediction(np.array([0.7, 0.6]), np.array([0.0, 0.2]))
        >>> mean, std = prediction
        >>> int(np.argmax(mean)), int(np.argmax(mean + std))  # the best, and what may be better
        (0, 1)
    """

    mean: FloatArray
    std: FloatArray


class Fitted(Protocol):
    """A surrogate that has learned. Immutable: predicting changes nothing but caches.

    Example:
        >>> class Normal:  # knows nothing but how scores are spread
        ...     def __init__(self, scores):
        ...         self.mean, self.std = scores.mean(), scores.std()
        ...     def predict(self, architectures):
        ...         n = len(architectures)
        ...         return Prediction(np.full(n, self.mean), np.full(n, self.std))
        ...     def sample(self, architectures, rng):
        ...         return rng.normal(self.mean, self.std, len(architectures))
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(ja.spaces.digits_dense), [1, 16, "relu"])
        >>> Normal(np.array([1.0, 3.0])).predict([net])
        Prediction(mean=array([2.]), std=array([1.]))
    """

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
    """A way to learn scores of architectures. Holds options only; what it learns is `Fitted`.

    Example:
        >>> import jarch as ja
        >>> from jarch.surrogates import RidgeSurrogate
        >>> class Recent:  # one of your own: only the last hundred results count
        ...     def fit(self, architectures, scores, rng):
        ...         return RidgeSurrogate().fit(architectures[-100:], scores[-100:], rng)
        >>> searcher = ja.SmboSearcher(ja.trace(ja.spaces.digits_dense), surrogate=Recent())
        >>> found = ja.run_search(searcher, lambda a, seed: {"accuracy": a.values[1] / 128}, 12)
        >>> found.best.values[1]
        128
    """

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
    """A surrogate that learns better where it knows which scores are better.

    Example:
        >>> from jarch.surrogates import DeepEnsemble, RidgeSurrogate
        >>> isinstance(DeepEnsemble(), Directed), isinstance(RidgeSurrogate(), Directed)
        (True, False)
    """

    def directed(self, maximize: bool) -> Surrogate:
        """Return the same surrogate, for scores of which more is better, or less."""
        ...


def informed(surrogate: Surrogate, maximize: bool) -> Surrogate:
    """Return the surrogate, told which scores are better where that matters to it.

    Example:
        >>> from jarch.surrogates import DeepEnsemble, RidgeSurrogate
        >>> informed(DeepEnsemble(), maximize=False) == DeepEnsemble(maximize=False)
        True
        >>> informed(RidgeSurrogate(), maximize=False) == RidgeSurrogate()
        True
    """
    return surrogate.directed(maximize) if isinstance(surrogate, Directed) else surrogate


def check_observations(architectures: Sequence[Architecture], scores: FloatArray) -> FloatArray:
    """Return the scores as an array of floats.

    Raises:
        SurrogateError: There are none, some are not finite, or their number is not that of the
            architectures.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(ja.spaces.digits_dense), [1, 16, "relu"])
        >>> check_observations([net, net], [1, 2])
        array([1., 2.])
        >>> try:
        ...     check_observations([net], [np.nan])
        ... except SurrogateError as error:
        ...     print(error)
        some scores are not finite numbers; leave failures out
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
