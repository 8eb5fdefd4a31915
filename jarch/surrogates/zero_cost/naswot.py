"""naswot: how many of its linear pieces a network puts examples into."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from .probe import Probe


def code_kernel(probe: Probe) -> jax.Array:
    """Return the kernel of the examples' binary codes: N_A - d_H(c_i, c_j), integers (N, N).

    An example's code has a bit for each of the N_A elements that go into activations: whether it
    is positive. The paper has ReLUs alone; here it is all activations but softmax.

    Reference:
        Mellor et al. 2021, "Neural architecture search without training", section 3: K_H.
    """
    count = len(probe.outputs)
    codes = [jnp.where(value > 0, 1.0, -1.0).reshape(count, -1) for value in probe.activated]
    # Of signs s, with equal bits counted as 1 and others as -1, half of N_A + s sᵀ is the kernel;
    # float32 holds such products exactly up to 2²⁴ elements.
    total = jnp.zeros((count, count), jnp.int32)
    for code in codes:
        agreement = (code.shape[1] + code @ code.T) / 2
        total += agreement.astype(jnp.int32)
    return total


def log_determinant(kernel: NDArray[Any]) -> float:
    """Return log |det K|: minus infinity where two examples cannot be told apart.

    Reference:
        Mellor et al. 2021, "Neural architecture search without training", section 3: the score
        s = log |K_H|.

    Example:
        >>> round(log_determinant(np.array([[3, 1], [1, 3]])), 3)  # log 8
        2.079
        >>> log_determinant(np.array([[3, 3], [3, 3]]))
        -inf
    """
    return float(np.linalg.slogdet(np.asarray(kernel, np.float64)).logabsdet)
