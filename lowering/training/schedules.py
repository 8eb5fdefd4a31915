"""Learning rates by step, computed for whole runs at once with NumPy.

Each function takes `progress`, the steps done over all steps, in [0, 1), and gives the learning
rate as a fraction of the highest. They depend on nothing else, so equal programs serve all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]


def constant(progress: Floats, final: float, warmup: float) -> Floats:
    """Return 1 throughout."""
    return np.ones_like(progress)


def linear(progress: Floats, final: float, warmup: float) -> Floats:
    """Return a straight line from 1 to `final`."""
    return 1 + (final - 1) * progress


def cosine(progress: Floats, final: float, warmup: float) -> Floats:
    """Return half a cosine wave from 1 to `final`.

    Reference: Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017).
    """
    return final + (1 - final) * (1 + np.cos(np.pi * progress)) / 2


def warmup_cosine(progress: Floats, final: float, warmup: float) -> Floats:
    """Return a straight rise from 0 over the fraction `warmup`, then half a cosine wave."""
    rise = progress / max(warmup, np.finfo(np.float64).tiny)
    fall = cosine(np.maximum(progress - warmup, 0) / (1 - warmup), final, warmup)
    return np.where(progress < warmup, rise, fall)


def exponential(progress: Floats, final: float, warmup: float) -> Floats:
    """Return a decay from 1 to `final` by the same factor each step."""
    return np.power(final, progress)


SCHEDULES: Mapping[str, Callable[[Floats, float, float], Floats]] = {
    "constant": constant,
    "linear": linear,
    "cosine": cosine,
    "warmup_cosine": warmup_cosine,
    "exponential": exponential,
}
"""The schedules that have names."""


def scheduled_rates(
    name: str, peak: float, steps: int, final_fraction: float, warmup_fraction: float
) -> npt.NDArray[Any]:
    """Return the learning rates of all steps, float32 of shape (steps,).

    Example:
        >>> scheduled_rates("linear", 1.0, 4, 0.2, 0.0).tolist()
        [1.0, 0.800000011920929, 0.6000000238418579, 0.4000000059604645]
    """
    progress = np.arange(steps) / max(steps, 1)
    return (peak * SCHEDULES[name](progress, final_fraction, warmup_fraction)).astype(np.float32)
