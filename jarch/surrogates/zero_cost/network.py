"""A candidate's network as proxies take it: which program it is, and what in it they look at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from jarch.ir import Analysis, Architecture, Shape, Source, analyze, properties
from jarch.lowering.flax_module import ArchitectureModule, architecture_module
from jarch.lowering.normal_form import normal_form

from .simplified import ACTIVATIONS, NORMALIZATIONS, is_own, linearized, without_dropout

_KEPT = 256

Path = tuple[str, ...]
"""Leads to a parameter: the node's key, then the names below."""


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A network whose nodes have the names of its normal form.

    So it depends on the graph alone: neither on the names that a space gave to nodes, nor on the
    order in which they were made. Networks of one graph are one object.

    Attributes:
        module: What computes it.
        analysis: For the shape of the input.
        weights: The parameters that proxies score: kernels and embeddings; not biases, and nothing
            of a normalisation.
        weighted: The outputs of nodes that have weights: what fisher calls activations.
        activated: What goes into activations.
    """

    module: ArchitectureModule
    analysis: Analysis
    weights: tuple[Path, ...]
    weighted: tuple[Source, ...]
    activated: tuple[Source, ...]


def network_of(architecture: Architecture, shape: Shape, linear: bool) -> Network:
    """Return the network of an architecture with one input.

    Args:
        architecture: Any with one input.
        shape: Of the input, without the batch axis.
        linear: Whether it is to be made linear.

    Raises:
        LoweringError: An operation has no rule for Flax.
        ShapeError: The shape does not fit.
    """
    plain = linearized(architecture) if linear else without_dropout(architecture)
    module = architecture_module(normal_form(plain).architecture)
    return _network(cast(Any, module), shape)


@lru_cache(_KEPT)
def _network(module: Any, shape: Shape) -> Network:
    """Look at a network once; the module holds the rules of the user's own operations too."""
    architecture: Architecture = module.architecture
    analysis = analyze(architecture, {architecture.inputs[0]: shape})
    nodes = dict(architecture.nodes)
    weights = tuple(
        (node.key, *variable.path)
        for node in analysis.nodes
        if not (node.op.name in NORMALIZATIONS and is_own(nodes[node.key]))
        for variable in node.variables
        if variable.trainable and variable.path[-1] not in ("bias", "scale")
    )
    owners = {path[0] for path in weights}
    weighted = [Source(key, name) for key in nodes if key in owners for name in nodes[key].outputs]
    return Network(module, analysis, weights, tuple(weighted), _activated(architecture))


def _activated(architecture: Architecture) -> tuple[Source, ...]:
    """Return what goes into activations of single elements; softmax has no sides."""
    return tuple(
        node.inputs[0][1]
        for _, node in architecture.nodes
        if is_own(node)
        and node.op.name in ACTIVATIONS - {"softmax"}
        and properties(node).get("function") != "softmax"
    )
