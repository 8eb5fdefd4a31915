"""Successive narrowing: a population of which a part is kept while the budget grows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar

from jarch.search.checks import check_at_least
from jarch.search.searcher import SearchError

from .bracketed import BracketConfig, BracketSearcher, Plan
from .ladder import Rung


@dataclass(frozen=True, slots=True)
class SuccessiveNarrowingConfig(BracketConfig):
    """How many are kept, and how the budget grows; the original had no defaults.

    Attributes:
        candidates: How many begin (`num_initial_samples`).
        maximum: The budget of the last round, such as the epochs of a training in full. The
            original gave that of the first.
        rounds: How many (`num_rounds`); None for as many as `maximum` and `candidates` allow.
        kept: The part of a round's candidates that comes to the next
            (`num_samples_reduction_factor`), rounded down.
        growth: How often as much budget the next round has (`budget_increase_factor`).
        overdue: See `BracketConfig`.
        repeats: Suggest equal models more than once.

    Raises:
        SearchError: A number is out of range.

    Example:
        >>> import jarch as ja
        >>> config = ja.SuccessiveNarrowingConfig(candidates=30, maximum=9, kept=0.3, growth=3)
        >>> searcher = ja.SuccessiveNarrowingSearcher(ja.trace(ja.spaces.digits_dense), config)
        >>> config.plan()  # how many candidates with which budget
        (((30, 1), (9, 3), (2, 9)),)
    """

    candidates: int = 16
    maximum: int = 8
    rounds: int | None = None
    kept: float = 0.5
    growth: float = 2.0

    def plan(self) -> Plan:
        """Return the rounds."""
        check_at_least(self, 1, "candidates", "maximum", "rounds")
        if not 0 < self.kept < 1:
            raise SearchError(f"kept is {self.kept}; use a part between 0 and 1")
        if not self.growth > 1:
            raise SearchError(f"growth is {self.growth}; use more than 1")
        rungs = [self._rung(i, self._count()) for i in range(self._count())]
        if rungs[-1][0] < 1 or not _increases(rungs):
            raise SearchError(
                f"rounds is {self.rounds}, but {self.candidates} candidates and a budget of "
                f"{self.maximum} do not suffice for so many; lower it, or raise those"
            )
        return (tuple(rungs),)

    def _count(self) -> int:
        """Return how many rounds there are: by default the most that work."""
        if self.rounds is not None:
            return self.rounds
        count = 1
        while True:
            rungs = [self._rung(i, count + 1) for i in range(count + 1)]
            if rungs[-1][0] < 1 or not _increases(rungs):
                return count
            count += 1

    def _rung(self, i: int, count: int) -> Rung:
        """Return how many candidates a round has, and its budget."""
        number = self.candidates
        for _ in range(i):
            number = int(self.kept * number)
        return number, math.floor(self.maximum / self.growth ** (count - 1 - i) + 0.5)


@dataclass(slots=True)
class SuccessiveNarrowingSearcher(BracketSearcher[SuccessiveNarrowingConfig]):
    """Evaluates a population at a budget, keeps its best part, and raises the budget, in rounds.

    The original ends with the last round, and cannot be asked while results are out; this one
    begins with a new population then. Candidates that fail are not kept.

    Reference:
        `SuccessiveNarrowing` of DeepArchitect: Negrinho, Patil, Le, Ferreira, Gormley and Gordon
        2019, "Towards modular and programmable architecture search".

    Example:
        >>> SuccessiveNarrowingConfig(candidates=20, maximum=8, rounds=3).plan()
        (((20, 2), (10, 4), (5, 8)),)
    """

    name: ClassVar[str] = "successive_narrowing"

    config: SuccessiveNarrowingConfig = field(default_factory=SuccessiveNarrowingConfig)


def _increases(rungs: list[Rung]) -> bool:
    """Say whether there are budgets of at least one, each higher than the one before."""
    return rungs[0][1] >= 1 and all(a[1] < b[1] for a, b in pairwise(rungs))
