"""Architectures as JSON."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from typing import Any

from .architecture import Architecture
from .constants import as_constant
from .errors import ParseError, SpaceError
from .graph import Basic, Source
from .operations import Op
from .ops import OPS
from .verification import verify_architecture

_FORMAT = "jarch.architecture/1"


def to_json(architecture: Architecture, indent: int | None = None) -> str:
    """Return an architecture, with its decisions, as JSON that `from_json` reads back.

    Args:
        architecture: Any.
        indent: Spaces a level; None for one line.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(ja.spaces.digits_dense), [1, 16, "relu"])
        >>> from_json(to_json(net)) == net
        True
    """
    return json.dumps(
        {
            "format": _FORMAT,
            "inputs": architecture.inputs,
            "nodes": [
                {
                    "key": key,
                    "op": node.op.name,
                    "properties": dict(node.properties),
                    "inputs": [(port, source.node, source.output) for port, source in node.inputs],
                    "outputs": node.outputs,
                }
                for key, node in architecture.nodes
            ],
            "outputs": [
                (name, source.node, source.output) for name, source in architecture.outputs
            ],
            "decisions": architecture.decisions,
        },
        indent=indent,
    )


def from_json(text: str, ops: Mapping[str, Op] | None = None) -> Architecture:
    """Return the architecture that `to_json` wrote.

    Args:
        text: The JSON.
        ops: Operations of the user's by name, for those that cannot be imported by it.

    Raises:
        ParseError: The text is no such JSON, or describes no valid architecture.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(ja.spaces.digits_dense), [1, 16, "relu"])
        >>> read = from_json(to_json(net))
        >>> read == net, read.values
        (True, (1, 16, 'relu'))
    """
    try:
        read: dict[str, Any] = json.loads(text)
        if read["format"] != _FORMAT:
            raise ParseError(f"format {read['format']!r} is not {_FORMAT!r}; update jarch")
        architecture = Architecture(
            tuple(read["inputs"]),
            tuple((node["key"], _node(node, ops or {})) for node in read["nodes"]),
            tuple((name, Source(node, output)) for name, node, output in read["outputs"]),
            tuple((key, as_constant(value, key)) for key, value in read["decisions"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, ParseError):
            raise
        raise ParseError(f"this is not an architecture as to_json writes it: {error!r}") from error
    try:
        verify_architecture(architecture)
    except SpaceError as error:
        raise ParseError(str(error)) from error
    return architecture


def find_op(name: str, ops: Mapping[str, Op] | None = None) -> Op:
    """Return the operation of a name: given, jarch's own, or imported from `"module:name"`.

    Raises:
        ParseError: There is none.
    """
    found = (ops or {}).get(name) or OPS.get(name)
    if found is not None:
        return found
    module, _, attribute = name.partition(":")
    try:
        value: Any = importlib.import_module(module)
        for part in attribute.split("."):
            value = getattr(value, part)
    except (ImportError, AttributeError, ValueError):
        value = None
    value = getattr(value, "op", value)
    if isinstance(value, Op) and value.name == name:
        return value
    raise ParseError(
        f"operation {name!r} is unknown here; make it importable under this name, or pass "
        f"ops={{{name!r}: …}}"
    )


def _node(read: Mapping[str, Any], ops: Mapping[str, Op]) -> Basic:
    properties = sorted(read["properties"].items())
    return Basic(
        find_op(read["op"], ops),
        tuple((name, as_constant(value, f"{read['key']}: {name}")) for name, value in properties),
        tuple((port, Source(node, output)) for port, node, output in read["inputs"]),
        tuple(read["outputs"]),
    )
