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
from .hyperparameters import (
    DependentHyperparameter,
    Hyperparameter,
    IndependentHyperparameter,
)
from .maps import Map
from .scopes import scope

MEMO_LIMIT = 1 << 16  # expansions kept for one program; some 2 kB each
STRUCTURES_LIMIT = 1 << 13


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
        substitution: Whether it is a substitution.
        used: Which of its outputs something needs.
        exact: Its values come from domains, where equal values are the same value.
    """

    __slots__ = ("exact", "key", "node", "open", "sources", "substitution", "used")

    def __init__(self, key: str, node: Node, sources: tuple[tuple[str, Port], ...]) -> None:
        self.key = key
        self.node = node
        self.sources = sources
        self.open: tuple[tuple[str, Hyperparameter], ...] = open_properties(node)
        self.substitution = isinstance(node, Substitution)
        self.used: set[str] = set()
        self.exact = True
        for _, h in self.open:
            if isinstance(h, DependentHyperparameter):
                self.exact = False

    def __repr__(self) -> str:
        """Show the key."""
        return f"Cell({self.key!r})"


class Expansion(NamedTuple):
    """What a substitution became.

    Attributes:
        cells: Its new cells, producers first, without those that nothing needs.
        active: Those of them with anything open, and substitutions.
        outputs: What each output of the substitution is now.
        dropped: What fed the substitution and feeds nothing of this.
    """

    cells: tuple[Cell, ...]
    active: tuple[Cell, ...]
    outputs: dict[str, Port]
    dropped: tuple[Port, ...]


Expanded = Map[Cell, Expansion]


class Structure:
    """What a sequence of expansions led to, and what was worked out about it, once.

    Structures form a tree: the root is the program as it was traced, and each child has one
    substitution more expanded.

    Attributes:
        expansion: The last expansion; held so that its identity stays its own.
        children: Structures with one expansion more, by the identity of the expansion.
        order: The queue of the round that begins here, if all was assigned in order.
        met: Whether an architecture had it.
        skeleton: The nodes of its architectures, once it was met twice.
    """

    __slots__ = ("children", "expansion", "met", "order", "skeleton")

    def __init__(self, expansion: Expansion | None) -> None:
        self.expansion = expansion
        self.children: dict[int, Structure] = {}
        self.order: tuple[IndependentHyperparameter, ...] | None = None
        self.met = False
        self.skeleton: tuple[object, ...] | None = None


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

    __slots__ = ("_memo", "_structures", "fragment", "inputs", "outputs", "root", "shared")

    def __init__(self, fragment: Fragment) -> None:
        inputs = {name: Port(None, name) for name in fragment.inputs}
        placed = _place(fragment, "", inputs, {name for name, _ in fragment.outputs})
        self.fragment = fragment
        self.inputs = tuple(sorted(fragment.inputs))
        self.outputs: tuple[tuple[str, Port], ...] = tuple(sorted(placed.outputs.items()))
        self.shared: set[str] = set()  # keys that `elimination` found to be used far apart
        self._memo: dict[tuple[object, ...], Expansion] = {}
        self.root = Structure(None)
        self._structures = 0

    def __eq__(self, other: object) -> bool:
        """Compare the fragments."""
        return isinstance(other, Program) and (self is other or self.fragment == other.fragment)

    def __hash__(self) -> int:
        """Hash what is cheap to hash of the fragment."""
        return hash((self.fragment.inputs, self.fragment.outputs, len(self.fragment.nodes)))

    def expand(self, cell: Cell, values: tuple[Constant, ...]) -> Expansion:
        """Return what a substitution becomes under the values of its open properties."""
        key = (cell, values) if cell.exact else (cell, *map(typed, values))
        expansion = self._memo.get(key)
        if expansion is None:
            expansion = _expand(cell, values)
            if len(self._memo) >= MEMO_LIMIT:
                del self._memo[next(iter(self._memo))]
            self._memo[key] = expansion
        return expansion

    def narrow(self, cell: Cell, used: frozenset[str]) -> Expansion:
        """Return an expansion of a cell into the same with fewer outputs used."""
        key = (cell, used)
        expansion = self._memo.get(key)
        if expansion is None:
            same = Cell(cell.key, cell.node, cell.sources)
            same.used.update(used)
            outputs = {name: Port(same, name) for name in used}
            expansion = self._memo[key] = Expansion((same,), (same,), outputs, ())
        return expansion

    def grow(self, structure: Structure, expansion: Expansion) -> Structure:
        """Return a new structure, which is that of one more expansion."""
        if self._structures == STRUCTURES_LIMIT:  # begin anew; who holds an old one keeps it
            self.root = Structure(None)
            self._structures = 0
        self._structures += 1
        grown = structure.children[id(expansion)] = Structure(expansion)
        return grown


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
    return _place(fragment, cell.key, dict(cell.sources), cell.used)


def _check_ports(key: str, node: Substitution, fragment: Fragment) -> None:
    if _declares_ports_of(node, fragment):  # nearly always; sets take three times as long
        return
    declared = {name for name, _ in node.inputs}, set(node.outputs)
    returned = set(fragment.inputs), {name for name, _ in fragment.outputs}
    for kind, wanted, found in zip(("inputs", "outputs"), declared, returned, strict=True):
        if found - wanted or (found != wanted and not node.may_drop):
            raise SpaceError(
                f"{key}: the substitution declares {kind} {sorted(wanted)} but its function "
                f"returned a piece with {kind} {sorted(found)}; make them the same, or pass "
                "may_drop=True to return fewer"
            )


def _declares_ports_of(node: Substitution, fragment: Fragment) -> bool:
    """Say whether the names of inputs and outputs are the same, in the same order."""
    return fragment.inputs == tuple([name for name, _ in node.inputs]) and node.outputs == tuple(
        [name for name, _ in fragment.outputs]
    )


def _place(fragment: Fragment, key: str, inputs: Mapping[str, Port], used: set[str]) -> Expansion:
    """Give the nodes that the used outputs need absolute keys and what feeds them."""
    needed, taken = _needed(fragment, used)
    cells: dict[str, Cell] = {}

    def port(source: Source) -> Port:
        if not source.node:
            return inputs[source.output]
        cell = cells[source.node]
        cell.used.add(source.output)
        return Port(cell, source.output)

    for name, node in fragment.nodes:
        if name in needed:
            sources = tuple([(input, port(source)) for input, source in node.inputs])
            cells[name] = Cell(f"{key}/{name}" if key else name, node, sources)
    outputs = {name: port(source) for name, source in fragment.outputs if name in used}
    dropped = tuple([feed for name, feed in inputs.items() if name not in taken])
    active = tuple([cell for cell in cells.values() if cell.open or cell.substitution])
    return Expansion(tuple(cells.values()), active, outputs, dropped)


def _needed(fragment: Fragment, used: set[str]) -> tuple[set[str], set[str]]:
    """Return the nodes and the inputs of the fragment that some outputs are computed from."""
    if not fragment.nodes:  # half of all: options that are left out
        return set(), {source.output for name, source in fragment.outputs if name in used}
    sources = [source for name, source in fragment.outputs if name in used]
    nodes = {source.node for source in sources}
    for name, node in reversed(fragment.nodes):
        if name in nodes:
            feeds = [source for _, source in node.inputs]
            nodes.update([source.node for source in feeds])
            sources += feeds
    return nodes, {source.output for source in sources if not source.node}
