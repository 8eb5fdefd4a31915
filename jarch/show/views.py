"""What a picture shows: a small description of the effective graph, free of any drawing tool.

A view holds what is reachable now, with expanded substitutions stepped over, and plain values
only, so that views can be compared: `changes` says what one has that an earlier one had not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, cast

from jarch.ir import (
    Architecture,
    Basic,
    Constant,
    Domain,
    Hyperparameter,
    IndependentHyperparameter,
    Node,
    Property,
    Source,
    Space,
    SpaceError,
    is_hyperparameter,
)
from jarch.ir.program import Cell, Expanded, Port, Program, resolve

Drawable: TypeAlias = Space | Architecture


@dataclass(frozen=True, slots=True)
class PropertyView:
    """A property of a module.

    Attributes:
        name: Its name.
        value: Its value; None, too, where it has none yet.
        hyperparameter: The key of the hyperparameter that it takes its value from, if any.
    """

    name: str
    value: Constant = None
    hyperparameter: str | None = None


@dataclass(frozen=True, slots=True)
class ModuleView:
    """A node that is there now.

    Attributes:
        key: Its path.
        label: What it computes, or the name of the substitution.
        operation: The full name of the operation; None for a substitution.
        properties: Its properties, sorted by name.
        inputs: Names of its inputs and where each comes from.
        outputs: Names of its outputs.
    """

    key: str
    label: str
    operation: str | None
    properties: tuple[PropertyView, ...]
    inputs: tuple[tuple[str, Source], ...]
    outputs: tuple[str, ...]

    @property
    def substitution(self) -> bool:
        """Whether something else will take its place."""
        return self.operation is None


@dataclass(frozen=True, slots=True)
class HyperparameterView:
    """A hyperparameter that a module or another hyperparameter uses now.

    Attributes:
        key: Its path.
        domain: What it may be; None for a dependent one.
        parents: Argument names and keys of what a dependent one is computed from.
        assigned: Whether it has a value.
        value: Its value, if it has one.
    """

    key: str
    domain: Domain | None
    parents: tuple[tuple[str, str], ...]
    assigned: bool
    value: Constant = None


@dataclass(frozen=True, slots=True)
class View:
    """All that a picture shows.

    Attributes:
        inputs: Names of the inputs, sorted.
        modules: Producers before consumers.
        hyperparameters: In the order in which the modules name them, parents first.
        outputs: Names of the outputs, sorted, and where each comes from.
        decisions: Keys and values assigned so far, in the order assigned.
        next: The key of the hyperparameter to be decided next, if any.
    """

    inputs: tuple[str, ...]
    modules: tuple[ModuleView, ...]
    hyperparameters: tuple[HyperparameterView, ...]
    outputs: tuple[tuple[str, Source], ...]
    decisions: tuple[tuple[str, Constant], ...]
    next: str | None

    @property
    def edges(self) -> frozenset[Edge]:
        """All connections between modules, inputs and outputs."""
        into = {(m.key, name, source) for m in self.modules for name, source in m.inputs}
        return frozenset(into | {("", name, source) for name, source in self.outputs})


Edge: TypeAlias = tuple[str, str, Source]
"""The consumer's key, "" for an output of the whole; the name of its input; the source."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a view has that an earlier one had not.

    Attributes:
        modules: Keys of new modules.
        hyperparameters: Keys of new hyperparameters.
        assigned: Keys of hyperparameters that got their value.
        edges: New connections.
    """

    modules: frozenset[str] = frozenset()
    hyperparameters: frozenset[str] = frozenset()
    assigned: frozenset[str] = frozenset()
    edges: frozenset[Edge] = frozenset()


def view(drawable: Drawable) -> View:
    """Return what a picture of a space or an architecture shows.

    Raises:
        SpaceError: It is neither.

    Example:
        >>> import jarch as ja
        >>> def space():
        ...     return ja.sequential(ja.nn.dense(ja.Discrete([8, 16], "width")), ja.nn.relu())
        >>> shown = view(ja.trace(space))
        >>> [module.key for module in shown.modules], shown.hyperparameters[0].key
        (['dense', 'relu'], 'width')
    """
    if isinstance(drawable, Architecture):
        return _of_architecture(drawable)
    if isinstance(drawable, Space):  # pyright: ignore[reportUnnecessaryIsInstance]
        return _of_space(drawable)
    raise SpaceError(
        f"{drawable!r} is neither a space nor an architecture; a space function becomes a space "
        "with jarch.trace"
    )


def changes(before: View, after: View) -> Changes:
    """Return what `after` has that `before` had not."""
    known = {h.key: h for h in before.hyperparameters}
    open_before = {key for key, h in known.items() if not h.assigned}
    return Changes(
        frozenset(m.key for m in after.modules) - {m.key for m in before.modules},
        frozenset(h.key for h in after.hyperparameters if h.key not in known),
        frozenset(h.key for h in after.hyperparameters if h.assigned and h.key in open_before),
        after.edges - before.edges,
    )


def uses(shown: View) -> dict[str, int]:
    """Return by key how many properties and dependents take each hyperparameter's value."""
    count = {h.key: 0 for h in shown.hyperparameters}
    for module in shown.modules:
        for item in module.properties:
            if item.hyperparameter is not None:
                count[item.hyperparameter] += 1
    for h in shown.hyperparameters:
        for _, parent in h.parents:
            count[parent] += 1
    return count


def _of_architecture(architecture: Architecture) -> View:
    modules = tuple(_module(key, node, node.inputs, {}) for key, node in architecture.nodes)
    return View(
        architecture.inputs, modules, (), architecture.outputs, architecture.decisions, None
    )


def _of_space(space: Space) -> View:
    expanded, environment = space.state.expanded, space.state.environment
    cells = _producers_first(space.program, expanded)
    hyperparameters = _with_parents(h for cell in cells for _, h in cell.open)
    values = {h.key: environment[h.key] for h in hyperparameters if h.key in environment}
    outputs = ((name, _source(port, expanded)) for name, port in space.program.outputs)
    return View(
        tuple(sorted(space.program.fragment.inputs)),
        tuple(_module(c.key, c.node, _sources(c, expanded), values) for c in cells),
        tuple(_hyperparameter(h, values) for h in hyperparameters),
        tuple(outputs),
        space.decisions,
        None if space.next is None else space.next.key,
    )


def _producers_first(program: Program, expanded: Expanded) -> list[Cell]:
    """Return the reachable cells, each after those that feed it."""
    done: dict[Cell, None] = {}
    stack = [resolve(port, expanded).cell for _, port in reversed(program.outputs)]
    while stack:
        cell = stack[-1]
        if cell is None or cell in done:
            stack.pop()
            continue
        sources = [resolve(port, expanded).cell for _, port in cell.sources]
        missing = [source for source in sources if source is not None and source not in done]
        if missing:
            stack.extend(reversed(missing))
        else:
            done[cell] = None
            stack.pop()
    return list(done)


def _with_parents(hyperparameters: Iterable[Hyperparameter]) -> list[Hyperparameter]:
    """Return the hyperparameters and all that they are computed from, parents first."""
    done: dict[str, Hyperparameter] = {}
    for wanted in hyperparameters:
        stack = [wanted]
        while stack:
            h = stack[-1]
            missing = [p for _, p in _parents(h) if p.key not in done] if h.key not in done else []
            if missing:
                stack.extend(reversed(missing))
            else:
                done.setdefault(h.key, h)
                stack.pop()
    return list(done.values())


def _parents(h: Hyperparameter) -> tuple[tuple[str, Hyperparameter], ...]:
    return () if isinstance(h, IndependentHyperparameter) else h.parents


def _module(
    key: str,
    node: Node,
    inputs: tuple[tuple[str, Source], ...],
    values: Mapping[str, Constant],
) -> ModuleView:
    properties = tuple(_property(name, value, values) for name, value in node.properties)
    operation = node.op.name if isinstance(node, Basic) else None
    return ModuleView(key, node.label, operation, properties, inputs, node.outputs)


def _property(name: str, value: Property, values: Mapping[str, Constant]) -> PropertyView:
    if is_hyperparameter(value):
        return PropertyView(name, values.get(value.key), value.key)
    return PropertyView(name, cast(Constant, value))


def _hyperparameter(h: Hyperparameter, values: Mapping[str, Constant]) -> HyperparameterView:
    domain = h.domain if isinstance(h, IndependentHyperparameter) else None
    parents = tuple((name, parent.key) for name, parent in _parents(h))
    return HyperparameterView(h.key, domain, parents, h.key in values, values.get(h.key))


def _sources(cell: Cell, expanded: Expanded) -> tuple[tuple[str, Source], ...]:
    return tuple((name, _source(port, expanded)) for name, port in cell.sources)


def _source(port: Port, expanded: Expanded) -> Source:
    found = resolve(port, expanded)
    return Source("" if found.cell is None else found.cell.key, found.output)
