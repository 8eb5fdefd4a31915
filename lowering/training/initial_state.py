"""The state of an optimiser before its first step, without compiling."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX and optax are partial)

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

_SAMPLE = {"kernel": np.full((2, 3), 0.5, np.float32), "bias": np.full(3, 0.5, np.float32)}


def zero_state(optimizer: optax.GradientTransformationExtraArgs, params: Any) -> Any:
    """Return the state of an optimiser for parameters that lie on the host."""
    shapes = zero_shapes(optimizer, params)
    if shapes is None:
        return jax.tree.map(jnp.copy, optimizer.init(params))  # it may hold the parameters
    return zeros(shapes)


def zero_shapes(optimizer: optax.GradientTransformationExtraArgs, params: Any) -> Any:
    """Return the shapes of the state of an optimiser; None where it does not begin with zeros.

    Nearly all of optax's begin with zeros. Whether this one does is seen on two small arrays, and
    then only the shapes are asked for: computing the state of a net with a hundred arrays takes
    longer than an epoch on a small data set.
    """
    sample: list[Any] = jax.tree.leaves(optimizer.init(_SAMPLE))
    if any(_begins_elsewhere(leaf) for leaf in sample):
        return None
    shapes: Any = jax.eval_shape(optimizer.init, params)
    return shapes


def zeros(shapes: Any) -> Any:
    """Return new arrays of these shapes, on the host."""
    return jax.tree.map(_zeros, shapes)


def _begins_elsewhere(leaf: Any) -> bool:
    """Say whether a part of the state is not zero, such as the key of a random number generator."""
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return True
    return bool(np.any(np.asarray(leaf) != 0))


def _zeros(shape: Any) -> Any:
    return np.zeros(shape.shape, shape.dtype)
