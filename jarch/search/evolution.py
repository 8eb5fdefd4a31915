"""Regularised evolution: tournaments in a population of which the oldest leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from jarch.ir import Architecture, Space

from .checks import check_at_least, check_probabilities, check_where
from .constraints import Constraint
from .edits import Where, anywhere, crossover, mutate, mutate_each
from .gate import Gate
from .objective import Objective
from .offspring import admit_child
from .scored import Scored
from .searcher import Metrics, SearchError, Suggestion


@dataclass(frozen=True, slots=True)
class EvolutionConfig:
    """How a population evolves; the defaults are those of the paper.

    Attributes:
        population: How many live at a time; as many are drawn at random to begin with.
        sample: How many take part in a tournament, drawn with replacement.
        aging: The oldest leaves the population; else the worst does (plain evolution).
        edits: How many decisions a mutation changes.
        rate: Change each decision with this probability instead.
        crossover: The probability that a child has two parents, each the winner of a tournament.
        points: How often a child of two changes between them; None chooses for each decision.
        repeats: Suggest equal models more than once.

    Raises:
        SearchError: A number is out of range.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> config = ja.EvolutionConfig(population=2, sample=2, aging=False)
        >>> searcher = ja.EvolutionSearcher(ja.trace(ja.spaces.digits_dense), config)
        >>> rng = np.random.default_rng(0)
        >>> for accuracy in (0.9, 0.5, 0.7):
        ...     searcher.tell(searcher.ask(rng), {"accuracy": accuracy})
        >>> [member.score for member in searcher.population]  # with aging 0.9 would have left
        [0.9, 0.7]
    """

    population: int = 100
    sample: int = 25
    aging: bool = True
    edits: int = 1
    rate: float | None = None
    crossover: float = 0.0
    points: int | None = None
    repeats: bool = False

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_at_least(self, 1, "population", "sample", "edits")
        if self.points is not None and self.points < 1:
            raise SearchError(f"points is {self.points}; use at least 1, or None")
        check_probabilities(self, "rate", "crossover")


@dataclass(slots=True)
class EvolutionSearcher:
    """Mutates the winner of a tournament in a population of what did well lately.

    The population begins with random architectures. Then each suggestion is a mutation of the best
    of a sample of the population, and each result joins it, whereupon the oldest member leaves.
    That regularises: what did well once by luck does not stay. Failures never join.

    Where 50 mutations in a row give nothing new and valid, an architecture is drawn at random.

    Attributes:
        space: Where to search.
        config: How the population evolves.
        objective: What a tournament is about.
        constraint: Returns False, or raises `InvalidArchitecture`, for those not to suggest.
        where: Which decisions may mutate; by default all.

    Reference:
        Real, Aggarwal, Huang and Le 2019, "Regularized evolution for image classifier architecture
        search", AAAI; algorithm 1.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> searcher = ja.EvolutionSearcher(
        ...     space, ja.EvolutionConfig(population=5, sample=2), objective=ja.Objective("size")
        ... )
        >>> def largest(architecture, seed):
        ...     return {"size": ja.analyze(architecture, {"in": (8, 8, 1)}).parameters}
        >>> found = ja.run_search(searcher, largest, 20, objective="size")
        >>> len(found.evaluations)
        20
    """

    space: Space
    config: EvolutionConfig = field(default_factory=EvolutionConfig)
    objective: Objective = field(default_factory=Objective, kw_only=True)
    constraint: Constraint | None = field(default=None, kw_only=True)
    where: Where = field(default=anywhere, kw_only=True)
    _gate: Gate = field(init=False, repr=False)
    _asked: int = field(init=False, default=0, repr=False)
    _population: list[Scored] = field(init=False, default_factory=list[Scored], repr=False)

    def __post_init__(self) -> None:
        """Begin without a population."""
        check_where(self.space, self.where)
        self._gate = Gate(self.space, self.constraint, self.config.repeats)

    @property
    def population(self) -> tuple[Scored, ...]:
        """The members, the oldest first."""
        return tuple(self._population)

    def ask(self, rng: np.random.Generator) -> Suggestion:
        """Return a random architecture to begin with, later a child of the population.

        Raises:
            SpaceExhausted: Nothing new is left.
            SearchError: Nothing at all is valid and allowed.
        """
        grown = self._asked >= self.config.population and self._population
        child = admit_child(self._gate, self._vary, rng) if grown else None
        suggestion = child or self._gate.draw(rng)
        self._asked += 1
        return suggestion

    def tell(self, suggestion: Suggestion, metrics: Metrics | None) -> None:
        """Let what succeeded join the population; one member leaves where it is full."""
        score = self.objective.of(metrics)
        if not self._gate.takes(suggestion) or score is None:
            return
        self._population.append(Scored(suggestion.architecture, score))
        if len(self._population) > self.config.population:
            members = range(len(self._population))
            worst = self.objective.worst(members, lambda i: self._population[i].score)
            del self._population[0 if self.config.aging else worst]

    def options(self) -> Mapping[str, Any]:
        """Return the configuration and the objective."""
        return {"name": "evolution", **self.objective.options(), **asdict(self.config)}

    def state(self) -> Mapping[str, Any]:
        """Return what was suggested, how often it was asked, and the population."""
        members = [member.to_data(self.space) for member in self._population]
        return {**self._gate.state(), "asked": self._asked, "population": members}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the population of a state."""
        self._gate.restore_state(state)
        self._asked = state["asked"]
        self._population = [Scored.from_data(self.space, data) for data in state["population"]]

    def _vary(self, rng: np.random.Generator) -> Architecture:
        config = self.config
        parent = self._winner(rng)
        if config.crossover and rng.random() < config.crossover:
            parent = crossover(self.space, parent, self._winner(rng), rng, points=config.points)
        if config.rate is not None:
            return mutate_each(self.space, parent, rng, config.rate, where=self.where)
        return mutate(self.space, parent, rng, edits=config.edits, where=self.where)

    def _winner(self, rng: np.random.Generator) -> Architecture:
        """Return the best of a sample of the population."""
        drawn = rng.integers(len(self._population), size=self.config.sample)
        entrants = [self._population[int(i)] for i in drawn]
        return self.objective.best(entrants, lambda member: member.score).architecture
