"""Connects pieces of graph into larger ones; every combinator is written with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from .constants import as_constant
from .errors import SpaceError
from .graph import (
    SINGLE_INPUT,
    SINGLE_OUTPUT,
    Basic,
    Fragment,
    Inputs,
    Node,
    Properties,
    Source,
    Substitution,
)
from .hyperparameters import Property, is_hyperparameter
from .operations import Op
from .scopes import Names, check_name


class Wiring:
    """A graph being put together: add pieces, connect them, take the result.

    A piece may be added more than once: each time makes new nodes (with weights of their own)
    that share the piece's hyperparameters. A name that is taken gets a number.

    Example:
        >>> from jarch import nn
        >>> wiring = Wiring(["image", "text"])
        >>> image = wiring.add(nn.dense(features=8), {"in": wiring.input("image")})["out"]
        >>> text = wiring.add(nn.dense(features=8), {"in": wiring.input("text")})["out"]
        >>> both = wiring.add(nn.add(), {"in0": image, "in1": text})["out"]
        >>> [name for name, node in wiring.build({"out": both}).nodes]
        ['dense', 'dense-1', 'add']
    """

    def __init__(self, inputs: Sequence[str] = (SINGLE_INPUT,)) -> None:
        """Begin a piece that takes `inputs`."""
        self._inputs = tuple(check_name(name) for name in inputs)
        self._nodes: list[tuple[str, Node]] = []
        self._names = Names()

    def input(self, name: str = SINGLE_INPUT) -> Source:
        """Return the source that stands for an input of the whole."""
        if name not in self._inputs:
            raise SpaceError(f"no input {name!r}; there are {list(self._inputs)}")
        return Source("", name)

    def add(
        self, fragment: Fragment, inputs: Mapping[str, Source], prefix: str = ""
    ) -> dict[str, Source]:
        """Place a piece, feed its inputs, and return the sources of its outputs.

        Args:
            fragment: The piece.
            inputs: A source for each of its inputs.
            prefix: Put before its nodes' names, with a slash between.

        Raises:
            SpaceError: An input is not fed, or one that it does not have is.
        """
        if set(inputs) != set(fragment.inputs):
            raise SpaceError(
                f"the piece takes inputs {list(fragment.inputs)} but is fed {sorted(inputs)}; "
                f"feed each once. The piece is {fragment}"
            )
        start = f"{prefix}/" if prefix else ""
        renamed: dict[str, str] = {}
        unique, nodes = self._names.unique, self._nodes
        for name, node in fragment.nodes:
            fresh = renamed[name] = unique(start + name)
            nodes.append((fresh, _rewire(node, renamed, inputs)))
        return {name: _redirect(source, renamed, inputs) for name, source in fragment.outputs}

    def build(self, outputs: Mapping[str, Source]) -> Fragment:
        """Return the piece with the outputs given."""
        if not outputs:
            raise SpaceError("a piece needs at least one output")
        return Fragment(
            self._inputs,
            tuple(self._nodes),
            tuple((check_name(name), source) for name, source in outputs.items()),
        )


def _redirect(source: Source, renamed: dict[str, str], inputs: Mapping[str, Source]) -> Source:
    if not source.node:
        return inputs[source.output]
    name = renamed[source.node]
    return source if name == source.node else Source(name, source.output)


def _rewire(node: Node, renamed: dict[str, str], inputs: Mapping[str, Source]) -> Node:
    wired = tuple([(name, _redirect(source, renamed, inputs)) for name, source in node.inputs])
    if wired == node.inputs:
        return node
    if isinstance(node, Basic):  # written out: dataclasses.replace takes five times as long
        return Basic(node.op, node.properties, wired, node.outputs)
    return Substitution(
        node.function, node.properties, wired, node.outputs, node.label, node.may_drop
    )


def basic(
    op: Op,
    properties: Mapping[str, Property],
    inputs: Sequence[str] = (SINGLE_INPUT,),
    outputs: Sequence[str] = (SINGLE_OUTPUT,),
    name: str | None = None,
) -> Fragment:
    """Return a piece of one basic node.

    Args:
        op: What it computes.
        properties: Hyperparameters or plain data, by name.
        inputs: Names of its inputs.
        outputs: Names of its outputs.
        name: The node's name; by default the operation's.

    Raises:
        SpaceError: A property is neither a hyperparameter nor plain data, or a name does not do.

    Example:
        >>> from jarch.ir import OPS
        >>> print(basic(OPS["add"], {}, inputs=["left", "right"]))
        (@left, @right) -> (out=%add)
          %add = add(left=@left, right=@right)
    """
    node = Basic(op, _properties(op.label, properties), _open(inputs), _named(outputs))
    return _single(check_name(name or op.label), node, inputs)


def substitution(
    function: Callable[..., Fragment],
    properties: Mapping[str, Property],
    inputs: Sequence[str] = (SINGLE_INPUT,),
    outputs: Sequence[str] = (SINGLE_OUTPUT,),
    name: str = "substitution",
    may_drop: bool = False,
) -> Fragment:
    """Return a piece that `function(**properties)` makes once all properties have values.

    The function runs in a scope named after the node, so the keys of hyperparameters that it
    makes do not depend on when it runs. It must be pure: it runs once for the values it is given,
    and its result is kept.

    Args:
        function: Returns the piece that takes the node's place, with the same names of inputs
            and outputs; may raise `InvalidArchitecture`.
        properties: Hyperparameters or plain data, by the function's argument names.
        inputs: Names of the inputs.
        outputs: Names of the outputs.
        name: The node's name.
        may_drop: Allow the function to return a piece with fewer inputs or outputs.

    Example:
        >>> import jarch as ja
        >>> def tower(depth):
        ...     return ja.sequential(*[ja.nn.relu() for _ in range(depth)])
        >>> def space():
        ...     return ja.substitution(tower, {"depth": ja.Discrete([1, 2, 3], name="depth")})
        >>> len(ja.replay(ja.trace(space), [3]).nodes)
        3
    """
    node = Substitution(
        function, _properties(name, properties), _open(inputs), _named(outputs), name, may_drop
    )
    return _single(check_name(name), node, inputs)


def _single(name: str, node: Node, inputs: Sequence[str]) -> Fragment:
    outputs = tuple([(output, Source(name, output)) for output in node.outputs])
    return Fragment(tuple(inputs), ((name, node),), outputs)


def _open(inputs: Sequence[str]) -> Inputs:
    return tuple([(check_name(name), Source("", name)) for name in inputs])


def _named(outputs: Sequence[str]) -> tuple[str, ...]:
    return tuple([check_name(name) for name in outputs])


def _properties(owner: str, properties: Mapping[str, Property]) -> Properties:
    return tuple(
        [
            (name, value if is_hyperparameter(value) else as_constant(value, f"{owner}: {name}"))
            for name, value in sorted(properties.items())
        ]
    )
