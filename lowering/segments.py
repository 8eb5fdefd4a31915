"""An architecture as a chain of short ones, for programs that many architectures share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from jarch.ir import Architecture, Basic, Source

_KEPT = 1024
_INPUT = "in"

# What runs through without weights that mix channels: cheap to compute and to compile, so that some
# of them make one segment together.
LIGHT = frozenset(
    {
        "activation",
        "avg_pool",
        "batch_norm",
        "drop_path",
        "dropout",
        "elu",
        "flatten",
        "gelu",
        "global_avg_pool",
        "global_max_pool",
        "group_norm",
        "hard_swish",
        "identity",
        "layer_norm",
        "leaky_relu",
        "max_pool",
        "relu",
        "relu6",
        "selu",
        "sigmoid",
        "silu",
        "softmax",
        "softplus",
        "tanh",
        "zero",
    }
)
"""Operations of one input that are gathered in one segment where they follow one another."""

KNOWN = LIGHT | {
    "add",
    "attention",
    "concatenate",
    "conv",
    "dense",
    "depthwise_conv",
    "drop_path",
    "embedding",
    "multiply",
    "separable_conv",
    "squeeze_excite",
}
"""All operations that may be part of a segment: of their random numbers, dropout's are provided."""


@lru_cache(_KEPT)
def segments_of(architecture: Architecture) -> tuple[Architecture, ...]:
    """Return architectures that compute the same one after the other; nodes keep their keys.

    An architecture can be cut wherever a single value is what all that follows depends on: between
    the layers of a chain, around a residual block or a cell. Each segment has one input and one
    output. Empty for an architecture with several inputs or outputs, or with nodes that lead to no
    output.

    Example:
        >>> import jarch as ja
        >>> net = ja.sequential(ja.nn.conv(4, 3), ja.nn.batch_norm, ja.nn.relu, ja.nn.conv(4, 3))
        >>> [len(each.nodes) for each in segments_of(ja.replay(ja.trace(lambda: net), []))]
        [1, 2, 1]
    """
    if len(architecture.inputs) != 1 or len(architecture.outputs) != 1 or not architecture.nodes:
        return ()
    pieces = list(_pieces(architecture))
    if not pieces:
        return ()
    made: list[Architecture] = []
    given = Source("", architecture.inputs[0])
    for nodes, result in _gathered(pieces):
        made.append(_segment(nodes, given, result))
        given = result
    return tuple(made)


_Piece = tuple[list[tuple[str, Basic]], Source]


def _pieces(architecture: Architecture) -> Iterator[_Piece]:
    """Yield the nodes between places where one value is alive, and that value."""
    last = {architecture.outputs[0][1]: len(architecture.nodes)}
    for i, (_, node) in enumerate(architecture.nodes):
        for _, source in node.inputs:
            last[source] = max(i, last.get(source, 0))
    alive, piece = {Source("", architecture.inputs[0])}, list[tuple[str, Basic]]()
    for i, (key, node) in enumerate(architecture.nodes):
        piece.append((key, node))
        made = {Source(key, name) for name in node.outputs}
        if not made <= last.keys():
            return  # it leads to no output
        alive = {source for source in alive | made if last.get(source, -1) > i}
        if len(alive) == 1:
            yield piece, next(iter(alive))
            piece = []


def _gathered(pieces: list[_Piece]) -> Iterator[_Piece]:
    """Yield pieces with light ones that follow one another as one."""
    held: _Piece | None = None
    for nodes, result in pieces:
        light = len(nodes) == 1 and nodes[0][1].op.name in LIGHT
        if held is not None and light:
            held = ([*held[0], *nodes], result)
            continue
        if held is not None:
            yield held
        held = (nodes, result) if light else None
        if not light:
            yield nodes, result
    if held is not None:
        yield held


def _segment(nodes: list[tuple[str, Basic]], given: Source, result: Source) -> Architecture:
    def moved(source: Source) -> Source:
        return Source("", _INPUT) if source == given else source

    wired = tuple(
        (key, replace(node, inputs=tuple((port, moved(s)) for port, s in node.inputs)))
        for key, node in nodes
    )
    return Architecture((_INPUT,), wired, (("out", moved(result)),))
