"""Gaussian process regression once the kernel's values are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from .surrogate import FloatArray, Prediction

NOISES = np.logspace(-5, 1, 25)
"""Variances of noise that are tried, relative to the variance of the process."""

_PSEUDO = 1.0  # observations that a unit variance of the standardised scores counts as


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """What a Gaussian process believes of scores, given n observations of it.

    Scores are standardised. The variance of the process is the mode of its posterior; the noise
    relative to it is the most likely of `NOISES`.

    Attributes:
        vectors: Eigenvectors of the kernel's matrix, in columns: shape (n, n).
        values: Its eigenvalues, plus the noise: shape (n,).
        scores: Standardised: shape (n,).
        variance: Of the process.
        noise: Variance of the noise, relative to that.
        evidence: The logarithm of the marginal likelihood, but for a constant.
        location: The mean of the scores before they were standardised.
        scale: Their standard deviation.
    """

    vectors: FloatArray
    values: FloatArray
    scores: FloatArray
    variance: float
    noise: float
    evidence: float
    location: float
    scale: float

    def predict(self, cross: FloatArray, prior: FloatArray) -> Prediction:
        """Return mean and standard deviation at m points, without noise.

        Args:
            cross: Kernel of the points with the observations: shape (m, n).
            prior: Kernel of each point with itself: shape (m,).
        """
        seen = cross @ self.vectors
        mean = seen @ ((self.vectors.T @ self.scores) / self.values)
        explained = np.einsum("ij,ij,j->i", seen, seen, 1 / self.values)
        std = np.sqrt(self.variance * np.maximum(prior - explained, 0.0))
        return Prediction(self.location + self.scale * mean, self.scale * std)

    def update(
        self, cross: FloatArray, drawn: FloatArray, at: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """Return a draw from the posterior at m points, made of one from the prior.

        Args:
            cross: Kernel of the points with the observations: shape (m, n).
            drawn: One function of unit variance from the prior, at the observations: shape (n,).
            at: The same function at the points: shape (m,).
            rng: Draws the noise.

        Reference:
            Wilson et al. 2020, "Efficiently sampling functions from Gaussian process posteriors",
            ICML: Matheron's rule.
        """
        deviation = np.sqrt(self.variance)
        noisy = deviation * (drawn + np.sqrt(self.noise) * rng.standard_normal(len(drawn)))
        weights = self.vectors @ ((self.vectors.T @ (self.scores - noisy)) / self.values)
        found: FloatArray = self.location + self.scale * (deviation * at + cross @ weights)
        return found


def fit_posterior(kernel: FloatArray, scores: FloatArray) -> Posterior:
    """Return the posterior with the noise of the highest marginal likelihood.

    Args:
        kernel: Of the observations with each other, symmetric: shape (n, n).
        scores: Shape (n,).
    """
    location, scale = float(scores.mean()), float(scores.std()) or 1.0
    standard = (scores - location) / scale
    eigenvalues, vectors = scipy.linalg.eigh(kernel, overwrite_a=False, check_finite=False)
    eigenvalues = np.maximum(eigenvalues, 0.0)
    squared = (vectors.T @ standard) ** 2
    spread = eigenvalues + NOISES[:, None]
    n = len(scores)
    # the variance has an inverse gamma prior and is integrated out: a Student process
    fit = _PSEUDO + (squared / spread).sum(axis=1)
    evidence = -0.5 * (n + _PSEUDO) * np.log(fit) - 0.5 * np.log(spread).sum(axis=1)
    best = int(evidence.argmax())
    return Posterior(
        vectors,
        spread[best],
        standard,
        float(fit[best] / (n + _PSEUDO)),
        float(NOISES[best]),
        float(evidence[best]),
        location,
        scale,
    )


def most_likely(posteriors: Sequence[Posterior]) -> int:
    """Return the place of the posterior with the highest evidence."""
    return max(range(len(posteriors)), key=lambda i: posteriors[i].evidence)
