"""Gaussian process regression once the kernel's values are known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from .surrogate import FloatArray, Prediction

lapack: Any = scipy.linalg.lapack  # its functions have no types

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


def highest_evidence(kernel: FloatArray, scores: FloatArray) -> float:
    """Return the evidence that `fit_posterior` would find, without the posterior.

    The matrix is made tridiagonal, which takes a fraction of what its eigenvectors take, and then
    each noise is tried in time in proportion to n.

    Args:
        kernel: See `fit_posterior`.
        scores: Shape (n,).
    """
    n = len(scores)
    if n == 1:
        return fit_posterior(kernel, scores).evidence
    standard = (scores - scores.mean()) / (float(scores.std()) or 1.0)
    diagonal, beside, rotated = _tridiagonal(kernel, standard)
    return max(_evidence(diagonal + noise, beside, rotated, n) for noise in NOISES.tolist())


def _evidence(diagonal: FloatArray, beside: FloatArray, scores: FloatArray, n: int) -> float:
    """Return the evidence for a tridiagonal matrix, kernel and noise together."""
    factors, below, info = lapack.dpttrf(diagonal, beside)
    if info:  # rounding left it with an eigenvalue that is not above 0
        return -math.inf
    solved = lapack.dpttrs(factors, below, scores)[0]
    fit = _PSEUDO + float(scores @ solved)
    return -0.5 * (n + _PSEUDO) * math.log(fit) - 0.5 * float(np.log(factors).sum())


def _tridiagonal(
    kernel: FloatArray, scores: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the diagonal of Q' K Q, what is beside it, and Q' y, for an orthogonal Q."""
    n = len(scores)
    room = int(lapack.dsytrd_lwork(n, lower=1)[0])
    reflectors, diagonal, beside, factors, _ = lapack.dsytrd(kernel, lower=1, lwork=room)
    # Q leaves the first score as it is; the others are turned by the reflectors below the diagonal
    turned = lapack.dormqr("L", "T", reflectors[1:, :-1], factors, scores[1:, None], 64 * n)[0]
    return diagonal, beside, np.concatenate([scores[:1], turned[:, 0]])
