"""Normalisation, each with a scale and a bias for every channel, dropout and dropped paths."""

from __future__ import annotations

from jarch.ir import Fragment, Property

from .pieces import piece


def batch_norm(
    momentum: Property = 0.99, epsilon: Property = 1e-5, name: str | None = None
) -> Fragment:
    """Return a normalisation of each channel over the batch, by running statistics in inference.

    Args:
        momentum: How much of the running statistics a training step keeps.
        epsilon: Added to the variance.
        name: The node's name.

    Reference:
        Ioffe and Szegedy 2015, "Batch normalization: accelerating deep network training by
        reducing internal covariate shift".

    Example:
        >>> print(batch_norm())
        (@in) -> (out=%batch_norm)
          %batch_norm = batch_norm(@in) epsilon=1e-05, momentum=0.99
    """
    return piece("batch_norm", name, {"momentum": momentum, "epsilon": epsilon})


def layer_norm(epsilon: Property = 1e-6, name: str | None = None) -> Fragment:
    """Return a normalisation over the channels.

    Args:
        epsilon: Added to the variance.
        name: The node's name.

    Reference:
        Ba, Kiros and Hinton 2016, "Layer normalization".

    Example:
        >>> print(layer_norm())
        (@in) -> (out=%layer_norm)
          %layer_norm = layer_norm(@in) epsilon=1e-06
    """
    return piece("layer_norm", name, {"epsilon": epsilon})


def group_norm(
    groups: Property = 32, epsilon: Property = 1e-6, name: str | None = None
) -> Fragment:
    """Return a normalisation over the axes before the channels and over groups of channels.

    Args:
        groups: How many; divides the channels.
        epsilon: Added to the variance.
        name: The node's name.

    Reference:
        Wu and He 2018, "Group normalization".

    Example:
        >>> print(group_norm(groups=4))
        (@in) -> (out=%group_norm)
          %group_norm = group_norm(@in) epsilon=1e-06, groups=4
    """
    return piece("group_norm", name, {"groups": groups, "epsilon": epsilon})


def dropout(rate: Property, name: str | None = None) -> Fragment:
    """Return a dropout: in training elements become 0 at random, the others grow to make up for it.

    Args:
        rate: The probability of 0, at least 0 and below 1.
        name: The node's name.

    Raises:
        SpaceError: The rate can take another value.

    Reference:
        Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from
        overfitting".

    Example:
        >>> print(dropout(rate=0.5))
        (@in) -> (out=%dropout)
          %dropout = dropout(@in) rate=0.5
    """
    return piece("dropout", name, {"rate": rate})


def drop_path(rate: Property, name: str | None = None) -> Fragment:
    """Return a node that drops whole examples in training: stochastic depth.

    It belongs at the end of the main piece of a `jarch.residual`: then at random, for each example
    by itself, only the shortcut is left. What is kept is divided by `1 - rate`, so that outside of
    training nothing is to be done.

    Args:
        rate: The probability of an example to be dropped, at least 0 and below 1.
        name: The node's name.

    Raises:
        SpaceError: The rate can take another value.

    Reference:
        Huang et al. 2016, "Deep networks with stochastic depth".

    Example:
        >>> print(drop_path(rate=0.2))
        (@in) -> (out=%drop_path)
          %drop_path = drop_path(@in) rate=0.2
    """
    return piece("drop_path", name, {"rate": rate})
