"""Matrix products and table look-ups."""

from __future__ import annotations

from jarch.ir import Fragment, Property

from .pieces import piece


def dense(features: Property, use_bias: Property = True, name: str | None = None) -> Fragment:
    """Return a matrix product over the last axis: (…, channels) to (…, features).

    Args:
        features: Size of the output's last axis.
        use_bias: Whether to add a constant to each feature.
        name: The node's name.

    Raises:
        SpaceError: A property can take a value that it must not have.

    Example:
        >>> print(dense(features=10))
        (@in) -> (out=%dense)
          %dense = dense(@in) features=10, use_bias=True
    """
    return piece("dense", name, {"features": features, "use_bias": use_bias})


def embedding(num_embeddings: Property, features: Property, name: str | None = None) -> Fragment:
    """Return a table look-up: integers (…) to vectors (…, features).

    Args:
        num_embeddings: How many integers there are: 0, 1, …, `num_embeddings` - 1.
        features: Size of each vector.
        name: The node's name.

    Raises:
        SpaceError: A property can take a value that it must not have.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(lambda: embedding(num_embeddings=100, features=8)), [])
        >>> ja.analyze(net, {"in": (20,)}).shapes["embedding"]
        (20, 8)
    """
    return piece("embedding", name, {"num_embeddings": num_embeddings, "features": features})
