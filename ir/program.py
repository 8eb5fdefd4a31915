"""A traced space function: its nodes with absolute keys, and what substitutions expand to.

Cells and expansions are made once and shared by all spaces of a program; a space only remembers
which substitutions have been expanded, and into what. The graph itself is never rewritten: whoever
follows an edge steps over expanded substitutions (`resolve`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from .constants import Constant, as_constant, typed
from .errors import InvalidArchitecture, SpaceError
from .graph import Fragment, Node, Source, Substitution, open_properties
from .hyperparameters import DependentHyperparameter, Hyperparameter
from .maps import Map
from .scopes import scope

MEMO_LIMIT = 1 << 16  # expansions kept for one program; some 2 kB each


class Port(NamedTuple):
    """An output of a cell, or an input of the whole space where `cell` is None."""

    cell: Cell | None
    output: str


class Cell:
    """A node in its place: with its absolute key and its producers. Compared by identity.

    Attributes:
        key: The path of the node, unique among the cells of one space.
        node: What stands there.
        sources: Names of inputs and what feeds them, in the order of declaration.
        open: Its properties that are hyperparameters, sorted by name.
        single: It is a substitution with exactly one output.
    """

    __slots__ = ("key", "node", "open", "single", "sources", "substitution")

    def __init__(self, key: str, node: Node, sources: tuple[tuple[str, Port], ...]) -> None:
        self.key = key
        self.node = node
        self.sources = sources
        self.open: tuple[tuple[str, Hyperparameter], ...] = open_properties(node)
        self.substitution = isinstance(node, Substitution)
        self.single = len(node.outputs) == 1

    def __repr__(self) -> str:
        """Show the key."""
        return f"Cell({self.key!r})"


class Expansion(NamedTuple):
    """What a substitution became.

    Attributes:
        cells: Its new cells, producers first, without those that no output needs.
        outputs: What each output of the substitution is now.
        drops: Something that was reachable through the substitution may no longer be.
    """

    cells: tuple[Cell, ...]
    outputs: dict[str, Port]
    drops: bool


Expanded = Map[Cell, Expansion]


def resolve(port: Port, expanded: Expanded) -> Port:
    """Return what `port` is once expanded substitutions are stepped over."""
    while port.cell is not None and (expansion := expanded.get(port.cell)) is not None:
        output = expansion.outputs.get(port.output)
        if output is None:
            raise SpaceError(
                f"{port.cell.key}: output {port.output!r} is used, but the piece that the "
                "substitution returned does not have it; return it, or do not use it"
            )
        port = output
    return port


class Program:
    """What tracing a space function gives, with a memory of expansions that all its spaces share.

    Two programs are equal when their fragments are.
    """

    __slots__ = ("_memo", "cells", "fragment", "outputs")

    def __init__(self, fragment: Fragment) -> None:
        inputs = {name: Port(None, name) for name in fragment.inputs}
        placed = _place(fragment, "", inputs)
        self.fragment = fragment
        self.cells = placed.cells
        self.outputs: tuple[tuple[str, Port], ...] = tuple(sorted(placed.outputs.items()))
        self._memo: dict[tuple[object, ...], Expansion] = {}

    def __eq__(self, other: object) -> bool:
        """Compare the fragments."""
        return isinstance(other, Program) and (self is other or self.fragment == other.fragment)

    def __hash__(self) -> int:
        """Hash what is cheap to hash of the fragment."""
        return hash((self.fragment.inputs, self.fragment.outputs, len(self.fragment.nodes)))

    def expand(self, cell: Cell, values: tuple[Constant, ...]) -> Expansion:
        """Return what a substitution becomes under the values of its open properties."""
        key = (cell, *map(typed, values))
        expansion = self._memo.get(key)
        if expansion is None:
            expansion = _expand(cell, values)
            if len(self._memo) >= MEMO_LIMIT:
                del self._memo[next(iter(self._memo))]
            self._memo[key] = expansion
        return expansion


def call(function: Callable[..., object], where: str, values: Mapping[str, Constant]) -> object:
    """Call a user's function; what it raises says where in the space and with which values."""
    try:
        with scope(where):
            return function(**values)
    except Exception as error:
        shown = ", ".join(f"{name}={value!r}" for name, value in values.items())
        if isinstance(error, InvalidArchitecture):
            error.args = (f"{where} with {shown}: {error}",)
        else:
            error.add_note(f"raised by the function of {where!r}, called with {shown or 'nothing'}")
        raise


def compute(dependent: DependentHyperparameter, values: Mapping[str, Constant]) -> Constant:
    """Return the value of a dependent hyperparameter, given those of its parents."""
    value = call(dependent.function, dependent.key, values)
    return as_constant(value, f"dependent {dependent.key}")


def _expand(cell: Cell, values: tuple[Constant, ...]) -> Expansion:
    node = cell.node
    assert isinstance(node, Substitution)
    arguments: dict[str, Constant] = dict(node.properties)  # type: ignore[arg-type]
    for (name, _), value in zip(cell.open, values, strict=True):
        arguments[name] = value
    fragment = call(node.function, cell.key, arguments)
    if not isinstance(fragment, Fragment):
        raise SpaceError(
            f"{cell.key}: the substitution's function returned {fragment!r}, not a piece of "
            "graph; return what a combinator or a function of jarch.nn returns"
        )
    _check_ports(cell.key, node, fragment)
    return _place(fragment, cell.key, dict(cell.sources))


def _check_ports(key: str, node: Substitution, fragment: Fragment) -> None:
    declared = {name for name, _ in node.inputs}, set(node.outputs)
    returned = set(fragment.inputs), {name for name, _ in fragment.outputs}
    for kind, wanted, found in zip(("inputs", "outputs"), declared, returned, strict=True):
        if found - wanted or (found != wanted and not node.may_drop):
            raise SpaceError(
                f"{key}: the substitution declares {kind} {sorted(wanted)} but its function "
                f"returned a piece with {kind} {sorted(found)}; make them the same, or pass "
                "may_drop=True to return fewer"
            )


def _place(fragment: Fragment, key: str, inputs: Mapping[str, Port]) -> Expansion:
    """Give a fragment's nodes absolute keys and the sources that feed it."""
    prefix = f"{key}/" if key else ""
    cells: dict[str, Cell] = {}

    def port(source: Source) -> Port:
        if source.node:
            return Port(cells[source.node], source.output)
        return inputs[source.output]

    for name, node in fragment.nodes:
        sources = tuple((name_, port(source)) for name_, source in node.inputs)
        cells[name] = Cell(prefix + name, node, sources)
    outputs = {name: port(source) for name, source in fragment.outputs}
    needs = [_needed(fragment, source) for _, source in fragment.outputs]
    wanted = set[str]().union(*(nodes for nodes, _ in needs))
    same = all(nodes == wanted and len(used) == len(inputs) for nodes, used in needs)
    kept = tuple(cell for name, cell in cells.items() if name in wanted)
    return Expansion(kept, outputs, drops=not same)


def _needed(fragment: Fragment, source: Source) -> tuple[set[str], set[str]]:
    """Return the nodes and the inputs of the fragment that a source is computed from."""
    nodes = dict(fragment.nodes)
    found: set[str] = set()
    inputs: set[str] = set()
    stack = [source]
    while stack:
        at = stack.pop()
        if not at.node:
            inputs.add(at.output)
        elif at.node not in found:
            found.add(at.node)
            stack.extend(next_source for _, next_source in nodes[at.node].inputs)
    return found, inputs
