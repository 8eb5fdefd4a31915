"""Several inputs into one, and pieces that only pass on or reshape."""

from __future__ import annotations

from jarch.ir import Fragment, SpaceError

from .pieces import piece


def add(n: int = 2, name: str | None = None) -> Fragment:
    """Return the sum of the inputs `in0`, `in1`, …, all of one shape.

    Args:
        n: How many inputs: 1 or more.
        name: The node's name.

    Example:
        >>> print(add(3))
        (@in0, @in1, @in2) -> (out=%add)
          %add = add(in0=@in0, in1=@in1, in2=@in2)
    """
    return piece("add", name, {}, _inputs("add", n))


def multiply(n: int = 2, name: str | None = None) -> Fragment:
    """Return the product, element by element, of the inputs `in0`, `in1`, …, all of one shape.

    Args:
        n: How many inputs: 1 or more.
        name: The node's name.

    Example:
        >>> print(multiply())
        (@in0, @in1) -> (out=%multiply)
          %multiply = multiply(in0=@in0, in1=@in1)
    """
    return piece("multiply", name, {}, _inputs("multiply", n))


def concatenate(n: int = 2, name: str | None = None) -> Fragment:
    """Return the inputs `in0`, `in1`, … along the last axis; their other axes are the same.

    Args:
        n: How many inputs: 1 or more.
        name: The node's name.

    Example:
        >>> print(concatenate())
        (@in0, @in1) -> (out=%concatenate)
          %concatenate = concatenate(in0=@in0, in1=@in1)
    """
    return piece("concatenate", name, {}, _inputs("concatenate", n))


def flatten(name: str | None = None) -> Fragment:
    """Return all axes as one: (height, width, channels) to (height * width * channels,).

    Example:
        >>> print(flatten())
        (@in) -> (out=%flatten)
          %flatten = flatten(@in)
    """
    return piece("flatten", name, {})


def identity(name: str | None = None) -> Fragment:
    """Return a node that passes its input on; `jarch.identity` does it without a node.

    Example:
        >>> print(identity())
        (@in) -> (out=%identity)
          %identity = identity(@in)
    """
    return piece("identity", name, {})


def zero(name: str | None = None) -> Fragment:
    """Return zeros of the input's shape: the absent edge of a cell-based space.

    Example:
        >>> print(zero())
        (@in) -> (out=%zero)
          %zero = zero(@in)
    """
    return piece("zero", name, {})


def _inputs(function: str, n: int) -> tuple[str, ...]:
    if n.__class__ is not int or n < 1:
        raise SpaceError(f"{function}: n is {n!r}; it must be an integer of at least 1")
    return tuple(f"in{i}" for i in range(n))
