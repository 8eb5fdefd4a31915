"""Rungs from which candidates are promoted without waiting: asynchronous successive halving."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .candidates import Candidate

Rank: TypeAlias = Callable[[Sequence[Candidate]], list[Candidate]]
"""Returns the candidates that did not fail, the best first."""


@dataclass(slots=True)
class _Rung:
    """What came back at one fidelity."""

    told: dict[int, Candidate] = field(default_factory=dict[int, Candidate])  # by trial
    promoted: dict[int, None] = field(default_factory=dict[int, None])  # trials
    order: list[Candidate] | None = None  # the best first; None until it is asked for


@dataclass(slots=True)
class Rungs:
    """What came back at each of several fidelities, and who goes on to the next.

    Of all that came back at a rung, failures included, the best `1 / eta` may go on. Since more
    come back later, more may have gone on in the end than belong to the best.

    Attributes:
        levels: The fidelities, from low to high.
        eta: Of so many at a rung, one goes on.
        rank: What is better, within a rung.

    Reference:
        Li, Jamieson, Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht and Talwalkar 2020, "A system for
        massively parallel hyperparameter tuning", MLSys; algorithm 2, `get_job`.
    """

    levels: tuple[int, ...]
    eta: int
    rank: Rank = field(repr=False)
    _rungs: list[_Rung] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin with empty rungs."""
        self._rungs = [_Rung() for _ in self.levels]

    def promote(self) -> tuple[Candidate, int] | None:
        """Take one that goes on, with the place of its next rung; None where none may.

        The highest rung comes first, and the best of it.
        """
        for height in range(len(self._rungs) - 2, -1, -1):
            rung = self._rungs[height]
            for candidate in self._order(rung)[: len(rung.told) // self.eta]:
                if candidate.trial not in rung.promoted:
                    rung.promoted[candidate.trial] = None
                    return candidate, height + 1
        return None

    def take(self, candidate: Candidate, fidelity: int | None) -> None:
        """Take note of a result; a second one of the same trial at a rung is ignored."""
        if fidelity in self.levels:
            rung = self._rungs[self.levels.index(fidelity)]
            if candidate.trial not in rung.told:
                rung.told[candidate.trial] = candidate
                rung.order = None

    def ongoing(self) -> list[int]:
        """Return the trials that may go on, those of higher rungs first, the best of each first."""
        rungs = self._rungs[-2::-1]
        return [c.trial for r in rungs for c in self._order(r) if c.trial not in r.promoted]

    def state(self) -> list[Any]:
        """Return the rungs as plain data."""
        return [
            {"told": [c.to_data() for c in r.told.values()], "promoted": list(r.promoted)}
            for r in self._rungs
        ]

    def restore(self, state: Sequence[Mapping[str, Any]]) -> None:
        """Take what `state` returned."""
        self._rungs = []
        for data in state:
            told = [Candidate.from_data(c) for c in data["told"]]
            self._rungs.append(_Rung({c.trial: c for c in told}, dict.fromkeys(data["promoted"])))

    def _order(self, rung: _Rung) -> list[Candidate]:
        if rung.order is None:
            rung.order = self.rank(list(rung.told.values()))
        return rung.order
