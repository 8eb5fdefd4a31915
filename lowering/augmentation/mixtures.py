"""Targets that are parts of several classes, and how large the parts are."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

_LEAST = 1e-3  # a smaller alpha gives next to nothing but parts of 0 and 1


class Mixture(NamedTuple):
    """The targets of N examples, each of which is made of K."""

    labels: Any  # int (N, K): class indices
    weights: Any  # float32 (N, K), of at least 0; those of an example sum to 1


def unmixed(targets: Any) -> Mixture:
    """Return class indices (N,) as a mixture of one."""
    return Mixture(targets[:, None], jnp.ones((targets.shape[0], 1), jnp.float32))


def mixed(targets: Mixture, part: Any) -> Mixture:
    """Return the targets of examples that were mixed with their partners.

    Args:
        targets: Before.
        part: A scalar: what of an example is itself.
    """
    weights = part * targets.weights, (1 - part) * partners(targets.weights)
    labels = targets.labels, partners(targets.labels)
    return Mixture(jnp.concatenate(labels, axis=1), jnp.concatenate(weights, axis=1))


def partners(examples: Any) -> Any:
    """Return for each example of a batch the one it is mixed with: the batch from its end.

    The order in a batch is random, so that is as good as another permutation, and takes no sorting.
    """
    return jnp.flip(examples, axis=0)


def random_part(key: Any, alpha: Any) -> Any:
    """Draw from Beta(alpha, alpha): float32, a scalar; 1 where alpha is 0.

    As `jax.random.beta` does, by two gamma variables; but with one loop for both, so that there is
    less to compile.
    """
    alike = jnp.maximum(alpha, _LEAST)
    drawn: Any = jax.random.loggamma(key, alike, (2,), jnp.float32)
    return jnp.where(alpha > 0, jax.nn.sigmoid(drawn[0] - drawn[1]), jnp.float32(1))
