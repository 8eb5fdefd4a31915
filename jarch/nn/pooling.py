"""Pooling over windows and over whole images."""

from __future__ import annotations

from jarch.ir import Fragment, Property

from .pieces import piece


def max_pool(
    window: Property,
    strides: Property = None,
    padding: Property = "VALID",
    name: str | None = None,
) -> Fragment:
    """Return the greatest element of each window, for each channel.

    Args:
        window: Its size: an integer for all axes before the channels, or a tuple.
        strides: Steps of the window, an integer or a tuple; None for its size.
        padding: "VALID": none, or "SAME": so that a length n becomes ceil(n / stride).
        name: The node's name.

    Raises:
        SpaceError: A property can take a value that it must not have.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(lambda: max_pool(window=2)), [])
        >>> ja.analyze(net, {"in": (8, 8, 3)}).shapes["max_pool"]
        (4, 4, 3)
    """
    return piece("max_pool", name, {"window": window, "strides": strides, "padding": padding})


def avg_pool(
    window: Property,
    strides: Property = None,
    padding: Property = "VALID",
    name: str | None = None,
) -> Fragment:
    """Return the mean of each window, for each channel; zeros of padding count.

    Args:
        window: Its size: an integer for all axes before the channels, or a tuple.
        strides: Steps of the window, an integer or a tuple; None for its size.
        padding: "VALID": none, or "SAME": so that a length n becomes ceil(n / stride).
        name: The node's name.

    Raises:
        SpaceError: A property can take a value that it must not have.

    Example:
        >>> print(avg_pool(window=2))
        (@in) -> (out=%avg_pool)
          %avg_pool = avg_pool(@in) padding='VALID', strides=None, window=2
    """
    return piece("avg_pool", name, {"window": window, "strides": strides, "padding": padding})


def global_max_pool(name: str | None = None) -> Fragment:
    """Return the greatest element of each channel: (…, channels) to (channels,).

    Example:
        >>> print(global_max_pool())
        (@in) -> (out=%global_max_pool)
          %global_max_pool = global_max_pool(@in)
    """
    return piece("global_max_pool", name, {})


def global_avg_pool(name: str | None = None) -> Fragment:
    """Return the mean of each channel: (…, channels) to (channels,).

    Example:
        >>> print(global_avg_pool())
        (@in) -> (out=%global_avg_pool)
          %global_avg_pool = global_avg_pool(@in)
    """
    return piece("global_avg_pool", name, {})
