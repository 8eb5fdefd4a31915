"""Gaussian processes: ridge regression, and those with kernels of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from jarch.ir import Architecture

from .encoder import Encoder
from .kernels import Kernel, LinearKernel, RbfKernel, linear_kernel, weisfeiler_lehman_kernels
from .modules import HashingEncoder
from .posterior import Posterior, fit_posterior, highest_evidence
from .surrogate import FloatArray, Prediction, SurrogateError, check_observations
from .weisfeiler_lehman import WeisfeilerLehmanEncoder

WIDTHS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0)
"""Lengths of RBF kernels that are tried; encodings are some sqrt(2) from each other."""


@dataclass(frozen=True, slots=True, eq=False)
class FittedProcess:
    """A Gaussian process that has seen scores.

    Attributes:
        kernel: With the hyperparameters of the highest marginal likelihood.
        posterior: What is believed.
    """

    kernel: Kernel
    posterior: Posterior

    def predict(self, architectures: Sequence[Architecture]) -> Prediction:
        """Return mean and standard deviation of the function without noise."""
        if not architectures:
            return Prediction(np.zeros(0), np.zeros(0))
        points = self.kernel.points(architectures)
        return self.posterior.predict(points.cross(), points.diagonal())

    def sample(self, architectures: Sequence[Architecture], rng: np.random.Generator) -> FloatArray:
        """Draw a function from the posterior, jointly for all architectures."""
        if not architectures:
            return np.zeros(0)
        points = self.kernel.points(architectures)
        return self.posterior.update(points.cross(), *points.draw(rng), rng)


@dataclass(frozen=True, slots=True)
class RidgeSurrogate:
    """Linear regression on an encoding, with a penalty on the squared weights.

    In closed form. The penalty is the one of highest marginal likelihood, and the uncertainty is
    that of the weights: a Gaussian process with a linear kernel.

    Attributes:
        encoder: Its columns are standardised.

    Reference:
        MacKay 1992, "Bayesian interpolation", Neural Computation 4.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> nets = list(ja.enumerate_architectures(space))
        >>> widths = np.array([net.values[1] for net in nets], float)
        >>> fitted = RidgeSurrogate().fit(nets[::2], widths[::2], np.random.default_rng(0))
        >>> bool(np.corrcoef(fitted.predict(nets[1::2]).mean, widths[1::2])[0, 1] > 0.5)
        True
    """

    encoder: Encoder = field(default_factory=WeisfeilerLehmanEncoder)

    def fit(
        self, architectures: Sequence[Architecture], scores: FloatArray, rng: np.random.Generator
    ) -> FittedProcess:
        """Solve for the weights; nothing is random.

        Raises:
            SurrogateError: Scores are missing or not finite.
        """
        scores = check_observations(architectures, scores)
        kernel = linear_kernel(self.encoder.fit(architectures), architectures)
        return FittedProcess(kernel, fit_posterior(kernel.matrix(), scores))


@dataclass(frozen=True, slots=True)
class WeisfeilerLehmanProcess:
    """A Gaussian process on graphs: those are alike that have many neighbourhoods in common.

    Radius and noise are those of the highest marginal likelihood.

    Attributes:
        radii: Of neighbourhoods, among which one is chosen.
        selection: Choose by so many observations, drawn at random, where there are more.

    Raises:
        SurrogateError: There is no radius, or a negative one; the selection is below 1.

    Reference:
        Ru, Wan, Dong and Osborne 2021, "Interpretable neural architecture search via Bayesian
        optimisation with Weisfeiler-Lehman kernels", ICLR.

    Example:
        >>> import jarch as ja
        >>> nets = list(ja.enumerate_architectures(ja.trace(ja.spaces.digits_dense)))
        >>> depths = np.array([net.values[0] for net in nets], float)
        >>> process = WeisfeilerLehmanProcess(radii=(0, 1))
        >>> fitted = process.fit(nets[::2], depths[::2], np.random.default_rng(0))
        >>> bool(np.abs(fitted.predict(nets[1::2]).mean - depths[1::2]).max() < 0.5)
        True
    """

    radii: tuple[int, ...] = (0, 1, 2, 3)
    selection: int = 500

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not self.radii or min(self.radii) < 0:
            raise SurrogateError(f"radii are {self.radii}; give at least one, none below 0")
        _check_selection(self.selection)

    def fit(
        self, architectures: Sequence[Architecture], scores: FloatArray, rng: np.random.Generator
    ) -> FittedProcess:
        """Choose the radius and the noise, and condition on the scores.

        Raises:
            SurrogateError: Scores are missing or not finite.
        """
        scores = check_observations(architectures, scores)
        kernels = weisfeiler_lehman_kernels(architectures, self.radii)
        return _fit_best(kernels, scores, self.selection, rng)


@dataclass(frozen=True, slots=True)
class RbfProcess:
    """A Gaussian process on an encoding, with the kernel exp(-d² / 2 l²) of the distance d.

    The length l and the noise are those of the highest marginal likelihood.

    Attributes:
        encoder: Its columns are standardised.
        widths: Lengths, among which one is chosen.
        selection: Choose by so many observations, drawn at random, where there are more.

    Raises:
        SurrogateError: There is no width, or one that is not above 0; the selection is below 1.

    Reference:
        Rasmussen and Williams 2006, "Gaussian processes for machine learning", chapters 2 and 5.

    Example:
        >>> import jarch as ja
        >>> nets = list(ja.enumerate_architectures(ja.trace(ja.spaces.digits_dense)))
        >>> widths = np.array([net.values[1] for net in nets], float)
        >>> fitted = RbfProcess().fit(nets[::2], widths[::2], np.random.default_rng(0))
        >>> seen, unseen = fitted.predict(nets[::2]), fitted.predict(nets[1::2])
        >>> bool(seen.std.mean() < unseen.std.mean())  # it doubts more what it has not seen
        True
    """

    encoder: Encoder = field(default_factory=HashingEncoder)
    widths: tuple[float, ...] = WIDTHS
    selection: int = 500

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not self.widths or min(self.widths) <= 0:
            raise SurrogateError(f"widths are {self.widths}; give at least one, all above 0")
        _check_selection(self.selection)

    def fit(
        self, architectures: Sequence[Architecture], scores: FloatArray, rng: np.random.Generator
    ) -> FittedProcess:
        """Choose the width and the noise, and condition on the scores.

        Raises:
            SurrogateError: Scores are missing or not finite.
        """
        scores = check_observations(architectures, scores)
        linear: LinearKernel = linear_kernel(self.encoder.fit(architectures), architectures)
        kernels = [RbfKernel(linear, width) for width in self.widths]
        return _fit_best(kernels, scores, self.selection, rng)


def _fit_best(
    kernels: Sequence[Kernel], scores: FloatArray, selection: int, rng: np.random.Generator
) -> FittedProcess:
    """Return the process with the kernel of highest marginal likelihood."""
    n, best = len(scores), 0
    if len(kernels) > 1:
        few = n <= selection
        some = np.arange(n) if few else np.sort(rng.choice(n, selection, replace=False))
        inside = np.ix_(some, some)
        evidence = [highest_evidence(kernel.matrix()[inside], scores[some]) for kernel in kernels]
        best = evidence.index(max(evidence))
    return FittedProcess(kernels[best], fit_posterior(kernels[best].matrix(), scores))


def _check_selection(selection: int) -> None:
    if selection < 1:
        raise SurrogateError(f"selection is {selection}; use at least 1")
