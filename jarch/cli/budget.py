"""How the time for a search is shared out between its candidates and the last training."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jarch.lowering import Trained

_FOR_CANDIDATES = 0.6  # of the time; what the last training does not need is not given back
_MORE_EXAMPLES = 1.3  # an epoch with the validation split takes so much longer, and a little


class Budget:
    """The time that a search may take, from now on.

    Args:
        seconds: In all; None for no limit.
        epochs: For each candidate.
        final_epochs: For the best in the end, if there is time.
    """

    def __init__(self, seconds: float | None, epochs: int, final_epochs: int) -> None:
        self.epochs = epochs
        self.final_epochs = final_epochs
        self.search_seconds = None if seconds is None else _FOR_CANDIDATES * seconds
        self._began = monotonic()
        self.end = None if seconds is None else self._began + seconds
        self._compile = 0.0
        self._epoch = 0.0

    def elapsed(self) -> float:
        """Return the seconds since the beginning."""
        return monotonic() - self._began

    def best_took(self, seconds: float, trained: Trained | None) -> None:
        """Take note of how long the best so far took, in all and, where known, in detail.

        Where it went on from a checkpoint, in all is for a part of its epochs: no epoch is thought
        to take less than those took that it has reports of.
        """
        reports = () if trained is None else trained.history
        self._compile = sum(report.compile_seconds for report in reports)
        number = max(len(reports), self.epochs)
        epochs = sum(report.seconds for report in reports) - self._compile
        self._epoch = max((seconds - self._compile) / number, epochs / max(len(reports), 1))

    def final_seconds(self, epochs: int) -> float:
        """Return how long the last training of so many epochs will probably take."""
        return self._compile + epochs * self._epoch * _MORE_EXAMPLES if epochs else 0.0

    def affordable_epochs(self) -> int:
        """Return how many epochs of the last training there is time for, `epochs` at least."""
        if self.end is None or self._epoch == 0:
            return self.final_epochs
        left = self.end - monotonic() - self._compile
        fit = int(left / (self._epoch * _MORE_EXAMPLES))
        return min(self.final_epochs, max(fit, self.epochs))
