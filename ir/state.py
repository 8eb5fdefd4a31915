"""How far a space is decided, and the one step that decides more.

A state is mutable only while it is being made: `advance` changes a fresh copy that nobody else
holds. Its maps are persistent for a `Space` and transient in a run of which only the end is kept
(see `maps`); the code is the same.

The order of decisions is that of rounds. A round takes the reachable, unassigned, independent
hyperparameters in backward breadth-first order; what substitutions create in the meantime waits
for the next round.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, TypeAlias

from .constants import Constant
from .errors import SpaceError
from .hyperparameters import DependentHyperparameter, Hyperparameter, IndependentHyperparameter
from .maps import Map
from .program import Cell, Expansion, Port, Program, Structure, compute, resolve

Waiter: TypeAlias = "Cell | DependentHyperparameter"
Waiters: TypeAlias = "tuple[Waiter, Waiters] | None"
Trail: TypeAlias = "tuple[Trail, str, Constant] | None"

_NONE, _ONE, _MANY = range(3)  # expansions since the round began
_NOVELTIES = 32  # new structures that one way may add; what is deep and met once is not worth it


class State:
    """The decisions and what follows from them.

    Attributes:
        trail: Keys and values assigned, newest first.
        environment: The value of each hyperparameter that has one, dependent ones included.
        pending: Each hyperparameter of a reachable node that has no value yet, and what waits
            for it: substitutions to be expanded, dependents to be computed.
        open: How many of the pending are independent.
        expanded: What substitutions became.
        queue: The hyperparameters of this round, in order.
        position: Where in the queue we are.
        growth: Whether the round has expanded no, one or many of the substitutions it began with.
        grown: The substitution, if one.
        structure: What the expansions led to; None beyond what is remembered.
        novelties: How many structures were new.
        in_order: Whether each hyperparameter was assigned when it was next.
    """

    __slots__ = (
        "environment",
        "expanded",
        "grown",
        "growth",
        "in_order",
        "novelties",
        "open",
        "pending",
        "position",
        "queue",
        "structure",
        "trail",
    )

    trail: Trail
    environment: Map[str, Constant]
    pending: Map[str, tuple[Hyperparameter, Waiters]]
    open: int
    expanded: Map[Cell, Expansion]
    queue: tuple[IndependentHyperparameter, ...]
    position: int
    growth: int
    grown: Cell | None
    structure: Structure | None
    novelties: int
    in_order: bool

    def copy(self) -> State:
        """Return a state that may be advanced while this one stays."""
        new = State()
        new.trail = self.trail
        new.environment = self.environment
        new.pending = self.pending
        new.open = self.open
        new.expanded = self.expanded
        new.queue = self.queue
        new.position = self.position
        new.growth = self.growth
        new.grown = self.grown
        new.structure = self.structure
        new.novelties = self.novelties
        new.in_order = self.in_order
        return new

    @property
    def next(self) -> IndependentHyperparameter | None:
        """The hyperparameter at the head of the queue."""
        return self.queue[self.position] if self.position < len(self.queue) else None

    def upcoming(self) -> tuple[IndependentHyperparameter, ...]:
        """What is left of this round."""
        return tuple(h for h in self.queue[self.position :] if h.key in self.pending)

    def assignable(self) -> tuple[IndependentHyperparameter, ...]:
        """What is left of this round, then what waits for the next, sorted by key."""
        found = {h.key: h for h in self.upcoming()}
        for key in sorted(self.pending):
            h = self.pending[key][0]
            if isinstance(h, IndependentHyperparameter):
                found.setdefault(key, h)
        return tuple(found.values())

    def decisions(self) -> tuple[tuple[str, Constant], ...]:
        """Keys and values in the order assigned."""
        found: list[tuple[str, Constant]] = []
        trail = self.trail
        while trail is not None:
            trail, key, value = trail
            found.append((key, value))
        return tuple(reversed(found))


def initial_state(program: Program, empty: Map[Any, Any]) -> State:
    """Return the state in which nothing is assigned."""
    state = State()
    state.trail = None
    state.environment = empty
    state.pending = empty
    state.open = 0
    state.expanded = empty
    state.queue = ()
    state.position = 0
    state.growth = _MANY
    state.grown = None
    state.structure = program.root
    state.novelties = 0
    state.in_order = True
    _settle(program, state, _enter(state, reachable(program, empty)))
    _next_round(program, state)
    return state


def advance(
    program: Program, state: State, decision: IndependentHyperparameter, value: Constant
) -> None:
    """Assign a value of the domain: change `state` to what follows from it.

    Every dependent that became ready is computed and every substitution that became ready is
    expanded, to a fixed point. If the round is over, the next one begins.
    """
    key = decision.key
    state.in_order = state.in_order and key == state.queue[state.position].key
    state.trail = (state.trail, key, value)
    state.open -= 1
    woken = _set(state, key, value)
    if woken:
        _settle(program, state, woken)
    pending, queue, position = state.pending, state.queue, state.position
    while position < len(queue) and queue[position].key not in pending:
        position += 1
    state.position = position
    if position == len(queue):
        _next_round(program, state)


def reachable(program: Program, expanded: Map[Cell, Expansion]) -> list[Cell]:
    """Return the cells that the outputs need, in backward breadth-first order."""
    found: dict[Cell, None] = {}
    queue = deque(port for _, port in program.outputs)
    while queue:
        cell = resolve(queue.popleft(), expanded).cell
        if cell is not None and cell not in found:
            found[cell] = None
            queue.extend(port for _, port in cell.sources)
    return list(found)


def _set(state: State, key: str, value: Constant) -> list[Waiter]:
    """Give a hyperparameter its value; return what waited for it."""
    waiters = state.pending[key][1]
    state.pending = state.pending.discard(key)
    state.environment = state.environment.insert(key, value)
    woken: list[Waiter] = []
    while waiters is not None:
        waiter, waiters = waiters
        woken.append(waiter)
    return woken


def _settle(program: Program, state: State, woken: list[Waiter]) -> None:
    """Compute dependents and expand substitutions until none is ready."""
    known = set(woken)  # the rest of what is woken is new, part of an expansion already counted
    while woken:
        waiter = woken.pop()
        if isinstance(waiter, DependentHyperparameter):
            if waiter.key in state.pending and _ready(state, waiter, waiter.parents):
                values = {name: state.environment[h.key] for name, h in waiter.parents}
                dependents = _set(state, waiter.key, compute(waiter, values))
                known.update(dependents)
                woken.extend(dependents)
        elif waiter not in state.expanded and _ready(state, waiter, waiter.open):
            arguments = tuple([state.environment[h.key] for _, h in waiter.open])
            expansion = program.expand(waiter, arguments)
            state.expanded = state.expanded.insert(waiter, expansion)
            if state.structure is not None:
                state.structure = _grown(program, state, state.structure, expansion)
            if waiter in known:
                state.grown = waiter
                state.growth = _ONE if state.growth == _NONE else _MANY
            if expansion.dropped:
                state.expanded = _narrowed(program, state.expanded)
                state.pending = type(state.pending)()
                state.open = 0
                state.growth = _MANY
                woken = _enter(state, reachable(program, state.expanded))
            elif expansion.active:
                woken.extend(_enter(state, expansion.active))


def _grown(
    program: Program, state: State, structure: Structure, expansion: Expansion
) -> Structure | None:
    """Return the structure after one more expansion, as far as structures are remembered."""
    grown = structure.children.get(id(expansion))
    if grown is None and state.novelties < _NOVELTIES:
        state.novelties += 1
        grown = program.grow(structure, expansion)
    return grown


def _narrowed(program: Program, expanded: Map[Cell, Expansion]) -> Map[Cell, Expansion]:
    """Let substitutions forget the outputs that only dropped nodes read.

    Otherwise they would expand into nodes that nothing needs.
    """
    reads: dict[Cell, set[str]] = {}
    feeds = [port for cell in reachable(program, expanded) for _, port in cell.sources]
    for port in feeds + [port for _, port in program.outputs]:
        source = resolve(port, expanded)
        if source.cell is not None:
            reads.setdefault(source.cell, set()).add(source.output)
    for cell, outputs in reads.items():
        if cell.substitution and outputs < cell.used:
            expanded = expanded.insert(cell, program.narrow(cell, frozenset(outputs)))
    return expanded


def _ready(state: State, waiter: Waiter, needs: Iterable[tuple[str, Hyperparameter]]) -> bool:
    """Say whether all that `waiter` needs has values; if not, let it wait for the first."""
    for _, h in needs:
        if h.key not in state.environment:
            h, waiters = state.pending[h.key]
            state.pending = state.pending.insert(h.key, (h, (waiter, waiters)))
            return False
    return True


def _enter(state: State, cells: Iterable[Cell]) -> list[Waiter]:
    """Make new cells' hyperparameters pending; return what may be ready, dependents last."""
    substitutions: list[Waiter] = []
    dependents: list[Waiter] = []
    for cell in cells:
        stack = [h for _, h in cell.open]
        while stack:
            h = stack.pop()
            entry = state.pending.get(h.key)
            if entry is not None:
                _check_same_decision(entry[0], h, cell.key)
            elif h.key not in state.environment:
                state.pending = state.pending.insert(h.key, (h, None))
                if isinstance(h, DependentHyperparameter):
                    dependents.append(h)
                    stack.extend(parent for _, parent in h.parents)
                else:
                    state.open += 1
        if cell.substitution:
            substitutions.append(cell)
    return substitutions + dependents


def _check_same_decision(known: Hyperparameter, new: Hyperparameter, where: str) -> None:
    if known is not new and (
        isinstance(known, IndependentHyperparameter) != isinstance(new, IndependentHyperparameter)
        or getattr(known, "domain", None) != getattr(new, "domain", None)
    ):
        raise SpaceError(
            f"{where}: two different hyperparameters have the key {new.key!r}; make each "
            "hyperparameter inside the space function in which it is used"
        )


def _next_round(program: Program, state: State) -> None:
    """Begin a round: queue what is pending in backward breadth-first order.

    Where all of it came from one substitution with one output, the search starts there: nothing
    that lies between it and the outputs of the space has anything left to decide.
    """
    structure = state.structure if state.in_order and state.open else None
    order = None if structure is None else structure.order
    if order is None:
        ports = [port for _, port in program.outputs]
        if state.growth == _ONE and state.grown is not None and len(state.grown.used) == 1:
            ports = [Port(state.grown, next(iter(state.grown.used)))]
        order = backward_order(state, ports) if state.open else ()
        if structure is not None:
            structure.order = order
    state.queue = order
    state.position = 0
    state.growth = _NONE
    state.grown = None


def backward_order(state: State, ports: list[Port]) -> tuple[IndependentHyperparameter, ...]:
    """Collect the pending hyperparameters behind `ports`, and stop when all are found."""
    order: dict[str, IndependentHyperparameter] = {}
    seen: set[object] = set()
    queue = deque(ports)
    expanded, pending, wanted = state.expanded, state.pending, state.open
    while queue and len(order) < wanted:
        cell = resolve(queue.popleft(), expanded).cell
        if cell is None or cell in seen:
            continue
        seen.add(cell)
        for _, h in cell.open:
            if isinstance(h, IndependentHyperparameter):
                if h.key in pending:
                    order[h.key] = h
            elif h.key in pending:
                _ancestors(h, pending, order, seen)
        queue.extend([port for _, port in cell.sources])
    return tuple(order.values())


def _ancestors(
    hyperparameter: Hyperparameter,
    pending: Map[str, tuple[Hyperparameter, Waiters]],
    order: dict[str, IndependentHyperparameter],
    seen: set[object],
) -> None:
    """Add the pending independent hyperparameters that one is computed from, level by level."""
    levels = deque([hyperparameter])
    while levels:
        h = levels.popleft()
        if h.key in pending and h.key not in seen:
            seen.add(h.key)
            if isinstance(h, IndependentHyperparameter):
                order[h.key] = h
            else:
                levels.extend([parent for _, parent in h.parents])
