"""From a terminal state to an architecture: the basic nodes, with values for what was open.

Architectures of one structure differ only in values. Their nodes and edges are worked out once, as
a skeleton that the structure keeps; an architecture is the skeleton with its values filled in.
"""

from __future__ import annotations

from typing import NamedTuple, cast

from .architecture import Architecture
from .constants import Constant, typed
from .graph import Basic, Inputs, Source
from .maps import Map
from .program import Cell, Expanded, Port, Program, resolve
from .state import State

_KEPT = 64  # nodes with values filled in that are kept for one place


class Place(NamedTuple):
    """A node of a skeleton.

    Attributes:
        cell: What stands there.
        inputs: What feeds it, by key.
        made: The node as it stands in architectures, by the values of its open properties.
    """

    cell: Cell
    inputs: Inputs
    made: dict[object, tuple[str, Basic]]


class Skeleton(NamedTuple):
    """The nodes of an architecture, producers first, and its outputs, sorted by name."""

    places: tuple[Place, ...]
    outputs: tuple[tuple[str, Source], ...]


def architecture_of(program: Program, state: State) -> Architecture:
    """Return the architecture that a state with nothing left to decide is."""
    structure = state.structure
    skeleton = None if structure is None else cast("Skeleton | None", structure.skeleton)
    if skeleton is None:
        skeleton = _skeleton(program, state.expanded)
        if structure is not None:
            if structure.met:  # in large spaces, hardly any structure is met again
                structure.skeleton = skeleton
            structure.met = True
    environment = state.environment
    return Architecture(
        program.inputs,
        tuple([_fill(place, environment) for place in skeleton.places]),
        skeleton.outputs,
        state.decisions(),
    )


def _fill(place: Place, environment: Map[str, Constant]) -> tuple[str, Basic]:
    cell, inputs, made = place
    values = tuple([environment[h.key] for _, h in cell.open])
    key = values if cell.exact else tuple(map(typed, values))
    found = made.get(key)
    if found is None:
        node = cast(Basic, cell.node)
        properties = node.properties
        if values:
            given = dict(zip([name for name, _ in cell.open], values, strict=True))
            properties = tuple([(name, given.get(name, value)) for name, value in properties])
        found = cell.key, Basic(node.op, properties, inputs, node.outputs)
        if len(made) < _KEPT:
            made[key] = found
    return found


def _skeleton(program: Program, expanded: Expanded) -> Skeleton:
    """Order the reachable nodes depth first, so that producers stand before consumers."""
    places: dict[Cell, Place] = {}
    feeds: dict[Cell, tuple[Port, ...]] = {}
    outputs = [(name, resolve(port, expanded)) for name, port in program.outputs]
    stack = [port.cell for _, port in reversed(outputs)]
    while stack:
        cell = stack[-1]
        if cell is None or cell in places:
            stack.pop()
            continue
        ports = feeds.get(cell)
        if ports is None:  # met for the first time: its producers come first
            ports = feeds[cell] = tuple([resolve(port, expanded) for _, port in cell.sources])
            stack.extend([port.cell for port in reversed(ports)])
        else:
            stack.pop()
            named = zip(cell.sources, ports, strict=True)
            inputs = tuple([(name, _source(port)) for (name, _), port in named])
            places[cell] = Place(cell, inputs, {})
    return Skeleton(tuple(places.values()), tuple([(name, _source(p)) for name, p in outputs]))


def _source(port: Port) -> Source:
    return Source("" if port.cell is None else port.cell.key, port.output)
