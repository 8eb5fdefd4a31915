"""jacov: how differently a network responds to different examples."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from .probe import Probe

_SMALL = 1e-5  # the k of the paper


def input_gradients(probe: Probe) -> jax.Array:
    """Return the gradient of the sum of all outputs by each example's input: (N, D)."""
    return probe.jacobian.reshape(len(probe.jacobian), -1)


def correlation_score(jacobian: NDArray[Any]) -> float:
    """Return -Σ (log(v + k) + 1/(v + k)), v being the eigenvalues of the rows' correlations.

    It is largest, -N, where no two rows of N correlate, so that examples can be told apart. Rows
    that are constant, of which correlation is not defined, count as fully correlated.

    Args:
        jacobian: Of shape (N, D).

    Reference:
        Mellor et al. 2020, "Neural architecture search without training" (arXiv:2006.04647v1),
        section 3: the score of its first version, with k = 1e-5.

    Example:
        >>> round(correlation_score(np.array([[1.0, -1, 1, -1], [1, 1, -1, -1]])), 3)
        -2.0
    """
    rows = np.asarray(jacobian, np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations = np.corrcoef(rows).reshape(len(rows), len(rows))
    correlations = np.where(np.isfinite(correlations), correlations, 1.0)
    values = np.maximum(np.linalg.eigvalsh(correlations), 0.0) + _SMALL
    return float(-np.sum(np.log(values) + 1 / values))
