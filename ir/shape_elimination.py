"""Shapes followed through a space for all values at once, by variable elimination."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, TypeAlias

from .constants import Constant
from .elimination import SEEN, Context, Elimination, Step, Table
from .errors import ShapeError, SpaceError
from .graph import Basic
from .hyperparameters import IndependentHyperparameter
from .operations import Shape
from .program import Cell, Expansion, Port, resolve
from .space import Space

Decision: TypeAlias = "tuple[str, Constant]"
Witness: TypeAlias = "frozenset[Decision]"
"""Decisions that suffice: whatever else is decided, they lead to the context."""

_TRIED = 4096  # combinations of a node's properties up to which all are tried


@dataclass(frozen=True, slots=True)
class _Error:
    """What stands where a shape should be, behind a node at which shapes do not fit."""

    node: str
    reason: str


_REFUSED = _Error("", "")  # stands behind what a function refused: no architecture, no error


def _error(shapes: Iterable[object]) -> _Error | None:
    """Return the first error among shapes, a refusal if there is one."""
    errors = [shape for shape in shapes if isinstance(shape, _Error)]
    return _REFUSED if _REFUSED in errors else next(iter(errors), None)


@dataclass(frozen=True, slots=True)
class Misfit:
    """An error of shapes.

    Attributes:
        decisions: That lead to it, whatever else is decided.
        node: The key of the node at which shapes do not fit.
        reason: What does not fit there.
    """

    decisions: Witness
    node: str
    reason: str


class TooMuch(Exception):
    """It takes more inferences than were allowed."""


class ShapeElimination(Elimination[Witness]):
    """Contexts hold, beside decisions, the shape of each port that something still needs.

    Attributes:
        relevant: Keys of the hyperparameters on whose values shapes or structure were found to
            depend.
        inferences: How often the shapes of a node were inferred.
    """

    def __init__(self, space: Space, inputs: Mapping[str, Shape]) -> None:
        super().__init__(space, everywhere=True)
        self._inputs = {Port(None, name): tuple(shape) for name, shape in inputs.items()}
        self._readers: dict[Port, int] = {}
        self.relevant: set[str] = set()
        self.inferences = 0
        self._most: int | None = None

    def results(self, most: int | None = None) -> tuple[Misfit | None, Witness | None]:
        """Return the misfit that takes the fewest decisions, and decisions after which all fits.

        Raises:
            TooMuch: It takes more than `most` inferences.
        """
        self.inferences, self._most = 0, most
        outputs = [self._resolved(port) for _, port in self.space.program.outputs]
        misfits: list[Misfit] = []
        fitting: Witness | None = None
        for context, witness in self.table(frozenset()).items():
            error = _error(context[port] for port in outputs)
            if error is None:
                fitting = witness
            elif error is not _REFUSED:
                misfits.append(Misfit(witness, error.node, error.reason))
        return min(misfits, key=lambda m: (len(m.decisions), m.node), default=None), fitting

    def begin(self, start: Witness) -> Table[Witness]:
        """Return the table with the shapes of the inputs."""
        self._readers.clear()
        for _, port in self.space.program.outputs:
            self._read(port, 1)
        [(context, witness)] = super().begin(start).items()
        for port, shape in self._inputs.items():
            context = context.insert(port, shape)
        return dict([(context, witness)])

    def plus(self, first: Witness, second: Witness) -> Witness:
        """Return the shorter way."""
        return min(first, second, key=len)

    def times(self, weight: Witness, hyperparameter: IndependentHyperparameter) -> Witness:
        """Return the way as it is: any value will do."""
        return weight

    def decide(self, weight: Witness, hyperparameter: IndependentHyperparameter, index: int) -> Any:
        """Return the way with one decision more."""
        self.relevant.add(hyperparameter.key)
        return weight | {(hyperparameter.key, hyperparameter.domain[index])}

    def eliminate(
        self, table: Table[Witness], hyperparameter: IndependentHyperparameter
    ) -> Table[Witness]:
        """Forget a hyperparameter; where each value leads to the same, nothing was decided."""
        key, domain = hyperparameter.key, hyperparameter.domain
        values: dict[Context, dict[int, Witness]] = {}
        for context, witness in table.items():
            index = context.get(key)
            if index is not None and index != SEEN:
                values.setdefault(context.discard(key), {})[index] = witness
        merged = super().eliminate(table, hyperparameter)
        for context, ways in values.items():
            if len(ways) == domain.size:
                without: Witness = frozenset(
                    decision
                    for index, way in ways.items()
                    for decision in way - {(key, domain[index])}
                )
                merged[context] = self.plus(merged[context], without)
        return merged

    def enter(self, cells: Iterable[Cell]) -> None:
        """Count the readers of ports."""
        for cell in cells:
            for _, port in cell.sources:
                self._read(port, 1)

    def after(self, cell: Cell, table: Table[Witness]) -> Table[Witness]:
        """Forget the shapes that nothing reads any more."""
        return self._release([port for _, port in cell.sources], table)

    def visit_basic(self, cell: Cell, table: Table[Witness]) -> Table[Witness]:
        """Infer shapes; split a context by those hyperparameters on which they depend."""
        node = cell.node
        assert isinstance(node, Basic)
        needs = self.needs(cell)
        new: Table[Witness] = {}
        for context, witness in table.items():
            relevant = _relevant(needs, self._outcomes(cell, node, needs, context))
            one = self.split(dict([(context, witness)]), relevant)
            others = [h for h in needs if h not in relevant]
            for split, way in self.see(one, others).items():
                self._conclude(cell, node, needs, split, way, new)
        return new

    def leave(self, cell: Cell, expansion: Expansion, table: Table[Witness]) -> Table[Witness]:
        """Give the outputs of a substitution the shapes of what it became."""
        new: Table[Witness] = {}
        for context, witness in table.items():
            for name, port in expansion.outputs.items():
                context = context.insert(Port(cell, name), context[self._resolved(port)])
            self._put(new, context, witness)
        return self._release(expansion.outputs.values(), new)

    def region(
        self, scope: str, cells: Iterable[Cell], outputs: Iterable[Port], table: Table[Witness]
    ) -> Step[Witness]:
        """Visit the cells of one expansion; its outputs are read at the end."""
        for port in outputs:
            self._read(port, 1)
        return super().region(scope, cells, outputs, table)

    def check_drops(self, expansion: Expansion) -> None:
        """Allow drops: what does not fit is followed, and forgotten where it is dropped."""

    def refuse(self, cell: Cell, context: Context) -> Context:
        """Say so at each output."""
        for name in cell.used:
            context = context.insert(Port(cell, name), _REFUSED)
        return context

    def _outcomes(
        self,
        cell: Cell,
        node: Basic,
        needs: tuple[IndependentHyperparameter, ...],
        context: Context,
    ) -> dict[tuple[int, ...], object]:
        """Return what each combination of undecided values leads to."""
        choices = [_indices(h, context) for h in needs]
        if prod(map(len, choices)) > _TRIED:
            raise SpaceError(
                f"{cell.key}: its properties have more than {_TRIED} combinations of values, too "
                "many to try; use smaller domains"
            )
        outcomes: dict[tuple[int, ...], object] = {}
        for indices in product(*choices):
            decided = context
            for h, index in zip(needs, indices, strict=True):
                decided = decided.insert(h.key, index)
            outcomes[indices] = self._infer(cell, node, decided)
        return outcomes

    def _infer(
        self, cell: Cell, node: Basic, context: Context
    ) -> tuple[tuple[str, Shape | _Error], ...]:
        """Return what stands at each output."""
        self.inferences += 1
        if self._most is not None and self.inferences > self._most:
            raise TooMuch
        feeds = {name: context[self._resolved(port)] for name, port in cell.sources}
        values = self._values(cell, context)
        error = _REFUSED if values is None else _error(feeds.values())
        if values is None or error is not None:
            return tuple((name, error or _REFUSED) for name in node.outputs)
        given = dict(zip((name for name, _ in cell.open), values, strict=True))
        properties: Any = {name: given.get(name, value) for name, value in node.properties}
        try:
            return tuple(sorted(node.op.infer(properties, feeds).outputs.items()))
        except ShapeError as misfit:
            return tuple((name, _Error(cell.key, str(misfit))) for name in node.outputs)

    def _conclude(
        self,
        cell: Cell,
        node: Basic,
        needs: tuple[IndependentHyperparameter, ...],
        context: Context,
        witness: Witness,
        table: Table[Witness],
    ) -> None:
        """Add the context with the node's shapes to the table."""
        decided = context
        for h in needs:
            if decided[h.key] == SEEN:
                decided = decided.insert(h.key, _indices(h, context)[0])
        for name, shape in self._infer(cell, node, decided):
            if name in cell.used:
                context = context.insert(Port(cell, name), shape)
        self._put(table, context, witness)

    def _resolved(self, port: Port) -> Port:
        return resolve(port, self.space.state.expanded)

    def _read(self, port: Port, readers: int) -> int:
        port = self._resolved(port)
        self._readers[port] = self._readers.get(port, 0) + readers
        return self._readers[port]

    def _release(self, ports: Iterable[Port], table: Table[Witness]) -> Table[Witness]:
        for port in ports:
            if not self._read(port, -1):
                new: Table[Witness] = {}
                for context, witness in table.items():
                    self._put(new, context.discard(self._resolved(port)), witness)
                table = new
        return table


class RelaxedShapeElimination(ShapeElimination):
    """Lets a hyperparameter that is used twice have two values: quicker, and never too hopeful.

    What fits so fits. What does not may still, with the same value in both places.
    """

    def after(self, cell: Cell, table: Table[Witness]) -> Table[Witness]:
        """Forget also all that was decided for this cell."""
        table = super().after(cell, table)
        for h in self.needs(cell):
            table = self.eliminate(table, h)
        return table

    def _meet(self, h: IndependentHyperparameter) -> None:
        """Take no note: what is used again is decided again."""


def _indices(h: IndependentHyperparameter, context: Context) -> list[Any]:
    """Return the positions of the values that a hyperparameter may still take in a context."""
    index = context.get(h.key, SEEN)
    if index != SEEN:
        return [index]
    if h.domain.size is None or h.domain.size > _TRIED:
        raise SpaceError(f"{h.key}: {h.domain} has too many values to try; use a smaller domain")
    return list(range(h.domain.size))


def _relevant(
    needs: tuple[IndependentHyperparameter, ...], outcomes: dict[tuple[int, ...], object]
) -> list[IndependentHyperparameter]:
    """Return the hyperparameters of which some value leads to another outcome than another."""
    if len(set(outcomes.values())) == 1:
        return []
    relevant: list[IndependentHyperparameter] = []
    for position, h in enumerate(needs):
        seen: dict[tuple[int, ...], object] = {}
        for indices, outcome in outcomes.items():
            others = indices[:position] + indices[position + 1 :]
            if seen.setdefault(others, outcome) != outcome:
                relevant.append(h)
                break
    return relevant
