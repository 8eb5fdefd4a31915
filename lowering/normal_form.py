"""What of an architecture shapes its program: the graph without names and without numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from jarch.ir import Architecture, Basic, Source

from .numbers import PLACEHOLDER, numbers_of

_KEPT = 1024  # normal forms remembered; some 20 kB each


@dataclass(frozen=True, slots=True)
class NormalForm:
    """An architecture taken apart: what shapes the program, and what the program is given.

    Two architectures have equal `architecture`s here exactly when they are the same program.

    Attributes:
        architecture: The graph with nodes named by their position and placeholders for numbers.
        names: The node's key by its name in the normal form.
        numbers: The names of node and property, and the value, of each number, in order.
    """

    architecture: Architecture
    names: Mapping[str, str]
    numbers: tuple[tuple[str, str, float], ...]

    def to_normal(self, variables: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Return variables by the names of the normal form.

        Args:
            variables: Collections, each by node keys; what belongs to no node is left out.
        """
        return {
            collection: {name: nodes[key] for name, key in self.names.items() if key in nodes}
            for collection, nodes in variables.items()
        }

    def from_normal(self, variables: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Return variables by the keys of the architecture's nodes."""
        return {
            collection: {self.names[name]: node for name, node in nodes.items()}
            for collection, nodes in variables.items()
        }


def normal_form(architecture: Architecture) -> NormalForm:
    """Return the normal form of an architecture.

    Nodes are numbered depth first from the outputs, as edges have an order: so names depend
    neither on the keys of the nodes nor on the order in which they were made. Names of inputs and
    outputs stay; they are seen from outside.

    Example:
        >>> import jarch as ja
        >>> def net(rate, name):
        ...     return ja.replay(ja.trace(lambda: ja.nn.dropout(rate, name=name)), [])
        >>> one, other = normal_form(net(0.1, "one")), normal_form(net(0.2, "other"))
        >>> one.architecture == other.architecture
        True
        >>> other.names, other.numbers
        ({'n0': 'other'}, (('n0', 'rate', 0.2),))
    """
    own = {n.op.name: n.op.lowerings.get("flax") for _, n in architecture.nodes if n.op.lowerings}
    return _normal_form(architecture, tuple(own.items()))


@lru_cache(_KEPT)
def _normal_form(architecture: Architecture, own: tuple[tuple[str, object], ...]) -> NormalForm:
    """Remember by the rules of the user's own operations too, which may be written anew."""
    nodes = dict(architecture.nodes)
    order = _depth_first(architecture, nodes)
    names = {key: f"n{i}" for i, key in enumerate(order)}
    numbers = tuple(
        (names[key], name, value) for key in order for name, value in numbers_of(nodes[key]).items()
    )
    normal = Architecture(
        architecture.inputs,
        tuple((names[key], _renamed(nodes[key], names)) for key in order),
        tuple((name, _moved(source, names)) for name, source in architecture.outputs),
    )
    return NormalForm(normal, {name: key for key, name in names.items()}, numbers)


def _depth_first(architecture: Architecture, nodes: Mapping[str, Basic]) -> list[str]:
    """Return the keys of the nodes, producers first; those that lead to no output come last."""
    found: dict[str, None] = {}
    ends = [source.node for _, source in architecture.outputs if source.node]
    stack = [*reversed([*nodes]), *reversed(ends)]
    while stack:
        key = stack[-1]
        missing = [s.node for _, s in nodes[key].inputs if s.node and s.node not in found]
        if key in found or not missing:
            found[stack.pop()] = None
        else:
            stack.extend(reversed(missing))
    return list(found)


def _renamed(node: Basic, names: Mapping[str, str]) -> Basic:
    numbers = numbers_of(node)
    return replace(
        node,
        properties=tuple((k, PLACEHOLDER if k in numbers else v) for k, v in node.properties),
        inputs=tuple((port, _moved(source, names)) for port, source in node.inputs),
    )


def _moved(source: Source, names: Mapping[str, str]) -> Source:
    return Source(names[source.node], source.output) if source.node else source
