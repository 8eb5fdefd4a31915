"""NSGA-III: fronts first, then directions that few have gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from jarch.ir import Architecture

from .generational import GenerationalConfig, GenerationalSearcher
from .members import Member, scores_array
from .objectives import FloatArray, Objectives, Scores, as_losses
from .pareto import front_ranks
from .reference_points import reference_points

_OFF_AXIS = 1e-6  # the weight of the other axes where the extreme point of one is looked for


@dataclass(frozen=True, slots=True)
class Nsga3Config(GenerationalConfig):
    """How a population evolves; the defaults are those of the paper, for three objectives and more.

    Attributes:
        population: How many parents there are, and how many children a generation has; None is the
            number of reference points, made a multiple of four.
        divisions: Of each axis between reference points; None is as in `reference_points`. See
            `GenerationalConfig` for the other options.

    Raises:
        SearchError: A number is out of range.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> costs = [ja.Objective(name, maximize=False) for name in ("flops", "parameters")]
        >>> objectives = ja.Objective("accuracy"), *costs
        >>> searcher = Nsga3Searcher(space, Nsga3Config(divisions=4), objectives=objectives)
    """

    divisions: int | None = None


@dataclass(slots=True)
class Nsga3Searcher(GenerationalSearcher[Nsga3Config]):
    """Evolves a population that is spread over reference directions; for three objectives and more.

    Of parents and children together the best fronts survive. Of the last that does not fit as a
    whole those do whose direction from the ideal point, in objectives that are normalised by the
    front itself, is nearest to the reference directions that the others have gone the least.
    Parents are drawn at random. Crossover and mutation are those of `jarch.search.edits`, in place
    of the paper's operators on vectors of reals.

    Attributes:
        space: Where to search.
        config: How a population evolves.
        objectives: What it is after, all at once.
        constraint: Returns False, or raises `InvalidArchitecture`, for those not to suggest.
        where: Which decisions may be changed by mutation; by default all.

    Reference:
        Deb and Jain 2014, "An evolutionary many-objective optimization algorithm using
        reference-point-based nondominated sorting approach, part I".

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> objectives = ja.Objective("flops", maximize=False), ja.Objective("width")
        >>> searcher = Nsga3Searcher(space, Nsga3Config(divisions=3), objectives=objectives)
        >>> rng = np.random.default_rng(0)
        >>> for _ in range(8):
        ...     suggestion = searcher.ask(rng)
        ...     net = suggestion.architecture
        ...     flops = ja.analyze(net, {"in": (8, 8, 1)}).flops
        ...     searcher.tell(suggestion, {"flops": flops, "width": dict(net.decisions)["width"]})
        >>> _ = searcher.ask(rng)
        >>> len(searcher.population)  # one for each of the four directions
        4
    """

    name: ClassVar[str] = "nsga3"

    config: Nsga3Config = field(default_factory=Nsga3Config)
    _references: FloatArray = field(init=False, repr=False)
    _ideal: Scores | None = field(init=False, default=None, repr=False)

    @property
    def size(self) -> int:
        """How many parents there are, and how many children a generation has."""
        return self.config.population or -(-len(self._references) // 4) * 4

    def state(self) -> Mapping[str, Any]:
        """Return what was suggested, the parents and the children so far, and the ideal point."""
        ideal = None if self._ideal is None else list(self._ideal)
        return {**GenerationalSearcher[Nsga3Config].state(self), "ideal": ideal}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the population of a state."""
        GenerationalSearcher[Nsga3Config].restore(self, state)
        self._ideal = None if state["ideal"] is None else tuple(state["ideal"])

    def _prepare(self) -> None:
        """Spread the directions."""
        self._references = reference_points(len(self.objectives), self.config.divisions)

    def _select(self, members: Sequence[Member], rng: np.random.Generator) -> list[Member]:
        self._ideal = best_scores(members, self.objectives, self._ideal)
        return select_spread(
            members, self.objectives, self.size, self._references, self._ideal, rng
        )

    def _parent(self, rng: np.random.Generator) -> Architecture:
        return self._parents[int(rng.integers(len(self._parents)))].architecture


def best_scores(
    members: Sequence[Member], objectives: Objectives, before: Scores | None = None
) -> Scores:
    """Return the best score of each objective, also of those before."""
    found = [member.scores for member in members] + ([] if before is None else [before])
    return tuple(
        objective.best([scores[i] for scores in found], lambda score: score)
        for i, objective in enumerate(objectives)
    )


def select_spread(
    members: Sequence[Member],
    objectives: Objectives,
    size: int,
    references: FloatArray,
    ideal: Scores,
    rng: np.random.Generator,
) -> list[Member]:
    """Return so many members: the best fronts, of the last those of the least used directions.

    Args:
        members: To choose from.
        objectives: What their scores are of.
        size: How many.
        references: (n, m) directions.
        ideal: The best score known of each objective.
        rng: Chooses between equals.
    """
    scores = scores_array(members)
    ranks = front_ranks(scores, objectives)
    last = int(np.sort(ranks)[size - 1])
    chosen = np.flatnonzero(ranks < last).tolist()
    rest = np.flatnonzero(ranks == last).tolist()
    if len(chosen) + len(rest) > size:
        shifted = as_losses(scores, objectives) - as_losses(ideal, objectives)[0]
        losses = normalize(shifted, ranks <= last)
        niches, distances = associate(losses, references)
        counts = np.bincount(niches[chosen], minlength=len(references))
        rest = _fill(size - len(chosen), rest, niches, distances, counts, rng)
    return [members[i] for i in [*chosen, *rest]]


def normalize(shifted: FloatArray, among: NDArray[np.bool_]) -> FloatArray:
    """Return losses in units of where the plane through the extreme points meets the axes.

    Args:
        shifted: (n, m), losses less those of the ideal point.
        among: (n,), which rows define the plane; where they define none, their worst losses serve.
    """
    kept = shifted[among]
    weights = np.where(np.eye(shifted.shape[1], dtype=bool), 1.0, _OFF_AXIS)
    extremes = kept[[int(np.argmin(np.max(kept / weight, 1))) for weight in weights]]
    worst = kept.max(0)
    try:
        intercepts = 1 / np.linalg.solve(extremes, np.ones(len(extremes)))
    except np.linalg.LinAlgError:
        intercepts = worst
    if not np.all(np.isfinite(intercepts) & (intercepts > 0)):
        intercepts = worst
    return shifted / np.where(intercepts > 0, intercepts, 1.0)


def associate(losses: FloatArray, references: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
    """Return for each row the nearest reference line through the origin, and the distance to it."""
    units = references / np.linalg.norm(references, axis=1, keepdims=True)
    along = losses @ units.T
    niches = np.argmax(along, 1)  # the longest projection leaves the least
    length = along[np.arange(len(losses)), niches][:, None]
    return niches, np.linalg.norm(losses - length * units[niches], axis=1)


def _fill(
    number: int,
    rest: list[int],
    niches: NDArray[np.int64],
    distances: FloatArray,
    counts: NDArray[np.int64],
    rng: np.random.Generator,
) -> list[int]:
    """Return so many of the rest, one by one of a direction that has the fewest."""
    chosen: list[int] = []
    waiting = list(rest)
    while len(chosen) < number:
        open_niches = sorted({int(niches[i]) for i in waiting})
        fewest = min(int(counts[niche]) for niche in open_niches)
        least = [niche for niche in open_niches if counts[niche] == fewest]
        niche = least[int(rng.integers(len(least)))]
        near = [i for i in waiting if niches[i] == niche]
        closest = min(near, key=lambda i: distances[i])
        taken = closest if fewest == 0 else near[int(rng.integers(len(near)))]
        waiting.remove(taken)
        chosen.append(taken)
        counts[niche] += 1
    return chosen
