"""The command that shows what a run found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.text import Text

from jarch.runs import BEST_TEXT, Run, read_run
from jarch.search import rank_evaluations

from .fronts import front_table, objectives_of
from .naming import at_least
from .outcome import print_results
from .tables import failures_table, make_console, plain, results_table


@dataclass(frozen=True, slots=True)
class Show:
    """Show the candidates and the best model of a run, finished or not."""

    run_folder: Annotated[Path, tyro.conf.Positional]
    """The folder that jarch search made, such as runs/mobilenet-digits-0."""
    top: int = 10
    """How many of the best candidates to list."""

    def run(self) -> int:
        """Print the settings, the table, the best architecture and the results."""
        at_least(1, "--top", self.top)
        run = read_run(self.run_folder)
        console = make_console()
        _print_settings(console, run)
        _print_tables(console, run, self.top)
        best = self.run_folder / BEST_TEXT
        if best.exists():
            console.print(Text(f"\n{best.read_text(encoding='utf-8').rstrip()}"))
        if run.results is not None:
            print_results(console, self.run_folder, run.results)
        else:
            asked = run.settings["evaluations"]
            console.print(f"\nnot finished: {len(run.evaluations)} of {asked} candidates so far")
        return 0


def _print_settings(console: Console, run: Run) -> None:
    for name, value in run.settings.items():
        if value not in (None, [], {}):
            console.print(Text(f"{name:18}{plain(value)}"))
    console.print()


def _print_tables(console: Console, run: Run, top: int) -> None:
    objective, maximize = run.settings["objective"], run.settings["maximize"]
    if rank_evaluations(run.evaluations, objective, maximize):
        console.print(results_table(run.evaluations, objective, maximize, top))
    several = objectives_of(run.settings)
    front = front_table(run.evaluations, several) if several else None
    if front is not None:
        console.print(front)
    failures = failures_table(run.evaluations)
    if failures is not None:
        console.print(failures)
