"""ParEGO: one surrogate of objectives that are weighed at random anew each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from jarch.ir import Architecture, Space, replay
from jarch.search.checks import check_at_least, check_where
from jarch.search.constraints import Constraint
from jarch.search.edits import Where, anywhere, mutable
from jarch.search.gate import Gate
from jarch.search.model_based.acquisitions import expected_improvement
from jarch.search.model_based.candidates import mutation_pool, random_pool
from jarch.search.objective import Objective
from jarch.search.searcher import Metrics, SearchError, Suggestion
from jarch.surrogates import Surrogate, informed, make_surrogate

from .objectives import (
    FloatArray,
    Objectives,
    Scores,
    as_losses,
    check_objectives,
    describe_objectives,
    scores_of,
)
from .reference_points import das_dennis

_WEIGHTS = {2: 10, 3: 4}  # divisions of the weights in the paper: 11 and 15 vectors
_FEWER = 2  # for more objectives, which the paper does not have
_MUTATIONS = 5  # of each of the best candidates
_PER_DECISION = 11
_MOST_INITIAL = 50


@dataclass(frozen=True, slots=True)
class ParegoConfig:
    """How a surrogate is fitted and used; the defaults are those of the paper where it has them.

    Three are not. The paper has a Gaussian process on vectors and fits it to the numbers
    themselves, which is `surrogate="gp-rbf", normal_scores=False`. And it begins with 11 d - 1
    random results for d real variables, of which it has a few; architectures have tens of
    decisions, and 50 is the most here, so that short searches come to use what they learn.

    Attributes:
        surrogate: The name of what predicts; see `jarch.surrogates.SURROGATES`.
        surrogate_options: Its options, by name.
        normal_scores: Weigh the ranks of results in each objective in place of the results, and fit
            to the ranks of what comes of it, spread like a normal distribution: so a few results
            which are far worse than all others do not make these alike.
        initial: So many results of random architectures come first, failures not counted; None is
            11 for each decision of the first suggestion that has a choice, less one, 50 at most.
        augmentation: The part of the weighted sum that is added to the weighted maximum.
        candidates: Among how many the expected improvement chooses; half of them are random, the
            others mutations of the best by the same weights.
        fitted: Fit to at most so many results: half the best by the weights, half at random.
        repeats: Suggest equal models more than once.

    Raises:
        SearchError: A number is out of range.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> objectives = ja.Objective("accuracy"), ja.Objective("parameters", maximize=False)
        >>> options = {"surrogate": "gp-rbf", "normal_scores": False, "initial": 8}
        >>> searcher = ja.make_searcher("parego", space, options, objectives=objectives)
        >>> searcher.options()["candidates"]
        200
    """

    surrogate: str = "gp-wl"
    surrogate_options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    normal_scores: bool = True
    initial: int | None = None
    augmentation: float = 0.05
    candidates: int = 200
    fitted: int = 80
    repeats: bool = False

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_at_least(self, 1, "initial")
        check_at_least(self, 2, "candidates", "fitted")
        if not self.augmentation >= 0:
            raise SearchError(f"augmentation is {self.augmentation}; use 0 or more")


@dataclass(slots=True)
class ParegoSearcher:
    """Draws weights, fits a surrogate to the objectives as they weigh them, and improves on that.

    For each suggestion weights are drawn from a few that are spread evenly. All scores, or their
    ranks, are brought into 0..1, 0 the best known, and become one number: the greatest of the
    weighted ones, and a little of their sum (augmented Tchebycheff). What is suggested has the
    greatest expected improvement of that among random architectures and mutations of the best; the
    paper looks for it by an evolutionary algorithm on vectors. A failure has the worst of these
    numbers.

    Attributes:
        space: Where to search.
        config: How the surrogate is fitted and used.
        objectives: What it is after, all at once.
        constraint: Returns False, or raises `InvalidArchitecture`, for those not to suggest.
        where: Which decisions may be changed by mutation; by default all.
        surrogate: What predicts, in place of the one that the configuration names.

    Reference:
        Knowles 2006, "ParEGO: a hybrid algorithm with on-line landscape approximation for
        expensive multiobjective optimization problems". Normal scores: Salinas, Shen and Perrone
        2020, "A quantile-based approach for hyperparameter transfer learning", ICML.

    Example:
        >>> import jarch as ja
        >>> objectives = ja.Objective("width"), ja.Objective("size", maximize=False)
        >>> def evaluate(architecture, seed):
        ...     size = ja.analyze(architecture, {"in": (8, 8, 1)}).parameters
        ...     return {"width": architecture.values[1], "size": size}
        >>> space, config = ja.trace(ja.spaces.digits_dense), ParegoConfig(initial=5, candidates=20)
        >>> searcher = ParegoSearcher(space, config, objectives=objectives)
        >>> found = ja.run_search(searcher, evaluate, 12, objective="width")
        >>> front = ja.pareto_front(found.evaluations, objectives)
        >>> front[0].values[1], front[-1].values[1]
        (128, 16)
    """

    space: Space
    config: ParegoConfig = field(default_factory=ParegoConfig)
    objectives: Objectives = field(default=(Objective(),), kw_only=True)
    constraint: Constraint | None = field(default=None, kw_only=True)
    where: Where = field(default=anywhere, kw_only=True)
    surrogate: Surrogate | None = field(default=None, kw_only=True)
    _gate: Gate = field(init=False, repr=False)
    _learner: Surrogate = field(init=False, repr=False)
    _weights: FloatArray = field(init=False, repr=False)
    _told: list[tuple[Architecture, Scores | None]] = field(
        init=False, default_factory=list[tuple[Architecture, "Scores | None"]], repr=False
    )
    _succeeded: int = field(init=False, default=0, repr=False)
    _initial: int | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin with nothing known."""
        self.objectives = check_objectives(self.objectives)
        check_where(self.space, self.where)
        self._gate = Gate(self.space, self.constraint, self.config.repeats)
        learner = self.surrogate or make_surrogate(
            self.config.surrogate, self.config.surrogate_options
        )
        self._learner = informed(learner, maximize=False)  # of what `scalarize` returns
        number = len(self.objectives)
        self._weights = das_dennis(number, _WEIGHTS.get(number, _FEWER) if number > 1 else 1)
        self._initial = self.config.initial

    def ask(self, rng: np.random.Generator) -> Suggestion:
        """Return a random architecture to begin with, later what improves most by some weights.

        Raises:
            SpaceExhausted: Nothing new is left.
            SearchError: Nothing at all is valid and allowed.
        """
        known = self._initial is not None and self._succeeded >= self._initial
        suggestion = self._improving(rng) if known else None
        suggestion = suggestion or self._gate.draw(rng)
        if self._initial is None:
            choices = len(mutable(self.space, suggestion.architecture))
            self._initial = min(max(_PER_DECISION * choices - 1, 1), _MOST_INITIAL)
        return suggestion

    def tell(self, suggestion: Suggestion, metrics: Metrics | None) -> None:
        """Remember the scores; a failure is what has not one in each objective."""
        if self._gate.takes(suggestion):
            self._add(suggestion.architecture, scores_of(self.objectives, metrics))

    def options(self) -> Mapping[str, Any]:
        """Return the configuration and the objectives; a surrogate of one's own by its class."""
        options = {**describe_objectives(self.objectives), **asdict(self.config)}
        if self.surrogate is not None:
            kind = type(self.surrogate)
            options["surrogate"] = f"{kind.__module__}.{kind.__qualname__}"
        return {"name": "parego", **options}

    def state(self) -> Mapping[str, Any]:
        """Return what was suggested, all results, and how many random ones come first."""
        return {
            **self._gate.state(),
            "results": [
                [self._values(architecture), scores] for architecture, scores in self._told
            ],
            "initial": self._initial,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the results of a state."""
        self._gate.restore_state(state)
        self._told, self._succeeded = [], 0
        for values, scores in state["results"]:
            self._add(replay(self.space, values), None if scores is None else tuple(scores))
        self._initial = state["initial"]

    def _add(self, architecture: Architecture, scores: Scores | None) -> None:
        self._told.append((architecture, scores))
        self._succeeded += scores is not None

    def _values(self, architecture: Architecture) -> list[Any]:
        return list(architecture.values[len(self.space.decisions) :])

    def _improving(self, rng: np.random.Generator) -> Suggestion | None:
        """Return what has the greatest expected improvement by weights that are drawn."""
        values = self._weighed(self._weights[int(rng.integers(len(self._weights)))])
        order = np.argsort(values, kind="stable")
        pool = self._pool([self._told[int(i)][0] for i in order], rng)
        if not pool:
            return None
        chosen = self._chosen(order, rng)
        fitted = self._learner.fit([self._told[i][0] for i in chosen], values[chosen], rng)
        mean, std = fitted.predict(pool)
        worth = expected_improvement(mean, std, float(values.min()), maximize=False)
        best = pool[int(np.argmax(worth))]
        return self._gate.admit(lambda: best)

    def _weighed(self, weights: FloatArray) -> FloatArray:
        """Return one number for each result: less is better, and a failure has the worst."""
        known = [scores for _, scores in self._told if scores is not None]
        losses = as_losses(known, self.objectives)
        if self.config.normal_scores:
            losses = rankdata(losses, axis=0)
        scalars = scalarize(losses, weights, self.config.augmentation)
        values = np.full(len(self._told), scalars.max())
        values[[scores is not None for _, scores in self._told]] = scalars
        return normal_scores(values) if self.config.normal_scores else values

    def _pool(self, best: Sequence[Architecture], rng: np.random.Generator) -> list[Architecture]:
        """Return candidates, each once."""
        half = self.config.candidates // 2
        near = mutation_pool(self._gate, best, rng, half, attempts=_MUTATIONS, where=self.where)
        return list({**random_pool(self._gate, rng, half), **near}.values())

    def _chosen(self, order: np.ndarray[Any, Any], rng: np.random.Generator) -> list[int]:
        """Return which results to fit to: all, or half the best and half at random."""
        most = self.config.fitted
        if len(order) <= most:
            return list(range(len(order)))
        rest = rng.permutation(order[most // 2 :])[: most - most // 2]
        return [*order[: most // 2].tolist(), *rest.tolist()]


def scalarize(losses: FloatArray, weights: FloatArray, augmentation: float) -> FloatArray:
    """Return one number for each row of losses: less is better.

    Each column is brought into 0..1 first.

    Args:
        losses: (n, m).
        weights: (m,), which sum to one.
        augmentation: The part of the weighted sum that is added to the weighted maximum.

    Returns:
        (n,).

    Example:
        >>> scalarize(np.array([[0.0, 9.0], [4.0, 5.0]]), np.array([0.5, 0.5]), 0.1).tolist()
        [0.55, 0.55]
    """
    low, spread = losses.min(0), np.ptp(losses, axis=0)
    weighted = weights * (losses - low) / np.where(spread > 0, spread, 1.0)
    values: FloatArray = weighted.max(1) + augmentation * weighted.sum(1)
    return values


def normal_scores(values: FloatArray) -> FloatArray:
    """Return the quantiles of the standard normal distribution that have the ranks of the values.

    Equal values have the quantile of their mean rank.

    Args:
        values: (n,).

    Returns:
        (n,).

    Example:
        >>> normal_scores(np.array([3.0, 100.0, 2.0])).round(2).tolist()
        [0.0, 0.97, -0.97]
    """
    scores: FloatArray = ndtri((rankdata(values) - 0.5) / len(values))
    return scores
