"""Sums over all architectures of a space without walking them: variable elimination.

The nodes of a space are visited one after another, producers before consumers, with a table of
*contexts*. A context says what was decided so far among the hyperparameters that may still
matter; what cannot matter any more is eliminated, and contexts that became equal are merged. So
independent parts of a space multiply instead of being combined one by one.

A substitution may reveal, much later, a hyperparameter that its function holds. Nobody can know
that before it is expanded, so elimination is optimistic: a hyperparameter is eliminated after its
last *known* use. If it turns up again, it is remembered as shared, and the sum starts over.

Reference: Dechter 1999, "Bucket elimination: a unifying framework for reasoning".
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable
from typing import Any, Generic, TypeAlias, TypeVar

from rpds import HashTrieMap

from .constants import Constant
from .dependents import Dependents, open_ancestors
from .errors import InvalidArchitecture, SpaceError
from .hyperparameters import Hyperparameter, IndependentHyperparameter
from .program import Cell, Expansion, Port, resolve
from .space import Space

W = TypeVar("W")

Context: TypeAlias = "HashTrieMap[Any, Any]"
"""Hyperparameter keys, and where in its domain the value stands, or SEEN."""

Table: TypeAlias = "dict[Context, W]"
Step: TypeAlias = "Generator[Any, Any, Table[W]]"

REFUSED = "(refused)"  # marks contexts without a valid architecture; no key looks like it
_SPLIT_LIMIT = 1_000_000  # values of one decision on which the graph depends
SEEN = -1  # reached, but nothing depended on the value: all values stand for one another


class OrderMatters(Exception):
    """A substitution drops something undecided: what is asked depends on the order."""


class _Restart(Exception):
    """The sum is lost and must be started over."""


class Elimination(ABC, Generic[W]):
    """One sum over a space; subclasses say of what.

    Attributes:
        structural: Keys of the hyperparameters on whose values the structure depends.
    """

    def __init__(self, space: Space, everywhere: bool = False) -> None:
        """Prepare a sum over what the space leaves open.

        Args:
            space: Any.
            everywhere: Visit also the basic nodes that have nothing open.
        """
        self._everywhere = everywhere
        self.space = space
        self.structural: set[str] = set()
        self.dependents = Dependents(space.state.environment)
        self._shared = space.program.shared
        self._needs: dict[Cell, tuple[IndependentHyperparameter, ...]] = {}
        self._met: dict[str, IndependentHyperparameter] = {}
        self._uses: dict[str, int] = {}  # known uses to come
        self._gone: set[str] = set()  # what was eliminated
        self._log: list[str] = []  # the same, in order
        self._shared_in: dict[str, list[str]] = {}  # what is shared, by scope
        self._work = 0
        self._limit = math.inf

    @abstractmethod
    def plus(self, first: W, second: W) -> W:
        """Return the weight of two contexts that became one."""

    @abstractmethod
    def times(self, weight: W, hyperparameter: IndependentHyperparameter) -> W:
        """Return the weight once any value of the hyperparameter may be taken."""

    def visit_basic(self, cell: Cell, table: Table[W]) -> Table[W]:
        """Return the table after a basic node."""
        needs = self.needs(cell)
        if not any(self.dependents.may_refuse(h) for _, h in cell.open):
            return self.see(table, needs)
        self.structural.update(h.key for h in needs)
        table = self.split(table, needs)
        new: Table[W] = {}
        for context, weight in table.items():
            refused = self._values(cell, context) is None
            self._put(new, self.refuse(cell, context) if refused else context, weight)
        return new

    def refuse(self, cell: Cell, context: Context) -> Context:
        """Mark a context that the function of a node or of a dependent refused.

        It is not left out at once: what refused may turn out to be dropped further on.
        """
        return context.insert(REFUSED, True)

    def leave(self, cell: Cell, expansion: Expansion, table: Table[W]) -> Table[W]:
        """Return the table after all that a substitution became was visited."""
        return table

    def begin(self, start: W) -> Table[W]:
        """Return the table before anything was visited."""
        return dict([(HashTrieMap(), start)])

    def enter(self, cells: Iterable[Cell]) -> None:
        """Take note of cells that are about to be visited."""

    def after(self, cell: Cell, table: Table[W]) -> Table[W]:
        """Return the table after a cell of either kind was visited."""
        return table

    def run(self, start: W) -> W | None:
        """Return the sum over the space, or None where no architecture is valid.

        Raises:
            OrderMatters: The space does not factorise.
        """
        left = [weight for context, weight in self.table(start).items() if REFUSED not in context]
        return left[0] if left else None

    def table(self, start: W) -> Table[W]:
        """Return the contexts that are left at the end: one, where only decisions count.

        Raises:
            OrderMatters: The space does not factorise.
        """
        while True:
            self._uses.clear()
            self._gone.clear()
            self._log.clear()
            self._shared_in = _by_scope(self._shared)
            self._work, self._limit = 0, math.inf
            try:
                cells = cells_forward(self.space)
                table = _trampoline(self.region("", cells, (), self.begin(start)))
            except _Restart:
                continue
            if self._limit == math.inf:
                return table

    def needs(self, cell: Cell) -> tuple[IndependentHyperparameter, ...]:
        """Return the undecided hyperparameters that a node's properties follow from."""
        found = self._needs.get(cell)
        if found is None:
            found = open_ancestors(self.dependents, [h for _, h in cell.open]) if cell.open else ()
            self._needs[cell] = found
            self._met.update((h.key, h) for h in found)
        return found

    def value(self, hyperparameter: Hyperparameter, context: Context) -> Constant:
        """Return the value of a hyperparameter whose ancestors are decided in the context."""
        return self.dependents.value(hyperparameter, lambda h: h.domain[context[h.key]])

    def see(self, table: Table[W], needs: Iterable[IndependentHyperparameter]) -> Table[W]:
        """Note in each context that hyperparameters were reached."""
        for h in needs:
            self._meet(h)
            if all([h.key in context for context in table]):
                continue
            new: Table[W] = {}
            for context, weight in table.items():
                known = h.key in context
                self._put(new, context if known else context.insert(h.key, SEEN), weight)
            table = new
        return table

    def split(self, table: Table[W], needs: Iterable[IndependentHyperparameter]) -> Table[W]:
        """Divide each context by the values of hyperparameters."""
        for h in needs:
            self._meet(h)
            if h.domain.size is None or h.domain.size > _SPLIT_LIMIT:
                raise SpaceError(
                    f"{h.key}: the graph depends on its value, and {h.domain} are too many to go "
                    "through one by one; use a smaller domain"
                )
            if SEEN not in [context.get(h.key, SEEN) for context in table]:
                continue
            new: Table[W] = {}
            for context, weight in table.items():
                if context.get(h.key, SEEN) != SEEN:
                    self._put(new, context, weight)
                else:
                    for i in range(h.domain.size):
                        self._put(new, context.insert(h.key, i), self.decide(weight, h, i))
            table = new
        return table

    def decide(self, weight: W, hyperparameter: IndependentHyperparameter, index: int) -> W:
        """Return the weight of a context in which a value was decided."""
        return weight

    def merge(self, tables: Iterable[Table[W]]) -> Table[W]:
        """Return one table with the weights of equal contexts added."""
        merged: Table[W] = {}
        for table in tables:
            for context, weight in table.items():
                self._put(merged, context, weight)
        return merged

    def eliminate(self, table: Table[W], hyperparameter: IndependentHyperparameter) -> Table[W]:
        """Forget a hyperparameter: merge the contexts that differ in it alone."""
        key = hyperparameter.key
        self._forget(key)
        new: Table[W] = {}
        for context, weight in table.items():
            index = context.get(key)
            if index == SEEN:
                weight = self.times(weight, hyperparameter)
            self._put(new, context if index is None else context.discard(key), weight)
        return new

    def _put(self, table: Table[W], context: Context, weight: W) -> None:
        known = table.get(context)
        table[context] = weight if known is None else self.plus(known, weight)

    def _meet(self, h: IndependentHyperparameter) -> None:
        if h.key in self._gone:
            self._shared.add(h.key)
            # The sum is lost. Go on for as long again, to find more of the like, then start over.
            self._limit = min(self._limit, 2 * self._work)

    def region(
        self, scope: str, cells: Iterable[Cell], outputs: Iterable[Port], table: Table[W]
    ) -> Step[W]:
        """Visit the cells of one expansion, in the scope named after the substitution."""
        self.enter(cells)
        for cell in cells:
            for h in self.needs(cell):
                self._uses[h.key] = self._uses.get(h.key, 0) + 1
        for cell in cells:
            self._work += 1
            if self._work > self._limit:
                raise _Restart
            if cell.substitution:
                table = yield self._substitution(cell, table)
            else:
                table = self.visit_basic(cell, table)
            table = self.after(cell, table)
            for h in self.needs(cell):
                self._uses[h.key] -= 1
                if not self._uses[h.key] and h.key not in self._shared:
                    table = self.eliminate(table, h)
        for key in self._shared_in.get(scope, ()):
            if key in self._met:
                table = self.eliminate(table, self._met[key])
        return table

    def _substitution(self, cell: Cell, table: Table[W]) -> Step[W]:
        """Visit, for each way to expand a substitution, what it becomes."""
        needs = self.needs(cell)
        keys = [h.key for h in needs]
        self.structural.update(keys)
        groups: dict[tuple[int, ...], Table[W]] = {}
        for context, weight in self.split(table, needs).items():
            groups.setdefault(tuple([context[key] for key in keys]), {})[context] = weight
        done: list[Table[W]] = []
        mark = len(self._log)
        gone: list[str] = []
        for group in groups.values():
            expansion = self._expand(cell, next(iter(group)))
            if expansion is None:
                done.append({self.refuse(cell, context): w for context, w in group.items()})
                continue
            cells = expansion.cells if self._everywhere else expansion.active
            if cells or self._everywhere:
                group = yield self.region(cell.key, cells, expansion.outputs.values(), group)
            done.append(self.leave(cell, expansion, group))
            gone += self._log[mark:]  # what one alternative eliminates, another may still use
            self._gone.difference_update(self._log[mark:])
            del self._log[mark:]
        for key in gone:
            if _scope(key) != cell.key:  # nothing beyond the substitution knows its own
                self._forget(key)
        return done[0] if len(done) == 1 else self.merge(done)

    def _expand(self, cell: Cell, context: Context) -> Expansion | None:
        """Return what a substitution becomes in a context; None where that is refused."""
        values = self._values(cell, context)
        if values is None:
            return None
        try:
            expansion = self.space.program.expand(cell, values)
        except InvalidArchitecture:
            return None
        if expansion.dropped:
            self.check_drops(expansion)
        return expansion

    def _forget(self, key: str) -> None:
        if key not in self._gone:
            self._gone.add(key)
            self._log.append(key)

    def _values(self, cell: Cell, context: Context) -> tuple[Constant, ...] | None:
        """Return the values of a node's open properties; None where a dependent refuses."""
        try:
            return tuple([self.value(h, context) for _, h in cell.open])
        except InvalidArchitecture:
            return None

    def check_drops(self, expansion: Expansion) -> None:
        """Raise where something undecided feeds what is dropped."""
        stack = list(expansion.dropped)
        while stack:
            cell = resolve(stack.pop(), self.space.state.expanded).cell
            if cell is not None:
                if cell.substitution or self.needs(cell):
                    raise OrderMatters
                stack.extend(port for _, port in cell.sources)


def cells_forward(space: Space) -> list[Cell]:
    """Return the reachable cells of a space, producers first."""
    expanded = space.state.expanded
    order: dict[Cell, None] = {}
    stack = [port for _, port in reversed(space.program.outputs)]
    while stack:
        cell = resolve(stack[-1], expanded).cell
        missing: list[Port] = []
        if cell is not None and cell not in order:
            feeds = [port for _, port in cell.sources]
            missing = [p for p in feeds if (c := resolve(p, expanded).cell) and c not in order]
            if not missing:
                order[cell] = None
        if missing:
            stack.extend(reversed(missing))
        else:
            stack.pop()
    return list(order)


def _scope(key: str) -> str:
    return key.rpartition("/")[0]


def _by_scope(keys: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key in keys:
        found.setdefault(_scope(key), []).append(key)
    return found


def _trampoline(step: Step[W]) -> Table[W]:
    """Run steps that yield steps: nesting may be deeper than Python's recursion limit."""
    stack: list[Step[W]] = [step]
    result: Table[W] | None = None
    while stack:
        try:
            stack.append(stack[-1].send(result))
            result = None
        except StopIteration as stop:
            stack.pop()
            result = stop.value
    assert result is not None
    return result
