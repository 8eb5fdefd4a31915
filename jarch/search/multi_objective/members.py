"""Populations of architectures with several scores, and how children of them are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from jarch.ir import Architecture, Space, replay
from jarch.search.edits import Where, anywhere, crossover, mutate_each

from .objectives import FloatArray, Scores

Pick: TypeAlias = Callable[[np.random.Generator], Architecture]
"""Chooses a parent."""


@dataclass(frozen=True, slots=True)
class Member:
    """An architecture with its score in each objective.

    Attributes:
        architecture: Drawn from the space in its order.
        scores: In the order of the objectives, each with its own sign.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> member = Member(ja.replay(space, [2, 64, "relu"]), (0.97, 9290.0))
        >>> member.to_data(space)
        [[2, 64, 'relu'], [0.97, 9290.0]]
        >>> Member.from_data(space, member.to_data(space)) == member
        True
    """

    architecture: Architecture
    scores: Scores

    def to_data(self, space: Space) -> list[Any]:
        """Return the values decided beyond those of the space, and the scores, for JSON."""
        return [list(self.architecture.values[len(space.decisions) :]), list(self.scores)]

    @staticmethod
    def from_data(space: Space, data: Sequence[Any]) -> Member:
        """Return what `to_data` described."""
        values, scores = data
        return Member(replay(space, values), tuple(scores))


def scores_array(members: Sequence[Member]) -> FloatArray:
    """Return the scores of members: (n, m), a row for each."""
    return np.array([member.scores for member in members], np.float64)


@dataclass(frozen=True, slots=True)
class Variation:
    """How a child is made of two parents.

    Attributes:
        crossover: The probability that a child has the decisions of both parents.
        points: How often a child changes between them; None chooses for each decision by itself.
        rate: The probability with which each decision of the child is changed, at least one;
            None is one over their number.
        where: Which decisions may be changed.
    """

    crossover: float
    points: int | None
    rate: float | None
    where: Where = anywhere

    def child(self, space: Space, pick: Pick, rng: np.random.Generator) -> Architecture:
        """Return a child.

        Raises:
            NothingToMutate: The child has no decision that may be changed.
            InvalidArchitecture: A function of the space refused its values.
        """
        child = pick(rng)
        if rng.random() < self.crossover:
            child = crossover(space, child, pick(rng), rng, points=self.points)
        decided = len(child.decisions) - len(space.decisions)
        rate = 1 / max(decided, 1) if self.rate is None else self.rate
        return mutate_each(space, child, rng, rate, where=self.where)
