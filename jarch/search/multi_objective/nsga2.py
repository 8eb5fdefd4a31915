"""NSGA-II: fronts first, then the least crowded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from jarch.ir import Architecture

from .generational import GenerationalConfig, GenerationalSearcher
from .members import Member, scores_array
from .objectives import FloatArray, Objectives, as_losses
from .pareto import crowding_distances, front_ranks


@dataclass(frozen=True, slots=True)
class Nsga2Config(GenerationalConfig):
    """How a population evolves.

    The population of the paper is 100, for 25,000 evaluations. Searches for architectures make
    some hundred: 40 is that of NSGA-Net, by which authors of NSGA-II search for them. See
    `GenerationalConfig` for the other options.

    Attributes:
        population: How many parents there are, and how many children a generation has.
        crossover: The probability that a child has two parents, as in the paper.

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


@dataclass(slots=True)
class Nsga2Searcher(GenerationalSearcher[Nsga2Config]):
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
        constraint: Returns False, or raises `InvalidArchitecture`, for those not to suggest.
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

    name: ClassVar[str] = "nsga2"

    config: Nsga2Config = field(default_factory=Nsga2Config)
    _ranks: NDArray[np.int64] = field(init=False, repr=False)
    _distances: FloatArray = field(init=False, repr=False)

    @property
    def size(self) -> int:
        """How many parents there are, and how many children a generation has."""
        return self.config.population

    def _prepare(self) -> None:
        """Compute what tournaments compare."""
        self._ranks, self._distances = rank_and_spread(self._parents, self.objectives)

    def _select(self, members: Sequence[Member], rng: np.random.Generator) -> list[Member]:
        return select_crowded(members, self.objectives, self.size)

    def _parent(self, rng: np.random.Generator) -> Architecture:
        """Return the better of two parents by the crowded comparison; the first of equals."""
        drawn = rng.permutation(len(self._parents))[:2]
        best = min(drawn, key=lambda i: (self._ranks[i], -self._distances[i]))
        return self._parents[int(best)].architecture


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
