"""Many architectures as one set of arrays, in which features are computed for all at once.

Nodes are numbered depth-first from the outputs, as `fingerprint` does. So the arrays, and all
that is computed from them, are equal for architectures of equal fingerprints, and know no keys.

What no input reaches, because there are only operations `zero` on the way, is left out, and so is
what reaches no output. An edge of a cell that is chosen to be nothing leaves no trace, then.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from jarch.ir import SINGLE_INPUT, SINGLE_OUTPUT, Architecture, Basic, Constant, Source, properties
from jarch.ir.constants import typed

from .hashing import HashArray, stable_hash

IntArray: TypeAlias = NDArray[np.int64]

_PARALLEL = "0123456789"  # in0, in1, … are places that are alike; other names tell inputs apart
_INPUT, _OUTPUT = "@input", "@output"
_NOTHING = "zero"  # the operation that lets nothing through


@dataclass(frozen=True, slots=True)
class Kind:
    """What nodes have in common that do the same.

    Attributes:
        op: The name of the operation; "@input" or "@output" for an end of the graph.
        label: Hash of the operation with all properties and the names of its outputs.
        properties: Names and values, sorted by name.
        outputs: The names of its outputs.
        symbols: What stands for the properties in the label; None for just themselves.
    """

    op: str
    label: int
    properties: tuple[tuple[str, Constant], ...] = ()
    outputs: tuple[str, ...] = ()
    symbols: tuple[tuple[str, Constant], ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class GraphBatch:
    """G graphs with N nodes and E edges in all, each graph's nodes in topological order.

    Beside the nodes of the architecture each input and each output of it is a node.

    Attributes:
        kinds: The distinct kinds of nodes.
        starts: Where each graph's nodes begin, and the end of the last: shape (G + 1,).
        kind: Of each node, its place in `kinds`: shape (N,).
        sources: The node at which each edge begins: shape (E,).
        targets: The node at which it ends, never falling: shape (E,).
        ports: Hash of the names of output and input that it joins: shape (E,).
    """

    kinds: tuple[Kind, ...]
    starts: IntArray
    kind: IntArray
    sources: IntArray
    targets: IntArray
    ports: HashArray

    def __len__(self) -> int:
        """Return the number of graphs."""
        return len(self.starts) - 1

    @property
    def owners(self) -> IntArray:
        """The graph of each node: shape (N,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def labels(self, with_properties: bool = True) -> HashArray:
        """Return a hash for each node, of its operation with or without properties: shape (N,)."""
        of_kinds = [k.label if with_properties else stable_hash(k.op) for k in self.kinds]
        return np.array(of_kinds, np.uint64)[self.kind]

    def spread(self, lengths: Sequence[int]) -> tuple[IntArray, IntArray]:
        """Return what nodes have from their kinds, of which each has a list of so many entries.

        Args:
            lengths: How many entries each kind has, in order.

        Returns:
            Of each entry of each node the node, and the place among the entries of all kinds.
        """
        many = np.array(lengths, np.int64)
        starts, of_nodes = np.cumsum(many) - many, many[self.kind]
        nodes = np.repeat(np.arange(len(self.kind)), of_nodes)
        within = np.arange(len(nodes)) - np.repeat(np.cumsum(of_nodes) - of_nodes, of_nodes)
        return nodes, starts[self.kind][nodes] + within


@dataclass(frozen=True, slots=True, eq=False)
class Gathered(Sequence[Architecture]):
    """Architectures that several encodings are asked of, with their graphs, made once for all.

    Attributes:
        architectures: In order.
        batch: Their graphs.
    """

    architectures: Sequence[Architecture]
    batch: GraphBatch

    def __len__(self) -> int:
        """Return the number of architectures."""
        return len(self.architectures)

    @overload
    def __getitem__(self, index: int) -> Architecture: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Architecture]: ...

    def __getitem__(self, index: int | slice) -> Architecture | Sequence[Architecture]:
        """Return one of them, or some without their graphs."""
        return self.architectures[index]


def gathered(architectures: Sequence[Architecture]) -> Gathered:
    """Return the architectures with their graphs, of which `as_batch` makes use."""
    if isinstance(architectures, Gathered):
        return architectures
    return Gathered(architectures, as_batch(architectures))


def as_batch(architectures: Sequence[Architecture]) -> GraphBatch:
    """Return the graphs of architectures, without what carries nothing from input to output.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(ja.nn.relu), [])
        >>> batch = as_batch([net, net])
        >>> [batch.kinds[i].op for i in batch.kind], batch.starts.tolist()
        (['@input', 'relu', '@output', '@input', 'relu', '@output'], [0, 3, 6])
    """
    if isinstance(architectures, Gathered):
        return architectures.batch
    builder = _Builder()
    for architecture in architectures:
        builder.add(architecture)
    return builder.build()


class _Prepared(NamedTuple):
    """A node as a builder sees it.

    Attributes:
        node: Itself, which is kept lest another take its id.
        kind: Its place among the kinds; None where it lets nothing through.
        inputs: Of each the source's node and output, and the place of what it joins.
    """

    node: Basic
    kind: int | None
    inputs: Sequence[tuple[str, str, int]]


@dataclass(slots=True)
class _Builder:
    """Appends graphs; equal nodes and ports are described once for all of them.

    Attributes:
        kinds: Found so far; `known` has their places by what they are.
        seen: Nodes by their ids: architectures of one space share most of them.
        ports: Places of the names of outputs and inputs that edges join.
        starts: As in `GraphBatch`; so are `kind` and, in rows of source, target and port, `edges`.
    """

    kinds: list[Kind] = field(default_factory=list[Kind])
    seen: dict[int, _Prepared] = field(default_factory=dict[int, "_Prepared"])
    known: dict[Any, int] = field(default_factory=dict[Any, int])
    ports: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    starts: list[int] = field(default_factory=lambda: [0])
    kind: list[int] = field(default_factory=list[int])
    edges: list[tuple[int, int, int]] = field(default_factory=list[tuple[int, int, int]])

    def add(self, architecture: Architecture) -> None:
        """Append a graph, depth-first from the outputs."""
        nodes = dict(architecture.nodes)
        taken: dict[str, int] = {}
        for i, name in enumerate(sorted(architecture.inputs)):
            taken[name] = len(self.kind)
            self.kind.append(self._end(_INPUT, i))
        outputs = [source for _, source in sorted(architecture.outputs)]
        numbers = self._walk(nodes, outputs, taken)
        for i, source in enumerate(outputs):
            number = len(self.kind)
            self.kind.append(self._end(_OUTPUT, i))
            start = numbers[source.node] if source.node else taken[source.output]
            if start is not None:
                name = source.output if source.node else SINGLE_OUTPUT
                self.edges.append((start, number, self._port(name, SINGLE_INPUT)))
        self.starts.append(len(self.kind))

    def _walk(
        self, nodes: Mapping[str, Basic], outputs: Sequence[Source], taken: Mapping[str, int]
    ) -> Mapping[str, int | None]:
        """Append the nodes, and return their numbers; None for those that no input reaches."""
        numbers: dict[str, int | None] = {}
        stack = [source.node for source in reversed(outputs) if source.node]
        while stack:
            key = stack[-1]
            if key in numbers:
                stack.pop()
                continue
            node = self.seen.get(id(nodes[key])) or self._prepare(nodes[key])
            if node.kind is None:
                numbers[key] = None
            elif missing := [s for s, _, _ in node.inputs if s and s not in numbers]:
                stack += reversed(missing)
            else:
                numbers[stack.pop()] = self._append(node, numbers, taken)
        return numbers

    def _append(
        self, node: _Prepared, numbers: Mapping[str, int | None], taken: Mapping[str, int]
    ) -> int | None:
        number, reached = len(self.kind), not node.inputs
        for source, output, port in node.inputs:
            start = numbers[source] if source else taken[output]
            if start is not None:
                self.edges.append((start, number, port))
                reached = True
        if not reached or node.kind is None:
            return None
        self.kind.append(node.kind)
        return number

    def _prepare(self, node: Basic) -> _Prepared:
        """Return what is asked of a node in each architecture that has it."""
        inputs = [
            (s.node, s.output, self._port(s.output if s.node else SINGLE_OUTPUT, port))
            for port, s in node.inputs
        ]
        kind = None if node.op.name == _NOTHING else self._kind(node)
        found = self.seen[id(node)] = _Prepared(node, kind, inputs)
        return found

    def build(self) -> GraphBatch:
        """Return what was appended."""
        edges = np.array(self.edges, np.int64).reshape(-1, 3)
        names = [stable_hash(f"{output}>{port.rstrip(_PARALLEL)}") for output, port in self.ports]
        return GraphBatch(
            tuple(self.kinds),
            np.array(self.starts, np.int64),
            np.array(self.kind, np.int64),
            edges[:, 0],
            edges[:, 1],
            np.array(names, np.uint64)[edges[:, 2]],
        )

    def _port(self, output: str, port: str) -> int:
        return self.ports.setdefault((output, port), len(self.ports))

    def _kind(self, node: Basic) -> int:
        # 1, 1.0 and True are equal, but not the same property
        own = properties(node)
        types = tuple([typed(v) if v.__class__ is tuple else v.__class__ for v in own.values()])
        key = (node.op.name, node.properties, types, node.outputs)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = len(self.kinds)
            written = json.dumps((node.op.name, node.properties, node.outputs))
            named = tuple(own.items())
            self.kinds.append(Kind(node.op.name, stable_hash(written), named, node.outputs))
        return found

    def _end(self, name: str, place: int) -> int:
        found = self.known.get((name, place))
        if found is None:
            found = self.known[name, place] = len(self.kinds)
            self.kinds.append(Kind(name, stable_hash(f"{name}{place}")))
        return found
