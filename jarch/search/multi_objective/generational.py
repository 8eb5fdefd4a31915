"""Evolution of a population, generation by generation: what NSGA-II and NSGA-III share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from jarch.ir import Architecture, Space
from jarch.search.checks import check_at_least, check_probabilities, check_where
from jarch.search.constraints import Constraint
from jarch.search.edits import Where, anywhere
from jarch.search.gate import Gate
from jarch.search.objective import Objective
from jarch.search.offspring import admit_child
from jarch.search.searcher import Metrics, Suggestion

from .members import Member, Variation
from .objectives import Objectives, check_objectives, describe_objectives, scores_of


@dataclass(frozen=True, slots=True)
class GenerationalConfig:
    """How a population evolves.

    Attributes:
        population: How many parents there are, and how many children a generation has.
        crossover: The probability that a child has two parents.
        points: How often a child of two changes between them; None chooses for each decision.
        rate: The probability with which each decision of a child is changed, at least one; None
            is one over their number.
        repeats: Suggest equal models more than once.

    Raises:
        SearchError: A number is out of range.
    """

    population: int | None = None
    crossover: float = 1.0
    points: int | None = None
    rate: float | None = None
    repeats: bool = False

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_at_least(self, 1, "population", "points")
        check_probabilities(self, "crossover", "rate")


C = TypeVar("C", bound=GenerationalConfig)


@dataclass(slots=True)
class GenerationalSearcher(ABC, Generic[C]):
    """Holds parents, makes children of them, and chooses the next parents among both.

    The first parents are random architectures. Nothing waits: children are made of the parents at
    hand until as many as there are parents have come back, in whatever order; those that failed or
    are late are not missed.

    Attributes:
        space: Where to search.
        config: How a population evolves.
        objectives: What it is after, all at once.
        constraint: Returns False, or raises `InvalidArchitecture`, for those not to suggest.
        where: Which decisions may be changed by mutation; by default all.
    """

    name: ClassVar[str]

    space: Space
    config: C
    objectives: Objectives = field(default=(Objective(),), kw_only=True)
    constraint: Constraint | None = field(default=None, kw_only=True)
    where: Where = field(default=anywhere, kw_only=True)
    _gate: Gate = field(init=False, repr=False)
    _parents: list[Member] = field(init=False, default_factory=list[Member], repr=False)
    _children: list[Member] = field(init=False, default_factory=list[Member], repr=False)

    def __post_init__(self) -> None:
        """Begin without a population."""
        self.objectives = check_objectives(self.objectives)
        check_where(self.space, self.where)
        self._gate = Gate(self.space, self.constraint, self.config.repeats)
        self._prepare()

    @property
    @abstractmethod
    def size(self) -> int:
        """How many parents there are, and how many children a generation has."""

    @abstractmethod
    def _prepare(self) -> None:
        """Work out what follows from the configuration and the parents, which are new."""

    @abstractmethod
    def _select(self, members: Sequence[Member], rng: np.random.Generator) -> list[Member]:
        """Return the next parents, of parents and children."""

    @abstractmethod
    def _parent(self, rng: np.random.Generator) -> Architecture:
        """Return a parent of a child."""

    @property
    def population(self) -> tuple[Member, ...]:
        """The parents; none until the first generation is complete."""
        return tuple(self._parents)

    def ask(self, rng: np.random.Generator) -> Suggestion:
        """Return a random architecture to begin with, later a child of the population.

        Raises:
            SpaceExhausted: Nothing new is left.
            SearchError: Nothing at all is valid and allowed.
        """
        if len(self._children) >= self.size:
            self._parents = self._select([*self._parents, *self._children], rng)
            self._children = []
            self._prepare()
        child = None
        if self._parents:
            config = self.config
            variation = Variation(config.crossover, config.points, config.rate, self.where)
            child = admit_child(self._gate, variation.child, self.space, self._parent, rng)
        return child or self._gate.draw(rng)

    def tell(self, suggestion: Suggestion, metrics: Metrics | None) -> None:
        """Let what succeeded, with a score in each objective, join the children."""
        scores = scores_of(self.objectives, metrics)
        if self._gate.takes(suggestion) and scores is not None:
            self._children.append(Member(suggestion.architecture, scores))

    def options(self) -> Mapping[str, Any]:
        """Return the configuration and the objectives."""
        return {"name": self.name, **describe_objectives(self.objectives), **asdict(self.config)}

    def state(self) -> Mapping[str, Any]:
        """Return what was suggested, the parents and the children so far."""
        return {
            **self._gate.state(),
            "parents": [member.to_data(self.space) for member in self._parents],
            "children": [member.to_data(self.space) for member in self._children],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the population of a state."""
        self._gate.restore_state(state)
        self._parents = [Member.from_data(self.space, data) for data in state["parents"]]
        self._children = [Member.from_data(self.space, data) for data in state["children"]]
        self._prepare()
