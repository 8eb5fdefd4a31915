"""Where a search writes its evaluations: into a run folder, or nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jarch.ir import Architecture

from .evaluation import Evaluation
from .folder import RunError, append_evaluation, begin_run, resume_run, write_best


@dataclass(frozen=True, slots=True)
class Journal:
    """A run that is going on.

    Attributes:
        folder: Its run folder; None keeps nothing.
        known: Evaluations of an earlier part of the run.

    Example:
        >>> import tempfile
        >>> done = Evaluation(0, 7, (("width", 16),), "d41d8cd9", "ok", {"accuracy": 0.9})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Journal.open(Path(folder), {"seed": 0}, resume=False).record(done, None)
        ...     again = Journal.open(Path(folder), {"seed": 0}, resume=True)
        >>> again.known == (done,)
        True
    """

    folder: Path | None
    known: tuple[Evaluation, ...] = ()

    @staticmethod
    def open(folder: Path | None, settings: Mapping[str, Any], resume: bool) -> Journal:
        """Begin a run, or go on with one.

        Raises:
            RunError: There is a run in the folder and `resume` is false, or there is none and it
                is true, or its settings are others.
        """
        if folder is None:
            if resume:
                raise RunError("there is nothing to resume without a folder; name one")
            return Journal(None)
        if resume:
            return Journal(folder, resume_run(folder, settings))
        begin_run(folder, settings)
        return Journal(folder)

    def record(self, evaluation: Evaluation, best: Architecture | None) -> None:
        """Write an evaluation down; `best` is its architecture where it is the best so far."""
        if self.folder is None:
            return
        if evaluation.index >= len(self.known):
            append_evaluation(self.folder, evaluation)
        if best is not None:
            write_best(self.folder, best)
