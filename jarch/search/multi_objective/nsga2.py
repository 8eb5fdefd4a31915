"""NSGA-II: fronts first, then the least crowded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jarch.ir import Architecture, Space
from jarch.search.checks import check_at_least, check_probabilities
from jarch.search.constraints import Constraint
from jarch.search.edits import Where, anywhere
from jarch.search.gate import Gate
from jarch.search.objective import Objective
from jarch.search.searcher import Metrics, Suggestion

from .members import Generations, Member, Variation, scores_array
from .objectives import (
    FloatArray,
    Objectives,
    as_losses,
    check_objectives,
    describe_objectives,
)
from .pareto import crowding_distances, front_ranks


@dataclass(frozen=True, slots=True)
class Nsga2Config:
    """How a population evolves.

    The defaults are those of the paper but for the population, which is 100 there, for 25,000
    evaluations. Searches for architectures make some hundred: 40 is that of NSGA-Net, by which
    authors of NSGA-II search for them.

    Attributes:
        population: How many parents there are, and how many children a generation has.
        crossover: The probability that a child has two parents.
        points: How often a child of two changes between them; None chooses for each decision.
        rate: The probability with which each decision of a child is changed, at least one; None
            is one over their number.
        repeats: Suggest equal models more than once.

    Raises:
        SearchError: A number is out of range.

    Reference:
        Lu, Whalen, Boddeti, Dhebar, Deb, Goodman and Banzhaf 2019, "NSGA-Net: neural architecture
        search using multi-objective genetic algorithm", GECCO; the population is that of its code.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> objectives = ja.Objective("accuracy"), ja.Objective("flops", maximize=False)
        >>> searcher = Nsga2Searcher(space, Nsga2Config(population=8), objectives=objectives)
    """

    population: int = 40
    crossover: float = 0.9
    points: int | None = None
    rate: float | None = None
    repeats: bool = False

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_at_least(self, 1, "population", "points")
        check_probabilities(self, "crossover", "rate")


@dataclass(slots=True)
class Nsga2Searcher:
    """Evolves a population towards the whole Pareto front.

    Of parents and children together the best fronts survive (see `front_ranks`), and of the last
    that does not fit as a whole those that are the least crowded (`crowding_distances`). A parent
    is the better of two drawn at random: that of the lower front, else the less crowded. Children
    are made by crossover and mutation by key (`jarch.search.edits`), in place of the paper's
    operators on vectors of reals or bits.

    A generation ends when as many children as there are parents have come back, so that with
    several evaluations at a time none waits for another.

    Attributes:
        space: Where to search.
        config: How a population evolves.
        objectives: What it is after, all at once.
        constraint: Raises `InvalidArchitecture` for those not to suggest.
        where: Which decisions may be changed by mutation; by default all.

    Reference:
        Deb, Pratap, Agarwal and Meyarivan 2002, "A fast and elitist multiobjective genetic
        algorithm: NSGA-II".

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> objectives = ja.Objective("accuracy"), ja.Objective("parameters", maximize=False)
        >>> searcher = Nsga2Searcher(space, Nsga2Config(population=4), objectives=objectives)
        >>> rng = np.random.default_rng(0)
        >>> for _ in range(6):
        ...     suggestion = searcher.ask(rng)
        ...     size = ja.analyze(suggestion.architecture, {"in": (8, 8, 1)}).parameters
        ...     searcher.tell(suggestion, {"accuracy": rng.random(), "parameters": size})
        >>> len(searcher.population)
        4
    """

    space: Space
    config: Nsga2Config = field(default_factory=Nsga2Config)
    objectives: Objectives = field(default=(Objective(),), kw_only=True)
    constraint: Constraint | None = field(default=None, kw_only=True)
    where: Where = field(default=anywhere, kw_only=True)
    _generations: Generations = field(init=False, repr=False)
    _ranks: NDArray[np.int64] = field(init=False, repr=False)
    _distances: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin without a population."""
        self.objectives = check_objectives(self.objectives)
        gate = Gate(self.space, self.constraint, self.config.repeats)
        self._generations = Generations(gate, self.objectives, self.config.population)
        self._rank()

    @property
    def population(self) -> tuple[Member, ...]:
        """The parents, the best fronts first; none until the first generation is complete."""
        return tuple(self._generations.parents)

    def ask(self, rng: np.random.Generator) -> Suggestion:
        """Return a random architecture to begin with, later a child of the population.

        Raises:
            SpaceExhausted: Nothing new is left.
            SearchError: Nothing at all is valid and allowed.
        """
        known = self._generations
        if known.complete:
            every = [*known.parents, *known.children]
            known.parents = select_crowded(every, self.objectives, known.size)
            known.children = []
            self._rank()
        config = self.config
        variation = Variation(config.crossover, config.points, config.rate, self.where)
        return known.suggest(variation, self._winner, rng)

    def tell(self, suggestion: Suggestion, metrics: Metrics | None) -> None:
        """Let what succeeded, with a score in each objective, join the children."""
        self._generations.tell(suggestion, metrics)

    def options(self) -> Mapping[str, Any]:
        """Return the configuration and the objectives."""
        return {"name": "nsga2", **describe_objectives(self.objectives), **asdict(self.config)}

    def state(self) -> Mapping[str, Any]:
        """Return what was suggested, the parents and the children so far."""
        return self._generations.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the population of a state."""
        self._generations.restore(state)
        self._rank()

    def _rank(self) -> None:
        """Compute what tournaments compare."""
        self._ranks, self._distances = rank_and_spread(self._generations.parents, self.objectives)

    def _winner(self, rng: np.random.Generator) -> Architecture:
        """Return the better of two parents by the crowded comparison; the first of equals."""
        parents = self._generations.parents
        drawn = rng.permutation(len(parents))[:2]
        best = min(drawn, key=lambda i: (self._ranks[i], -self._distances[i]))
        return parents[int(best)].architecture


def rank_and_spread(
    members: Sequence[Member], objectives: Objectives
) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the front of each member, and its crowding distance within that: each (n,)."""
    if not members:
        return np.zeros(0, np.int64), np.zeros(0)
    scores = scores_array(members)
    ranks = front_ranks(scores, objectives)
    losses = as_losses(scores, objectives)  # so that ties go alike in both directions
    distances = np.zeros(len(members))
    for rank in range(int(ranks.max()) + 1):
        distances[ranks == rank] = crowding_distances(losses[ranks == rank])
    return ranks, distances


def select_crowded(members: Sequence[Member], objectives: Objectives, size: int) -> list[Member]:
    """Return so many members: the best fronts, of the last the least crowded."""
    ranks, distances = rank_and_spread(members, objectives)
    order = np.lexsort((-distances, ranks))
    return [members[int(i)] for i in order[:size]]
