"""What must hold of valid IR, checked from first principles.

The transitions keep these rules up without ever looking at the whole; tests verify after each
transition, and what is read from a file is verified once.
"""

from __future__ import annotations

from collections.abc import Iterable

from .architecture import Architecture
from .constants import Constant
from .errors import SpaceError
from .graph import Source
from .hyperparameters import (
    DependentHyperparameter,
    Hyperparameter,
    IndependentHyperparameter,
    is_hyperparameter,
)
from .maps import Map
from .program import Cell, compute, resolve
from .space import Space
from .state import backward_order, reachable


def verify(value: Space | Architecture) -> None:
    """Raise `SpaceError` unless the space or the architecture is valid.

    Example:
        >>> import jarch as ja
        >>> verify(ja.trace(ja.spaces.digits_dense))
    """
    if isinstance(value, Space):
        verify_space(value)
    else:
        verify_architecture(value)


def verify_architecture(architecture: Architecture) -> None:
    """Check keys, sources, properties and order of an architecture's nodes."""
    known: dict[str, tuple[str, ...]] = {"": architecture.inputs}

    def check(source: Source, where: str) -> None:
        _require(source.node in known, f"{where}: {source} is no node before it")
        _require(source.output in known[source.node], f"{where}: {source} has no such output")

    for key, node in architecture.nodes:
        _require(key not in known, f"{key}: two nodes have this key")
        for port, source in node.inputs:
            check(source, f"{key}: input {port}")
        names = [name for name, _ in node.properties]
        _require(names == sorted(set(names)), f"{key}: properties {names} are not sorted by name")
        for name, constant in node.properties:
            _require(not is_hyperparameter(constant), f"{key}: {name} has no value")
        known[key] = node.outputs
    _require(bool(architecture.outputs), "the architecture has no output")
    for name, source in architecture.outputs:
        check(source, f"output {name}")


def verify_space(space: Space) -> None:
    """Check that all which a space remembers follows from its program and its decisions."""
    state = space.state
    environment = state.environment
    cells = reachable(space.program, state.expanded)
    _require(len({cell.key for cell in cells}) == len(cells), "two nodes have the same key")
    for cell in cells:
        undecided = [h.key for _, h in cell.open if h.key not in environment]
        if cell.substitution:
            _require(bool(undecided), f"{cell.key} has all values but is not expanded")
        for _, port in cell.sources:
            source = resolve(port, state.expanded)
            _require(
                source.cell is None or source.output in source.cell.node.outputs,
                f"{cell.key}: {port} has no such output",
            )
    _verify_values(space, cells)
    pending = _undecided(cells, state.environment)
    _require(
        {key: type(h) for key, h in pending.items()}
        == {key: type(state.pending[key][0]) for key in state.pending},
        "what is pending is not what the reachable nodes need",
    )
    independent = {key for key, h in pending.items() if isinstance(h, IndependentHyperparameter)}
    _require(state.open == len(independent), "the number of open hyperparameters is wrong")
    _verify_waiting(space, cells)
    upcoming = [h.key for h in state.upcoming()]
    _require(set(upcoming) <= independent, "the queue holds what is not open")
    _require((space.next is None) == (not independent), "open hyperparameters but nothing is next")
    if all(h.key in state.pending for h in state.queue):  # the round has just begun
        ports = [port for _, port in space.program.outputs]
        order = tuple(h.key for h in backward_order(state, ports))
        _require(tuple(h.key for h in state.queue) == order, "the round is not in backward order")


def _verify_values(space: Space, cells: Iterable[Cell]) -> None:
    environment = space.state.environment
    decided = dict(space.decisions)
    _require(len(decided) == len(space.decisions), "a hyperparameter was assigned twice")
    for key, value in decided.items():
        _require(key in environment and environment[key] is value, f"{key} lost its value")
    for h in _closure([h for cell in cells for _, h in cell.open]):
        if h.key not in environment:
            continue
        value = environment[h.key]
        if isinstance(h, IndependentHyperparameter):
            _require(h.key in decided, f"{h.key} has a value but was never assigned")
            _require(value in h.domain, f"{h.key}: {value!r} is not in {h.domain}")
        else:
            parents = {name: environment[parent.key] for name, parent in h.parents}
            _require(compute(h, parents) == value, f"{h.key} is not what its parents make it")


def _verify_waiting(space: Space, cells: Iterable[Cell]) -> None:
    """Check that each unexpanded substitution and uncomputed dependent waits for something."""
    state = space.state
    waiting: set[object] = set()
    for key in state.pending:
        waiters = state.pending[key][1]
        while waiters is not None:
            waiter, waiters = waiters
            needs = waiter.open if isinstance(waiter, Cell) else waiter.parents
            _require(any(h.key == key for _, h in needs), f"{waiter} waits for {key} in vain")
            waiting.add(waiter if isinstance(waiter, Cell) else waiter.key)
    for cell in cells:
        _require(not cell.substitution or cell in waiting, f"{cell.key} waits for nothing")
    for key in state.pending:
        dependent = isinstance(state.pending[key][0], DependentHyperparameter)
        _require(not dependent or key in waiting, f"{key} waits for nothing")


def _undecided(cells: Iterable[Cell], known: Map[str, Constant]) -> dict[str, Hyperparameter]:
    start = [h for cell in cells for _, h in cell.open if h.key not in known]
    return {h.key: h for h in _closure(start) if h.key not in known}


def _closure(hyperparameters: Iterable[Hyperparameter]) -> list[Hyperparameter]:
    """Return hyperparameters with all that they are computed from."""
    found: dict[str, Hyperparameter] = {}
    stack = list(hyperparameters)
    while stack:
        h = stack.pop()
        if h.key not in found:
            found[h.key] = h
            if isinstance(h, DependentHyperparameter):
                stack.extend(parent for _, parent in h.parents)
    return list(found.values())


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise SpaceError(otherwise)
