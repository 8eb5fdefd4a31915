"""Learning curves: what one will come to, by families of curves that have the usual shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

FloatArray: TypeAlias = NDArray[np.float64]
Curve: TypeAlias = Callable[[FloatArray, Sequence[float]], FloatArray]
"""Returns values at epochs, given parameters."""

_STEP = 1e-6  # for derivatives
_MOST_EVALUATIONS = 200  # of a curve, in one fit


@dataclass(frozen=True, slots=True)
class Family:
    """Curves that rise towards a limit, by their parameters.

    Attributes:
        curve: Its values at epochs, counted from 1.
        low: The least of each parameter: so that all curves rise, and none above 1 where the family
            has a limit.
        high: The most of each.
        begin: Where a fit begins, given the first and the last value of what it is fitted to.
    """

    curve: Curve
    low: tuple[float, ...]
    high: tuple[float, ...]
    begin: Callable[[float, float], tuple[float, ...]]


def _vapor_pressure(x: FloatArray, p: Sequence[float]) -> FloatArray:
    return np.exp(p[0] + p[1] / x + p[2] * np.log(x))


def _pow3(x: FloatArray, p: Sequence[float]) -> FloatArray:
    return p[0] - p[1] * x ** -p[2]


def _log_log_linear(x: FloatArray, p: Sequence[float]) -> FloatArray:
    found: FloatArray = np.log(p[0] * np.log(x) + p[1])
    return found


def _hill3(x: FloatArray, p: Sequence[float]) -> FloatArray:
    return p[0] / (1 + (p[2] / x) ** p[1])


def _log_power(x: FloatArray, p: Sequence[float]) -> FloatArray:
    return p[0] / (1 + (x / math.exp(p[1])) ** -p[2])


def _pow4(x: FloatArray, p: Sequence[float]) -> FloatArray:
    return p[0] - (p[1] * x + p[2]) ** -p[3]


def _mmf(x: FloatArray, p: Sequence[float]) -> FloatArray:
    return p[0] - p[1] / (1 + (p[2] * x) ** p[3])


def _exp4(x: FloatArray, p: Sequence[float]) -> FloatArray:
    return p[0] - np.exp(p[3] - p[1] * x ** p[2])


def _janoschek(x: FloatArray, p: Sequence[float]) -> FloatArray:
    return p[0] - p[1] * np.exp(-p[2] * x ** p[3])


def _ilog2(x: FloatArray, p: Sequence[float]) -> FloatArray:
    return p[0] - p[1] / np.log(x + 1)


FAMILIES: Mapping[str, Family] = {
    "vapor_pressure": Family(
        _vapor_pressure,
        (-20.0, -20.0, 0.0),
        (0.0, 0.0, 2.0),
        lambda first, last: (math.log(max(last, 0.01)) - 0.01, -0.1, 0.01),
    ),
    "pow3": Family(
        _pow3, (-9.0, 0.0, 0.0), (1.0, 9.0, 5.0), lambda first, last: (last, last - first, 0.5)
    ),
    "log_log_linear": Family(
        _log_log_linear,
        (0.0, 0.01),
        (9.0, 9.0),
        lambda first, last: (0.1, math.exp(first)),
    ),
    "hill3": Family(
        _hill3, (0.0, 0.0, 0.0), (1.0, 9.0, 99.0), lambda first, last: (last, 1.0, 1.0)
    ),
    "log_power": Family(
        _log_power, (0.0, -9.0, 0.0), (1.0, 9.0, 9.0), lambda first, last: (last, 0.0, 0.5)
    ),
    "pow4": Family(
        _pow4,
        (-9.0, 0.0, 0.01, 0.0),
        (1.0, 99.0, 99.0, 5.0),
        lambda first, last: (last, 1.0, 1.0, 1.0),
    ),
    "mmf": Family(
        _mmf,
        (-9.0, 0.0, 0.0, 0.0),
        (1.0, 9.0, 9.0, 5.0),
        lambda first, last: (last, last - first, 0.5, 1.0),
    ),
    "exp4": Family(
        _exp4,
        (-9.0, 0.0, 0.0, -9.0),
        (1.0, 9.0, 2.0, 5.0),
        lambda first, last: (last, 0.5, 0.5, -1.0),
    ),
    "janoschek": Family(
        _janoschek,
        (-9.0, 0.0, 0.0, 0.0),
        (1.0, 9.0, 9.0, 2.0),
        lambda first, last: (last, last - first, 0.5, 0.5),
    ),
    "ilog2": Family(
        _ilog2, (-9.0, 0.0), (1.0, 9.0), lambda first, last: (last, (last - first) / 2)
    ),
}
"""Those of Domhan et al., but for Weibull's, whose curves are the same as Janoschek's."""


@dataclass(frozen=True, slots=True)
class Extrapolation:
    """A mixture of normal distributions, one for each family of curves.

    Attributes:
        means: (k,), what each says.
        deviations: (k,), how certain it is.
        weights: (k,), which sum to 1.

    Example:
        >>> found = Extrapolation(np.array([0.8, 0.9]), np.full(2, 0.01), np.array([0.25, 0.75]))
        >>> round(found.mean, 3), round(found.probability_above(0.85), 3)
        (0.875, 0.75)
    """

    means: FloatArray
    deviations: FloatArray
    weights: FloatArray

    @property
    def mean(self) -> float:
        """What is to be expected."""
        return float(self.weights @ self.means)

    def probability_above(self, value: float) -> float:
        """Return the probability that the curve comes to more than a value."""
        scaled = (self.means - value) / (self.deviations * math.sqrt(2))
        above = [0.5 * (1 + math.erf(each)) for each in scaled.tolist()]
        return float(self.weights @ np.array(above))


def extrapolate(values: Sequence[float], epoch: int, noise: float = 0.005) -> Extrapolation | None:
    """Predict what a curve that rises towards at most 1 has come to after some epochs.

    Each family with fewer parameters than there are values is fitted by least squares. It predicts
    a normal distribution: the curve's value, with the variance of the residuals and that of the
    parameters by the curvature at the fit, which a weak prior keeps bounded. One that predicts more
    than 1 is left out; the others are weighted by exp(-BIC / 2). Domhan et al.
    draw from the posterior over parameters and weights of all families at once, by a Markov chain:
    this is its approximation at the modes, which takes no randomness and some hundredths of the
    time.

    Args:
        values: After each epoch from the first on; more is better.
        epoch: Which to predict.
        noise: The least standard deviation that residuals are thought to have.

    Returns:
        None where there are too few values.

    Reference:
        Domhan, Springenberg and Hutter 2015, "Speeding up automatic hyperparameter optimization of
        deep neural networks by extrapolation of learning curves", IJCAI; section 3.

    Example:
        >>> found = extrapolate([1 - 0.5 / epoch for epoch in range(1, 9)], 50)
        >>> round(found.mean, 2), found.probability_above(0.9) > 0.9
        (0.98, True)
    """
    x, y = np.arange(1.0, len(values) + 1), np.array(values, np.float64)
    fits: list[tuple[float, float, float]] = []
    for family in FAMILIES.values():
        if len(family.low) < len(y):
            fit = _fit(family, x, y, float(epoch), noise)
            if fit is not None:
                fits.append(fit)
    if not fits:
        return None
    means, deviations, criteria = (np.array(column) for column in zip(*fits, strict=True))
    weights = np.exp(-(criteria - criteria.min()) / 2)
    return Extrapolation(means, deviations, weights / weights.sum())


def _fit(
    family: Family, x: FloatArray, y: FloatArray, epoch: float, noise: float
) -> tuple[float, float, float] | None:
    """Return mean, deviation and BIC of a family; None where it cannot be fitted."""
    low, high = np.array(family.low), np.array(family.high)
    margin = 1e-3 * (high - low)
    start = np.clip(family.begin(float(y[0]), float(y[-1])), low + margin, high - margin)

    def residuals(p: FloatArray) -> FloatArray:
        return family.curve(x, p.tolist()) - y

    with np.errstate(all="ignore"):
        try:
            found: Any = least_squares(
                residuals, start, bounds=(low, high), max_nfev=_MOST_EVALUATIONS
            )
        except ValueError:  # the curve is not finite where it begins
            return None
        p = cast(FloatArray, found.x)
        at = np.array([epoch])
        mean = float(family.curve(at, p.tolist())[0])
        steps = [_moved(p, i) for i in range(len(p))]
        gradient = np.array(
            [(float(family.curve(at, q.tolist())[0]) - mean) / (q[i] - p[i]) for i, q in steps]
        )
    residual = float(np.sum(residuals(p) ** 2))
    n, k = len(y), len(p)
    variance = max(residual / (n - k), noise**2)
    jacobian = cast(FloatArray, found.jac)
    information = jacobian.T @ jacobian / variance + np.diag((high - low) ** -2.0)
    spread = float(gradient @ np.linalg.solve(information, gradient))
    criterion = residual / variance + n * math.log(variance) + k * math.log(n)
    if not all(map(math.isfinite, (mean, spread, criterion))) or mean > 1:
        return None
    return mean, math.sqrt(variance + max(spread, 0.0)), criterion


def _moved(p: FloatArray, i: int) -> tuple[int, FloatArray]:
    """Return a place, and parameters of which that one is a little different."""
    q = p.copy()
    q[i] += _STEP * max(1.0, abs(float(p[i])))
    return i, q
