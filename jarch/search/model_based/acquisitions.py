"""Acquisition functions: how much it is worth to evaluate candidates, as pure functions.

All are improvements over the best score so far, in the direction that the caller names: more is
better, whether scores are to be maximised or minimised. n is the number of candidates; scores,
means and standard deviations are in the units of the objective.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np

from jarch.ir import Architecture
from jarch.surrogates import Fitted, FloatArray

AcquisitionName: TypeAlias = Literal[
    "expected_improvement",
    "confidence_bound",
    "probability_of_improvement",
    "thompson_sampling",
    "independent_thompson_sampling",
    "mean",
]

ACQUISITIONS: tuple[AcquisitionName, ...] = get_args(AcquisitionName)
"""The names of all acquisition functions."""


def improvement(scores: FloatArray, best: float, *, maximize: bool) -> FloatArray:
    """Return by how much scores are better than the best so far, of shape (n,); negative if worse.

    Args:
        scores: Of shape (n,).
        best: The best score so far.
        maximize: Whether more is better.

    Example:
        >>> improvement(np.array([0.5, 0.9]), 0.75, maximize=False).tolist()
        [0.25, -0.15000000000000002]
    """
    return scores - best if maximize else best - scores


def expected_improvement(
    mean: FloatArray, std: FloatArray, best: float, *, maximize: bool
) -> FloatArray:
    """Return the mean of the improvement of normal scores, where a worsening counts as 0.

    Args:
        mean: Of the scores, of shape (n,).
        std: Of the scores, of shape (n,).
        best: The best score so far.
        maximize: Whether more is better.

    Reference:
        Jones, Schonlau and Welch 1998, "Efficient global optimization of expensive black-box
        functions", equation 15.

    Example:
        >>> mean, std = np.array([0.5, 0.5]), np.array([0.0, 0.1])
        >>> expected_improvement(mean, std, 0.5, maximize=True).round(4).tolist()
        [0.0, 0.0399]
    """
    gain = improvement(mean, best, maximize=maximize)
    z = _standardized(gain, std)
    density = np.exp(-0.5 * np.square(np.clip(z, -40.0, 40.0))) / math.sqrt(2.0 * math.pi)
    expected = gain * _normal_cdf(z) + std * density
    return np.where(std > 0.0, np.maximum(expected, 0.0), np.maximum(gain, 0.0))


def probability_of_improvement(
    mean: FloatArray, std: FloatArray, best: float, *, maximize: bool
) -> FloatArray:
    """Return the probability that normal scores are better than the best so far.

    Args:
        mean: Of the scores, of shape (n,).
        std: Of the scores, of shape (n,).
        best: The best score so far.
        maximize: Whether more is better.

    Reference:
        Kushner 1964, "A new method of locating the maximum point of an arbitrary multipeak curve
        in the presence of noise".

    Example:
        >>> mean, std = np.array([0.5, 0.6]), np.array([0.1, 0.1])
        >>> probability_of_improvement(mean, std, 0.5, maximize=True).round(3).tolist()
        [0.5, 0.841]
    """
    return _normal_cdf(_standardized(improvement(mean, best, maximize=maximize), std))


def confidence_bound(
    mean: FloatArray, std: FloatArray, best: float, *, maximize: bool, exploration: float
) -> FloatArray:
    """Return the improvement of the optimistic bound: so many standard deviations on the good side.

    That is the upper confidence bound of scores to be maximised, and the lower one of scores to be
    minimised.

    Args:
        mean: Of the scores, of shape (n,).
        std: Of the scores, of shape (n,).
        best: The best score so far.
        maximize: Whether more is better.
        exploration: How many standard deviations.

    Reference:
        Srinivas, Krause, Kakade and Seeger 2010, "Gaussian process optimization in the bandit
        setting: no regret and experimental design", ICML.

    Example:
        >>> mean, std = np.array([1.0, 2.0]), np.array([0.5, 0.25])
        >>> confidence_bound(mean, std, 2.0, maximize=False, exploration=2.0).tolist()
        [2.0, 0.5]
    """
    bound = mean + exploration * std if maximize else mean - exploration * std
    return improvement(bound, best, maximize=maximize)


def acquire(
    name: AcquisitionName,
    fitted: Fitted,
    architectures: Sequence[Architecture],
    best: float,
    rng: np.random.Generator,
    *,
    maximize: bool,
    exploration: float,
) -> FloatArray:
    """Return what evaluating each architecture is worth, of shape (n,): more is better.

    Args:
        name: Of the acquisition function. Thompson sampling draws one function from the surrogate,
            the independent form a score for each architecture by itself (White et al. 2021).
        fitted: What predicts their scores.
        architectures: n of them.
        best: The best score so far.
        rng: Draws where the function is random.
        maximize: Whether more of the score is better.
        exploration: Standard deviations of the confidence bound.

    Example:
        >>> import jarch as ja
        >>> from jarch.surrogates import RbfProcess
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Integer(1, 4, name="width")))
        >>> found, rng = [ja.replay(space, [i]) for i in range(1, 5)], np.random.default_rng(0)
        >>> fitted = RbfProcess().fit(found[:3], np.array([0.1, 0.5, 0.2]), rng)
        >>> for name in ("mean", "confidence_bound"):  # the best that is known, or what is not
        ...     worth = acquire(name, fitted, found, 0.5, rng, maximize=True, exploration=2.0)
        ...     print(name, found[int(worth.argmax())].values)
        mean (2,)
        confidence_bound (4,)
    """
    if name == "thompson_sampling":
        return improvement(fitted.sample(architectures, rng), best, maximize=maximize)
    mean, std = fitted.predict(architectures)
    if name == "expected_improvement":
        return expected_improvement(mean, std, best, maximize=maximize)
    if name == "probability_of_improvement":
        return probability_of_improvement(mean, std, best, maximize=maximize)
    if name == "confidence_bound":
        return confidence_bound(mean, std, best, maximize=maximize, exploration=exploration)
    gain = improvement(mean, best, maximize=maximize)
    return rng.normal(gain, std) if name == "independent_thompson_sampling" else gain


def _standardized(gain: FloatArray, std: FloatArray) -> FloatArray:
    """Return gains in standard deviations: where there is no doubt, infinite, or 0 for no gain."""
    certain = np.where(gain > 0.0, np.inf, np.where(gain < 0.0, -np.inf, 0.0))
    with np.errstate(over="ignore"):  # a gain of very many deviations is as good as infinite
        return np.where(std > 0.0, gain / np.where(std > 0.0, std, 1.0), certain)


def _normal_cdf(z: FloatArray) -> FloatArray:
    return np.array([0.5 * math.erfc(-value / math.sqrt(2.0)) for value in z.tolist()])
