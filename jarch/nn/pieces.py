"""Makes a piece of one of jarch's own operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jarch.ir import OPS, SINGLE_INPUT, Fragment, Property, basic, check_property


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
    op = OPS[operation]
    fragment = basic(op, properties, inputs, name=name)
    for key, value in fragment.nodes[0][1].properties:
        check_property(op, key, value)
    return fragment
