"""A member of a population: what it is, how it went so far, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from jarch.lowering.training.errors import TrainingFailed
from jarch.lowering.training.judging import (
    better,
    on_plateau,
    require_finite,
    require_finite_metrics,
    score_of,
)
from jarch.lowering.training.metrics import Array
from jarch.lowering.training.preparation import Run
from jarch.lowering.training.resuming import Best, Checkpoint, Ending, Partial
from jarch.lowering.training.steps import Variables
from jarch.lowering.training.trained import EpochReport, Trained, measure

Outcome: TypeAlias = Trained | TrainingFailed
"""What became of a member: a trained model, or why there is none."""

Report: TypeAlias = Callable[[int, EpochReport], object]
"""Takes the position of a member and a report; training of this member stops if it says True."""


@dataclass(slots=True, eq=False)
class Member:
    """One candidate with one seed.

    Attributes:
        position: In the population.
        run: What stays the same while it trains.
        history: A report for each epoch.
        best: The best epoch so far, where early stopping watches for one.
        ended: Why it stopped; None while it trains or if it failed.
        failure: Why it failed.
        variables: Of a member that ended without a best epoch, once they were taken off the device.
        validation: Its metrics where it stopped, if that is not the end of an epoch.
        begins: What it goes on from; None where it begins.
        steps: How many it was trained for when it began or ended.
        leaves: The arrays of its state when it ended, where it may go on.
        in_segments: Whether its state is that of programs of segments.
    """

    position: int
    run: Run
    history: list[EpochReport] = field(default_factory=list[EpochReport])
    best: Best | None = None
    ended: Ending | Literal["dropped"] | None = None
    failure: TrainingFailed | None = None
    variables: Variables | None = None
    validation: dict[str, float] | None = None
    begins: Checkpoint | None = None
    steps: int = 0
    leaves: tuple[Any, ...] | None = None
    in_segments: bool = False

    @classmethod
    def going_on(cls, position: int, run: Run, checkpoint: Checkpoint, in_segments: bool) -> Member:
        """Return one that goes on, or that had already stopped early."""
        history, steps = list(checkpoint.history), checkpoint.steps
        member = cls(position, run, history, checkpoint.best, begins=checkpoint, steps=steps)
        member.in_segments = in_segments
        if checkpoint.over and steps < run.rates.size:
            member.ended, member.leaves = "plateau", checkpoint.leaves
        return member

    @property
    def active(self) -> bool:
        """Whether it is still training."""
        return self.ended is None and self.failure is None

    @property
    def score(self) -> float:
        """The first metric after the last epoch; more is better."""
        return score_of(self.run.config, self.history[-1].validation)

    def report(
        self,
        taken: tuple[float, float],
        loss: float,
        outputs: Array | None,
        variables: Callable[[], Variables],
        on_epoch: Report | None,
    ) -> None:
        """Judge an epoch that was trained.

        Args:
            taken: The seconds of the epoch, and those of them for compiling.
            loss: The mean over its steps.
            outputs: For the validation split; None without one.
            variables: Gives the weights after it, on the host.
            on_epoch: Told the report.
        """
        config, epoch = self.run.config, len(self.history) + 1
        try:
            require_finite("the training loss", loss, epoch)
            validation = require_finite_metrics(self._measured(outputs), epoch)
        except TrainingFailed as failure:
            self.failure = failure.with_traceback(None)
            return
        rate = float(self.run.rates[epoch - 1][-1])
        report = EpochReport(epoch, config.epochs, *taken, rate, loss, validation)
        self.history.append(report)
        self.best = better(config, self.best, report, variables)
        asked = on_epoch is not None and on_epoch(self.position, report) is True
        if on_plateau(config, self.best, epoch):
            self.ended = "plateau"
        elif asked:
            self.ended = "asked"
        elif epoch == config.epochs:
            self.ended = "epochs"

    def stop(self, why: Ending, steps: int, outputs: Array | None) -> None:
        """End before all is trained, or where nothing is left to train.

        Args:
            why: It ends.
            steps: Trained in all.
            outputs: For the validation split, as it is now; None without one.
        """
        if steps % self.run.rates.shape[1] or not self.history:
            try:
                found = self._measured(outputs)
                self.validation = require_finite_metrics(found, len(self.history) + 1)
            except TrainingFailed as failure:
                self.failure = failure.with_traceback(None)
                return
        self.ended = "epochs" if steps == self.run.rates.size else why

    def partial(self, identity: str) -> Partial | TrainingFailed:
        """Return where it stands, once it is not active any more.

        Args:
            identity: By which its checkpoint is known.
        """
        outcome = self.outcome()
        if isinstance(outcome, TrainingFailed):
            return outcome
        assert self.leaves is not None
        assert self.ended is not None
        assert self.ended != "dropped"
        over = self.ended == "plateau" or self.steps == self.run.rates.size
        history = tuple(self.history)
        made = Checkpoint(identity, self.steps, self.leaves, history, self.best, over)
        return Partial(outcome, made, self.ended)

    def outcome(self) -> Outcome:
        """Return what became of it, once it is not active any more."""
        if self.failure is not None:
            return self.failure
        variables = self.best.variables if self.best is not None else self.variables
        if self.best is not None:
            validation = self.best.report.validation
        elif self.validation is not None:
            validation = self.validation
        else:
            validation = self.history[-1].validation
        assert variables is not None
        run, history = self.run, tuple(self.history)
        return Trained(run.model, variables, run.config, run.signature, history, validation)

    def _measured(self, outputs: Array | None) -> dict[str, float]:
        if outputs is None:
            return {}
        return measure(self.run.config, self.run.signature, outputs, self.run.data.y_validation)
