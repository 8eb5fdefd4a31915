"""Pareto local search: evaluate the neighbours of every member of the front."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from jarch.ir import Architecture, Space, as_constant, replay
from jarch.search.checks import check_at_least, check_where
from jarch.search.constraints import Constraint
from jarch.search.edits import MOST, Where, anywhere, edit, moves
from jarch.search.gate import Gate
from jarch.search.objective import Objective
from jarch.search.searcher import Metrics, Suggestion

from .archive import ParetoArchive
from .members import Member
from .objectives import Objectives, check_objectives, describe_objectives, scores_of


@dataclass(frozen=True, slots=True)
class FrontLocalConfig:
    """How a front grows.

    Attributes:
        initial: How many random architectures a front begins with.
        most: Look at so many values of one decision; of larger domains, at some that are near
            (see `jarch.search.edits.moves`).
        repeats: Suggest equal models more than once.

    Raises:
        SearchError: A number is out of range.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Integer(1, 1000, name="width")))
        >>> searcher = ja.FrontLocalSearcher(space, ja.FrontLocalConfig(initial=3, most=8))
        >>> rng = np.random.default_rng(0)
        >>> for accuracy in (0.5, 0.7, 0.6):
        ...     searcher.tell(searcher.ask(rng), {"accuracy": accuracy})
        >>> [member.scores for member in searcher.front]  # of which the neighbours come next
        [(0.7,)]
    """

    initial: int = 1
    most: int = MOST
    repeats: bool = False

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_at_least(self, 1, "initial", "most")


@dataclass(slots=True)
class FrontLocalSearcher:
    """Grows a front: explores one member after another, and what is better joins it.

    To explore a member is to suggest all that differ from it by one decision, in random order. The
    next to explore is drawn among the members of the front that were not. When all are explored
    the front is locally optimal, and another begins at random; evaluations of earlier fronts stay
    among the results of the search.

    It never waits: when nothing is left to explore but results are outstanding, another front
    begins. A result that comes late joins the front that grows then, if it belongs there.

    Attributes:
        space: Where to search.
        config: How a front grows.
        objectives: What it is after, all at once.
        constraint: Returns False, or raises `InvalidArchitecture`, for those not to suggest.
        where: Which decisions may be changed; by default all.

    Reference:
        Paquete, Chiarandini and Stützle 2004, "Pareto local optimum sets in the biobjective
        traveling salesman problem: an experimental study".

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> objectives = ja.Objective("width"), ja.Objective("size", maximize=False)
        >>> def evaluate(architecture, seed):
        ...     size = ja.analyze(architecture, {"in": (8, 8, 1)}).parameters
        ...     return {"width": architecture.values[1], "size": size}
        >>> searcher = ja.FrontLocalSearcher(space, objectives=objectives)
        >>> found = ja.run_search(searcher, evaluate, 30, objective="width")
        >>> sorted({e.values[:2] for e in ja.pareto_front(found.evaluations, objectives)})
        [(1, 16), (1, 32), (1, 64), (1, 128)]
    """

    space: Space
    config: FrontLocalConfig = field(default_factory=FrontLocalConfig)
    objectives: Objectives = field(default=(Objective(),), kw_only=True)
    constraint: Constraint | None = field(default=None, kw_only=True)
    where: Where = field(default=anywhere, kw_only=True)
    _gate: Gate = field(init=False, repr=False)
    _starts: int = field(init=False, repr=False)
    _front: ParetoArchive[Architecture] = field(init=False, repr=False)
    _open: list[Architecture] = field(init=False, repr=False)
    _centre: Architecture | None = field(init=False, default=None, repr=False)
    _queue: list[tuple[str, Any]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin before the first front."""
        self.objectives = check_objectives(self.objectives)
        check_where(self.space, self.where)
        self._gate = Gate(self.space, self.constraint, self.config.repeats)
        self._restart()

    @property
    def front(self) -> tuple[Member, ...]:
        """The front that grows, in the order of arrival."""
        return tuple(Member(item, scores) for scores, item in self._front.entries)

    def ask(self, rng: np.random.Generator) -> Suggestion:
        """Return a neighbour of the member that is explored, or where another front begins.

        Raises:
            SpaceExhausted: Nothing new is left.
            SearchError: Nothing at all is valid and allowed.
        """
        while not self._starts:
            suggestion = self._neighbour(rng)
            if suggestion is not None:
                return suggestion
            if not self._explore(rng):
                self._restart()
        self._starts -= 1
        return self._gate.draw(rng)

    def tell(self, suggestion: Suggestion, metrics: Metrics | None) -> None:
        """Let a result join the front, unless that has one that is at least as good in all."""
        scores = scores_of(self.objectives, metrics)
        if not self._gate.takes(suggestion) or scores is None or not self._front.admits(scores):
            return
        self._front = self._front.add(suggestion.architecture, scores)
        members = set(self._front)
        self._open = [item for item in self._open if item in members]
        self._open.append(suggestion.architecture)

    def options(self) -> Mapping[str, Any]:
        """Return the configuration and the objectives."""
        kind = {"name": "front_local"}
        return {**kind, **describe_objectives(self.objectives), **asdict(self.config)}

    def state(self) -> Mapping[str, Any]:
        """Return what was suggested, the front, and which of it is not explored yet."""
        members = list(self._front)
        return {
            **self._gate.state(),
            "starts": self._starts,
            "front": [member.to_data(self.space) for member in self.front],
            "open": [members.index(architecture) for architecture in self._open],
            "centre": None if self._centre is None else self._values(self._centre),
            "queue": [[key, value] for key, value in self._queue],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on with the front of a state."""
        self._gate.restore_state(state)
        self._starts = state["starts"]
        front = [Member.from_data(self.space, data) for data in state["front"]]
        entries = tuple((member.scores, member.architecture) for member in front)
        self._front = ParetoArchive(self.objectives, entries)
        self._open = [front[int(i)].architecture for i in state["open"]]
        centre = state["centre"]
        self._centre = None if centre is None else replay(self.space, centre)
        self._queue = [(key, as_constant(value, key)) for key, value in state["queue"]]

    def _values(self, architecture: Architecture) -> list[Any]:
        return list(architecture.values[len(self.space.decisions) :])

    def _neighbour(self, rng: np.random.Generator) -> Suggestion | None:
        """Return the next neighbour that is valid and new; None when all are suggested."""
        while self._queue and self._centre is not None:
            key, value = self._queue.pop()
            suggestion = self._gate.admit(edit, self.space, self._centre, {key: value}, rng)
            if suggestion is not None:
                return suggestion
        return None

    def _explore(self, rng: np.random.Generator) -> bool:
        """Turn to a member of the front that was not explored, if there is one."""
        if not self._open:
            return False
        self._centre = self._open.pop(int(rng.integers(len(self._open))))
        found = moves(self.space, self._centre, rng, where=self.where, most=self.config.most)
        self._queue = [found[int(i)] for i in rng.permutation(len(found))]
        return True

    def _restart(self) -> None:
        self._starts = self.config.initial
        self._front = ParetoArchive(self.objectives)
        self._open = []
        self._centre = None
        self._queue = []
