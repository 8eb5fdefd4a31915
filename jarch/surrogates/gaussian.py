"""Gaussian processes: ridge regression, and those with kernels of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from jarch.ir import Architecture

from .encoder import Encoder
from .graphs import IntArray, gathered
from .kernels import Kernel, LinearKernel, RbfKernel, linear_kernel, weisfeiler_lehman_kernels
from .modules import HashingEncoder
from .numbered import with_linear_numbers, with_smooth_numbers
from .posterior import Posterior, fit_posterior, highest_evidence
from .surrogate import FloatArray, Prediction, SurrogateError, check_observations
from .weisfeiler_lehman import WeisfeilerLehmanEncoder

NUMBERS = (0, 1, 2)
"""Radii of neighbourhoods by which numbers are told apart."""

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
        seen, drawn = points.draw(rng)
        return self.posterior.update(points.cross(), seen[:, 0], drawn[:, 0], rng)


@dataclass(frozen=True, slots=True)
class RidgeSurrogate:
    """Linear regression on an encoding, with a penalty on the squared weights.

    In closed form. The penalty is the one of highest marginal likelihood, and the uncertainty is
    that of the weights: a Gaussian process with a linear kernel.

    Attributes:
        encoder: Its columns are standardised.
        numbers: Numbers that vary, as rates and widths do, and their squares count too, by a weight
            that is the most likely, 0 among them: over all modules of an operation, and told apart
            by neighbourhoods up to the most likely of these radii. () for the encoding alone.
        selection: Choose by so many observations, drawn at random, where there are more.

    Raises:
        SurrogateError: A radius is negative; the selection is below 1.

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
    numbers: tuple[int, ...] = NUMBERS
    selection: int = 500

    def __post_init__(self) -> None:
        """Check the numbers."""
        _check_choice(self.numbers, self.selection)

    def fit(
        self, architectures: Sequence[Architecture], scores: FloatArray, rng: np.random.Generator
    ) -> FittedProcess:
        """Solve for the weights; nothing is random but by which observations to choose.

        Raises:
            SurrogateError: Scores are missing or not finite.
        """
        scores = check_observations(architectures, scores)
        known = gathered(architectures)
        base = linear_kernel(self.encoder.fit(known), known)
        some = _some(len(scores), self.selection, rng) if self.numbers else np.arange(0)
        kernel = with_linear_numbers(base, self.numbers, known, scores, some)
        return FittedProcess(kernel, fit_posterior(kernel.matrix(), scores))


@dataclass(frozen=True, slots=True)
class WeisfeilerLehmanProcess:
    """A Gaussian process on graphs: those are alike that have many neighbourhoods in common.

    Radius and noise are those of the highest marginal likelihood.

    Where numbers of modules vary, as rates and widths do, two things are added to the paper, whose
    nodes have labels alone, for which a number is unlike any other. In labels, numbers of which
    most values are rare stand as low, middle or high. And the kernel is multiplied by, or added to,
    exp(-d² / 2 l²) of the distance d of the numbers, in the mix and with the length l that are
    most likely. Where no number has three values, or the kernel alone is most likely, it is the
    paper's.

    Attributes:
        radii: Of neighbourhoods, among which one is chosen.
        numbers: Radii of the neighbourhoods by which numbers of modules of one operation are told
            apart, among which one is chosen. () for the kernel of the labels alone.
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
    numbers: tuple[int, ...] = NUMBERS
    selection: int = 500

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not self.radii or min(self.radii) < 0:
            raise SurrogateError(f"radii are {self.radii}; give at least one, none below 0")
        _check_choice(self.numbers, self.selection)

    def fit(
        self, architectures: Sequence[Architecture], scores: FloatArray, rng: np.random.Generator
    ) -> FittedProcess:
        """Choose the radius and the noise, and condition on the scores.

        Raises:
            SurrogateError: Scores are missing or not finite.
        """
        scores = check_observations(architectures, scores)
        known = gathered(architectures)
        kernels = weisfeiler_lehman_kernels(known, self.radii)
        return _fit_best(kernels, self.numbers, known, scores, self.selection, rng)


@dataclass(frozen=True, slots=True)
class RbfProcess:
    """A Gaussian process on an encoding, with the kernel exp(-d² / 2 l²) of the distance d.

    The length l and the noise are those of the highest marginal likelihood. Where numbers of
    modules vary, a kernel of theirs, with a length of its own, is multiplied by it or added, if
    that is more likely.

    Attributes:
        encoder: Its columns are standardised.
        widths: Lengths, among which one is chosen.
        numbers: Radii of the neighbourhoods by which numbers of modules of one operation are told
            apart, among which one is chosen. () for the encoding alone.
        selection: Choose by so many observations, drawn at random, where there are more.

    Raises:
        SurrogateError: There is no width, or one that is not above 0; a radius is negative; the
            selection is below 1.

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
    numbers: tuple[int, ...] = NUMBERS
    selection: int = 500

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not self.widths or min(self.widths) <= 0:
            raise SurrogateError(f"widths are {self.widths}; give at least one, all above 0")
        _check_choice(self.numbers, self.selection)

    def fit(
        self, architectures: Sequence[Architecture], scores: FloatArray, rng: np.random.Generator
    ) -> FittedProcess:
        """Choose the width and the noise, and condition on the scores.

        Raises:
            SurrogateError: Scores are missing or not finite.
        """
        scores = check_observations(architectures, scores)
        known = gathered(architectures)
        linear: LinearKernel = linear_kernel(self.encoder.fit(known), known)
        kernels = [RbfKernel(linear, width) for width in self.widths]
        return _fit_best(kernels, self.numbers, known, scores, self.selection, rng)


def _fit_best(
    kernels: Sequence[Kernel],
    numbers: Sequence[int],
    architectures: Sequence[Architecture],
    scores: FloatArray,
    selection: int,
    rng: np.random.Generator,
) -> FittedProcess:
    """Return the process with the kernel of highest marginal likelihood, joined by numbers."""
    best, some = kernels[0], np.arange(0)
    if len(kernels) > 1 or numbers:
        some = _some(len(scores), selection, rng)
    if len(kernels) > 1:
        inside = np.ix_(some, some)
        evidence = [highest_evidence(kernel.matrix()[inside], scores[some]) for kernel in kernels]
        best = kernels[evidence.index(max(evidence))]
    kernel = with_smooth_numbers(best, numbers, architectures, scores, some)
    return FittedProcess(kernel, fit_posterior(kernel.matrix(), scores))


def _some(number: int, selection: int, rng: np.random.Generator) -> IntArray:
    """Return the places of the observations by which to choose: all, or some drawn at random."""
    if number <= selection:
        return np.arange(number)
    return np.sort(rng.choice(number, selection, replace=False))


def _check_choice(numbers: Sequence[int], selection: int) -> None:
    if min(numbers, default=0) < 0:
        raise SurrogateError(f"numbers are {numbers}; give radii of 0 or more, or none")
    if selection < 1:
        raise SurrogateError(f"selection is {selection}; use at least 1")
