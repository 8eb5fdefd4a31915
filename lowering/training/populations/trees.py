"""Trees of arrays with an axis of members in front."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def stacked(trees: Sequence[Any]) -> Any:
    """Return one tree whose arrays lie one behind the other, on the host."""

    def stack(*leaves: Any) -> Any:
        if jnp.issubdtype(leaves[0].dtype, jax.dtypes.prng_key):
            return jnp.stack(leaves)  # NumPy has no keys
        return np.stack([np.asarray(leaf) for leaf in leaves])

    return jax.tree.map(stack, *trees)


def row_of(tree: Any, row: Any) -> Any:
    """Return what belongs to one member, or to several."""

    def taken(leaf: Any) -> Any:
        return leaf[row]

    return jax.tree.map(taken, tree)


def as_row(tree: Any) -> Any:
    """Return a tree as that of a population of one."""

    def wrapped(leaf: Any) -> Any:
        return leaf[None]

    return jax.tree.map(wrapped, tree)


def copied_row(tree: Any, row: int) -> Any:
    """Return copies of what belongs to one member, on the host: not views of all."""

    def copied(leaf: Any) -> Any:
        return np.array(leaf[row])

    return jax.tree.map(copied, tree)
