"""Makes a piece of one of jarch's own operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from jarch.ir import OPS, SINGLE_INPUT, Fragment, Property, basic, check_property

_PLAIN = frozenset({bool, int, float, str, type(None)})


def piece(
    operation: str,
    name: str | None,
    properties: Mapping[str, Property],
    inputs: Sequence[str] = (SINGLE_INPUT,),
) -> Fragment:
    """Return a piece of one node with the output `out`.

    Args:
        operation: A name in `OPS`.
        name: The node's name; None for the operation's.
        properties: All properties of the operation, by name.
        inputs: Names of its inputs.

    Raises:
        SpaceError: A property can take a value that it must not have.
    """
    types = tuple([value.__class__ for value in properties.values()])
    if _PLAIN.issuperset(types):
        return _remembered(operation, name, tuple(properties.items()), types, tuple(inputs))
    return _made(operation, name, properties, inputs)


@lru_cache(maxsize=4096)
def _remembered(
    operation: str,
    name: str | None,
    properties: tuple[tuple[str, Property], ...],
    types: tuple[type, ...],
    inputs: tuple[str, ...],
) -> Fragment:
    """Return a piece that is decided; substitutions ask for the same few again and again.

    `types` tells 1 from True and from 1.0, which are equal and so would be one.
    """
    return _made(operation, name, dict(properties), inputs)


def _made(
    operation: str, name: str | None, properties: Mapping[str, Property], inputs: Sequence[str]
) -> Fragment:
    op = OPS[operation]
    fragment = basic(op, properties, inputs, name=name)
    for key, value in fragment.nodes[0][1].properties:
        check_property(op, key, value)
    return fragment
