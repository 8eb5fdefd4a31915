"""The architectures that proxies are measured on: without dropout, and for synflow made linear."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from jarch.ir import Architecture, Basic
from jarch.ir.ops import ACTIVATION_NAMES, OPS

ACTIVATIONS = frozenset({*ACTIVATION_NAMES, "activation"})
"""The operations that apply a function to each element, or a softmax to each row."""

NORMALIZATIONS = frozenset({"batch_norm", "group_norm", "layer_norm"})

DROPPING = frozenset({"drop_path", "dropout"})


def without_dropout(architecture: Architecture) -> Architecture:
    """Return an architecture that drops nothing, with nodes under the same keys.

    Batch normalisation is to use the batch, so the network runs as in training; what it drops
    there would only be noise in a proxy.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(lambda: ja.nn.dropout(rate=0.5)), [])
        >>> [node.op.name for _, node in without_dropout(net).nodes]
        ['identity']
    """
    return _changed(architecture, _undropped)


def linearized(architecture: Architecture) -> Architecture:
    """Return an architecture without dropout, activations and normalisations.

    What else is not linear stays: maxima, products, the gates of `squeeze_excite`, the weights of
    `attention`, and operations of the user's own.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(lambda: ja.sequential(ja.nn.batch_norm, ja.nn.gelu)), [])
        >>> [node.op.name for _, node in linearized(net).nodes]
        ['identity', 'identity']
    """
    passed = ACTIVATIONS | NORMALIZATIONS

    def change(node: Basic) -> Basic:
        return _identity(node) if is_own(node) and node.op.name in passed else _undropped(node)

    return _changed(architecture, change)


def is_own(node: Basic) -> bool:
    """Say whether a node's operation is jarch's own, not a user's under its name."""
    return not node.op.lowerings


def _undropped(node: Basic) -> Basic:
    if not is_own(node):
        return node
    if node.op.name in ("drop_path", "dropout"):
        return _identity(node)
    if node.op.name == "attention":
        kept = tuple((k, 0.0 if k == "dropout_rate" else v) for k, v in node.properties)
        return replace(node, properties=kept)
    return node


def _identity(node: Basic) -> Basic:
    return replace(node, op=OPS["identity"], properties=())


def _changed(architecture: Architecture, change: Callable[[Basic], Basic]) -> Architecture:
    nodes = tuple((key, change(node)) for key, node in architecture.nodes)
    return replace(architecture, nodes=nodes)
