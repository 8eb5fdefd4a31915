"""Nodes and open pieces of graph: immutable values, connected by names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from .constants import Constant, format_constant
from .hyperparameters import Hyperparameter, Property, is_hyperparameter
from .operations import Op

SINGLE_INPUT = "in"
SINGLE_OUTPUT = "out"


@dataclass(frozen=True, slots=True)
class Source:
    """Where an input comes from.

    Attributes:
        node: The name of the node that produces it, or "" for an input of the whole piece.
        output: The name of the node's output, or of the piece's input.

    Example:
        >>> print(Source("", "in"), Source("conv", "out"), Source("split", "left"))
        @in %conv %split:left
    """

    node: str
    output: str

    def __str__(self) -> str:
        """Write it as the text form does: `@in`, `%conv` or `%split:left`."""
        if not self.node:
            return f"@{self.output}"
        return f"%{self.node}" + ("" if self.output == SINGLE_OUTPUT else f":{self.output}")


Inputs: TypeAlias = tuple[tuple[str, Source], ...]
Properties: TypeAlias = tuple[tuple[str, Property], ...]


@dataclass(frozen=True, slots=True)
class Basic:
    """A module that computes `op`.

    Attributes:
        op: What it computes.
        properties: Names and values, sorted by name; all constants in an architecture.
        inputs: Names and sources, in the order of declaration.
        outputs: Names.

    Example:
        >>> import jarch as ja
        >>> ((name, node),) = ja.nn.dense(features=8).nodes
        >>> name, node.op, node.inputs
        ('dense', Op(name='dense'), (('in', Source(node='', output='in')),))
        >>> node.properties
        (('features', 8), ('use_bias', True))
    """

    op: Op
    properties: Properties
    inputs: Inputs
    outputs: tuple[str, ...] = (SINGLE_OUTPUT,)

    @property
    def label(self) -> str:
        """What pictures and texts call it."""
        return self.op.label


@dataclass(frozen=True, slots=True)
class Substitution:
    """A place that `function(**properties)` fills once all its properties have values.

    Attributes:
        function: Pure; returns the `Fragment` that takes this place.
        properties: Names and values, sorted by name.
        inputs: Names and sources, in the order of declaration.
        outputs: Names.
        label: What pictures and texts call it.
        may_drop: The fragment may have fewer inputs and outputs than this node.

    Example:
        >>> import jarch as ja
        >>> def tower(depth):
        ...     return ja.sequential(*[ja.nn.relu() for _ in range(depth)])
        >>> ((name, node),) = ja.substitution(tower, {"depth": 2}, name="tower").nodes
        >>> print(node.function(**dict(node.properties)))  # what will take its place
        (@in) -> (out=%relu-1)
          %relu = relu(@in)
          %relu-1 = relu(%relu)
    """

    function: Callable[..., Fragment]
    properties: Properties
    inputs: Inputs
    outputs: tuple[str, ...] = (SINGLE_OUTPUT,)
    label: str = "substitution"
    may_drop: bool = False


Node: TypeAlias = Basic | Substitution


@dataclass(frozen=True, slots=True)
class Fragment:
    """An open piece of graph: what combinators take and return.

    Attributes:
        inputs: Names of what it takes.
        nodes: Names and nodes, producers before consumers.
        outputs: Names and where each comes from.

    Example:
        >>> import jarch as ja
        >>> piece = ja.sequential(ja.nn.flatten(), ja.nn.dense(features=8))
        >>> piece.inputs, [name for name, node in piece.nodes]
        (('in',), ['flatten', 'dense'])
        >>> print(piece)
        (@in) -> (out=%dense)
          %flatten = flatten(@in)
          %dense = dense(%flatten) features=8, use_bias=True
    """

    inputs: tuple[str, ...]
    nodes: tuple[tuple[str, Node], ...]
    outputs: tuple[tuple[str, Source], ...]

    def __str__(self) -> str:
        """Return the piece as text, a line a node."""
        takes = ", ".join(f"@{name}" for name in self.inputs)
        gives = ", ".join(f"{name}={source}" for name, source in self.outputs)
        lines = [f"({takes}) -> ({gives})", *(format_node(name, node) for name, node in self.nodes)]
        return "\n  ".join(lines)


def open_properties(node: Node) -> tuple[tuple[str, Hyperparameter], ...]:
    """Return the properties that are hyperparameters, sorted by name."""
    return tuple([(name, value) for name, value in node.properties if is_hyperparameter(value)])


def format_property(value: Property) -> str:
    """Return a property as text: a literal, or `$key` for a hyperparameter."""
    return f"${value.key}" if is_hyperparameter(value) else format_constant(_constant(value))


def format_node(name: str, node: Node) -> str:
    """Return a node as one line: `%conv = conv(@in) features=16, kernel_size=$kernel_size`."""
    single = len(node.inputs) == 1 and node.inputs[0][0] == SINGLE_INPUT
    inputs = ", ".join(
        str(source) if single else f"{port}={source}" for port, source in node.inputs
    )
    properties = ", ".join(f"{key}={format_property(value)}" for key, value in node.properties)
    called = node.op.name if isinstance(node, Basic) else f"substitution<{node.label}>"
    outputs = "" if node.outputs == (SINGLE_OUTPUT,) else f" -> ({', '.join(node.outputs)})"
    return f"%{name} = {called}({inputs}){outputs}" + (f" {properties}" if properties else "")


def _constant(value: Property) -> Constant:
    assert not is_hyperparameter(value)
    return value  # type: ignore[return-value]
