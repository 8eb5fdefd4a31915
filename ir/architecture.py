"""What a space becomes when nothing is left to decide: basic nodes with concrete properties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .constants import Constant
from .graph import Basic, Source, format_node


@dataclass(frozen=True, slots=True)
class Architecture:
    """One concrete model, for any target.

    Equality and hash look at the graph: inputs, nodes with their keys, outputs. How it was
    reached, `decisions`, is carried along but not compared.

    Attributes:
        inputs: Names of the inputs, sorted.
        nodes: Keys and nodes, producers before consumers; all properties are constants.
        outputs: Names of the outputs, sorted, and where each comes from.
        decisions: Keys and values of the hyperparameters, in the order assigned.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(ja.spaces.digits_dense), [1, 16, "relu"])
        >>> net.decisions
        (('depth', 1), ('width', 16), ('hidden/activation', 'relu'))
        >>> print(net)
        architecture(@in) -> (out=%dense) {
          %flatten = flatten(@in)
          %hidden/dense = dense(%flatten) features=16, use_bias=True
          %hidden/activation = activation(%hidden/dense) function='relu'
          %dense = dense(%hidden/activation) features=10, use_bias=True
        }
    """

    inputs: tuple[str, ...]
    nodes: tuple[tuple[str, Basic], ...]
    outputs: tuple[tuple[str, Source], ...]
    decisions: tuple[tuple[str, Constant], ...] = field(default=(), compare=False)
    _hash: int | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def values(self) -> tuple[Constant, ...]:
        """The values assigned, in the order assigned: what `replay` takes."""
        return tuple(value for _, value in self.decisions)

    def __hash__(self) -> int:
        """Hash the graph, once."""
        if self._hash is None:
            found = hash((self.inputs, self.nodes, self.outputs))
            object.__setattr__(self, "_hash", found)
        assert self._hash is not None
        return self._hash

    def __str__(self) -> str:
        """Return the nodes as text, a line a node, without the decisions."""
        takes = ", ".join(f"@{name}" for name in self.inputs)
        gives = ", ".join(f"{name}={source}" for name, source in self.outputs)
        body = "".join(f"  {format_node(key, node)}\n" for key, node in self.nodes)
        return f"architecture({takes}) -> ({gives}) {{\n{body}}}"


def properties(node: Basic) -> Mapping[str, Constant]:
    """Return the properties of an architecture's node by name.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(lambda: ja.nn.dense(ja.Discrete([8, 16]))), [16])
        >>> {key: properties(node) for key, node in net.nodes}
        {'dense': {'features': 16, 'use_bias': True}}
    """
    return dict(node.properties)  # type: ignore[arg-type]
