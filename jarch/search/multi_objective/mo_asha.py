"""Asynchronous successive halving for several objectives at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from jarch.search.checks import check_name
from jarch.search.multi_fidelity.candidates import Candidate
from jarch.search.multi_fidelity.promotion import PromotionConfig, PromotionSearcher
from jarch.search.objective import Objective
from jarch.search.searcher import Metrics

from .objectives import (
    Objectives,
    as_losses,
    check_objectives,
    describe_objectives,
    scores_of,
)
from .pareto import crowding_distances, front_ranks

Spread: TypeAlias = Literal["epsilon_net", "crowding"]
"""How those of one front are ordered."""


@dataclass(frozen=True, slots=True)
class MoAshaConfig(PromotionConfig):
    """The rungs, and what is better in one; see `AshaConfig` for the other options.

    Attributes:
        spread: Order those of one front by an epsilon net, which did best in the paper, or by
            crowding distance as NSGA-II does.

    Raises:
        SearchError: A number is out of range, or `spread` is neither.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> objectives = ja.Objective("accuracy"), ja.Objective("parameters", maximize=False)
        >>> config = ja.MoAshaConfig(maximum=27, eta=3, spread="crowding")
        >>> searcher = ja.MoAshaSearcher(space, config, objectives=objectives)
        >>> searcher.options()["spread"]
        'crowding'
    """

    spread: Spread = "epsilon_net"

    def __post_init__(self) -> None:
        """Check numbers and name."""
        PromotionConfig.__post_init__(self)
        check_name("spread", self.spread, get_args(Spread))


@dataclass(slots=True)
class MoAshaSearcher(PromotionSearcher[MoAshaConfig]):
    """Evaluates random candidates briefly, and lets those of the best fronts of a rung go on.

    It goes like `AshaSearcher`, but what came back at a rung is ordered by its fronts (what nothing
    dominates, then what only those dominate, and so on), and within a front so that the first few
    are spread over all of it. Without a second objective it is the same as that.

    Attributes:
        space: Where to search.
        config: The rungs.
        objectives: What candidates are compared by, within a rung.
        constraint: Returns False, or raises `InvalidArchitecture`, for those not to suggest.

    Reference:
        Schmucker, Donini, Zafar, Salinas and Archambeau 2021, "Multi-objective asynchronous
        successive halving".

    Example:
        >>> import jarch as ja
        >>> from jarch.search import WithFidelity
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Integer(1, 1000, name="width")))
        >>> def evaluate(architecture, seed, fidelity):
        ...     width = architecture.values[0]
        ...     return {"accuracy": 1 - 1 / (width * fidelity), "size": width}
        >>> objectives = ja.Objective(), ja.Objective("size", maximize=False)
        >>> searcher = MoAshaSearcher(space, MoAshaConfig(9, eta=3), objectives=objectives)
        >>> found = ja.run_search(searcher, WithFidelity(evaluate, full=9), 30)
        >>> {e.fidelity for e in found.evaluations}
        {1, 3, 9}
    """

    config: MoAshaConfig = field(default_factory=MoAshaConfig)
    objectives: Objectives = field(default=(Objective(),), kw_only=True)

    def __post_init__(self) -> None:
        """Check the objectives, and begin with empty rungs."""
        self.objectives = check_objectives(self.objectives)
        super(MoAshaSearcher, self).__post_init__()  # slots make another class of it: no bare super

    def options(self) -> Mapping[str, Any]:
        """Return the configuration and the objectives."""
        return {"name": "mo_asha", **describe_objectives(self.objectives), **asdict(self.config)}

    def _scores(self, metrics: Metrics | None) -> tuple[float, ...] | None:
        return scores_of(self.objectives, metrics)

    def _rank(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        by_trial = sorted(candidates, key=lambda candidate: candidate.trial)
        told = [c for c in by_trial if c.scores is not None]
        if not told:
            return []
        scores = [c.scores for c in told if c.scores is not None]
        return [told[i] for i in order_by_fronts(scores, self.objectives, self.config.spread)]


def order_by_fronts(
    scores: ArrayLike, objectives: Sequence[Objective], spread: Spread = "epsilon_net"
) -> list[int]:
    """Return the places of items, front by front, of each front those first that are spread out.

    Args:
        scores: (n, m), a row for each item and a column for each objective.
        objectives: m of them.
        spread: How those of one front are ordered; see `epsilon_net`, or with "crowding" by
            `crowding_distances`, the farthest first.

    Example:
        >>> from jarch.search import Objective
        >>> objectives = Objective("accuracy"), Objective("size", maximize=False)
        >>> order_by_fronts([[0.8, 9], [0.9, 9], [0.5, 1], [0.8, 8]], objectives)
        [1, 2, 3, 0]
    """
    losses = as_losses(scores, objectives)
    if len(objectives) == 1:  # as many fronts as scores
        return [int(i) for i in np.argsort(losses[:, 0], kind="stable")]
    ranks = front_ranks(scores, objectives)
    found: list[int] = []
    for rank in range(int(ranks.max(initial=-1)) + 1):
        front = np.flatnonzero(ranks == rank)
        if spread == "epsilon_net":
            order = epsilon_net(losses[front])
        else:
            order = np.argsort(-crowding_distances(losses[front]), kind="stable").tolist()
        found += [int(front[i]) for i in order]
    return found


def epsilon_net(losses: ArrayLike) -> list[int]:
    """Return the places of the items of a front, each as far as can be from all before it.

    The first is the best in the first objective; of equals the earlier comes first. Each objective
    counts as a part of its range over the front.

    Args:
        losses: (n, m), a row for each item and a column for each objective; less is better.

    Reference:
        Salinas, Perrone, Cruchant and Archambeau 2021, "A multi-objective perspective on jointly
        tuning hardware and hyperparameters".

    Example:
        >>> epsilon_net([[0, 10], [1, 9], [5, 5], [10, 0]])
        [0, 3, 2, 1]
    """
    points = np.asarray(losses, np.float64)
    if not len(points):
        return []
    spread = np.ptp(points, axis=0)
    points = points / np.where(spread > 0, spread, 1.0)
    found = [int(np.argmin(points[:, 0]))]
    near = np.linalg.norm(points - points[found[0]], axis=1)
    while len(found) < len(points):
        near[found[-1]] = -1.0
        found.append(int(np.argmax(near)))
        near = np.minimum(near, np.linalg.norm(points - points[found[-1]], axis=1))
    return found
