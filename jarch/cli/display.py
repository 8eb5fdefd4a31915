"""What a search tells while it runs: a line a candidate, and on a terminal a live one below."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.text import Text

from jarch.runs import Evaluation
from jarch.search import Suggestion

from .budget import Budget
from .tables import format_metric


class Display:
    """The progress of a search. Use it as a context; it writes to a console.

    Args:
        console: Where to; the live line appears on a terminal only.
        objective: The metric to show.
        evaluations: How many candidates there will be.
        budget: How long all is to take.
    """

    def __init__(self, console: Console, objective: str, evaluations: int, budget: Budget) -> None:
        self._console = console
        self._objective = objective
        self._evaluations = evaluations
        self._epochs = budget.epochs
        self._budget = budget
        self._best: Evaluation | None = None
        self._took: list[float] = []
        self._done = 0
        self._ends_at: float | None = None
        self._live = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[best]}", style="green"),
            _Computed(self._left),
            console=console,
            transient=True,
            expand=True,
            disable=not console.is_terminal,
        )
        total = evaluations * budget.epochs + budget.final_epochs
        self._task = self._live.add_task("starting JAX", total=total, best="")

    def __enter__(self) -> Self:
        """Begin the live line."""
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the live line away."""
        self._live.stop()

    def start(self, index: int, suggestion: Suggestion) -> None:
        """Tell that a candidate begins; what it is, its line tells when it is done."""
        rung = "" if suggestion.fidelity is None else f" for {suggestion.fidelity} epochs"
        self._describe(f"{self._done}/{self._evaluations} candidate {index}{rung}: compiling")

    def epoch(self) -> None:
        """Tell that an epoch has ended."""
        self._live.advance(self._task)
        done = int(self._live.tasks[0].completed) - self._done * self._epochs
        if self._done < self._evaluations:
            what = f"{self._done}/{self._evaluations} candidate {self._done}"
            self._describe(f"{what}: epoch {done}/{self._epochs}")

    def evaluated(self, evaluation: Evaluation, best: bool) -> None:
        """Tell how a candidate did."""
        if best:
            self._best = evaluation
            score = format_metric(self._objective, evaluation.score(self._objective))
            told = f"best {score} (candidate {evaluation.index})"
            self._live.update(self._task, best=told)
        if self._done == 0:
            self._console.print(Text(self._heading(), style="bold"))
        self._console.print(self._line(evaluation, best))
        self._done += 1
        self._took.append(evaluation.seconds)
        self._live.update(self._task, completed=self._done * self._epochs)
        self._ends_at = self._estimate()

    def finish(self, epochs: int) -> None:
        """Tell that the best is trained once more, for so many epochs."""
        self._done = self._evaluations
        done = self._evaluations * self._epochs
        self._live.update(self._task, completed=done, total=done + epochs)
        self._ends_at = monotonic() + self._budget.final_seconds(epochs)
        self._describe(f"training the best, {epochs} epochs")

    def _describe(self, text: str) -> None:
        self._live.update(self._task, description=text)

    def _heading(self) -> str:
        return (
            f"{'candidate':>9} {self._objective:>10} {'parameters':>11} {'FLOPs':>8} {'seconds':>8}"
        )

    def _line(self, evaluation: Evaluation, best: bool) -> Text:
        if evaluation.status != "ok":
            line = Text(f"{evaluation.index:>9} {evaluation.status:>10} ", style="yellow")
            return line.append(evaluation.reason[:200])
        score, parameters, flops = (
            format_metric(name, evaluation.metrics.get(name))
            for name in (self._objective, "parameters", "flops")
        )
        row = f"{evaluation.index:>9} {score:>10} {parameters:>11} {flops:>8}"
        line = Text(f"{row} {evaluation.seconds:>8.1f}", style="green" if best else "")
        if evaluation.fidelity is not None:
            line.append(f"  trial {evaluation.trial}, {evaluation.fidelity} epochs")
        return line.append("  best so far") if best else line

    def _estimate(self) -> float:
        """Return when all will probably be done, by `monotonic`."""
        average = sum(self._took) / len(self._took)
        search = average * (self._evaluations - self._done)
        last = self._budget.final_seconds(self._budget.final_epochs)
        ends = monotonic() + search + last
        return ends if self._budget.end is None else min(ends, self._budget.end)

    def _left(self) -> str:
        if self._ends_at is None:
            return ""
        return f"{timedelta(seconds=max(0, round(self._ends_at - monotonic())))} left"


class _Computed(ProgressColumn):
    """A column whose text is computed whenever it is shown."""

    def __init__(self, compute: Callable[[], str]) -> None:
        super().__init__()
        self._compute = compute

    def render(self, task: Task) -> Text:
        """Return the text now."""
        return Text(self._compute(), style="cyan")
