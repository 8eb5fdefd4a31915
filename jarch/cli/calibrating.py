"""The command that compares surrogates on scores that are known already."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich import box
from rich.table import Table

from jarch import surrogates as predictors
from jarch.ir import Space, SpaceError
from jarch.surrogates import SURROGATES, Surrogate, make_surrogate

from .known_scores import Known, from_function, from_run, from_table
from .naming import find_space
from .tables import make_console

_SHOWN = {
    "kendall": "Kendall's τ",
    "spearman": "Spearman's ρ",  # noqa: RUF001 -- the letter is meant
    "coverage90": "in 90 %",
    "calibration_error": "calibration error",
    "nll": "NLL",
    "fit_seconds": "fit, s",
    "predict_seconds": "predict, s",
}


@dataclass(frozen=True, slots=True)
class Calibrate:
    """Compare surrogates: how well they order architectures, and whether their doubt is right.

    Scores come from a run folder, a table, or a function: give one of --run-folder, --table and
    --function.
    """

    space: Annotated[str, tyro.conf.Positional]
    """A built-in name, module:function or path.py:function."""
    run_folder: Path | None = None
    """Take the scores of a search: its evaluations that succeeded."""
    table: Path | None = None
    """Take the scores of a CSV file, such as that of NAS-Bench-201."""
    column: str | None = None
    """Of the table; for NAS-Bench-201 by default c10v_val_12."""
    key_columns: tuple[str, ...] = ()
    """Columns of the table that name an architecture, each COLUMN or COLUMN=DECISION, where the
    values of decisions stand; without them the table is that of NAS-Bench-201."""
    function: str | None = None
    """Take what module:function or path.py:function returns for an architecture: a number, or
    numbers by name."""
    metric: str | None = None
    """Which number, where there are several; for a run by default its objective."""
    minimize: bool = False
    """Less is better; of its objective a run knows by itself."""
    surrogates: tuple[str, ...] = ()
    """Names, each NAME or NAME:ENCODER; by default all."""
    sizes: tuple[int, ...] = (20, 50, 100, 200)
    """Numbers of observations."""
    repeats: int = 5
    """How often, each time with other observations."""
    held_out: int = 300
    """Judge by so many architectures, or by those that are left."""
    seed: int = 0
    """Of all randomness."""
    space_args: tuple[str, ...] = ()
    """Arguments of the space function, each name=value; by default those of the run."""
    csv_file: Annotated[Path | None, tyro.conf.arg(name="csv")] = None
    """Where to write the figures, a line for each surrogate and number of observations."""
    json_file: Annotated[Path | None, tyro.conf.arg(name="json")] = None
    """Where to write them with the coverage of all intervals."""
    plot: Path | None = None
    """Where to draw them, as .png, .svg or .pdf; needs matplotlib."""

    def run(self) -> int:
        """Print the table, and write what was asked for."""
        chosen = self._surrogates()
        if self.plot is not None:
            predictors.matplotlib_figure()  # or its absence is noticed only when all is done
        known = self._known()
        if known.left_out:
            told = f"{known.left_out:,} of {known.left_out + len(known.scores):,} architectures"
            print(f"{told} have no score in {self.table} and are left out", file=sys.stderr)
        sizes = self._sizes(len(known.scores))
        found = predictors.calibrate(
            chosen,
            known.architectures,
            known.scores,
            sizes,
            repeats=self.repeats,
            held_out=self.held_out,
            seed=self.seed,
            maximize=known.maximize,
            show=lambda name, size: _show(f"{name} of {size} observations"),
        )
        _show("")
        make_console().print(calibration_table(found, f"{self.space}, {known.what}"))
        self._write(found, known)
        return 0

    def _surrogates(self) -> Mapping[str, Surrogate]:
        return {text: _surrogate(text) for text in self.surrogates or SURROGATES}

    def _known(self) -> Known:
        """Return the scores.

        Raises:
            SpaceError: They are to come from nowhere, or from several places.
        """
        given = [x for x in (self.run_folder, self.table, self.function) if x is not None]
        if len(given) != 1:
            raise SpaceError("give one of --run-folder, --table and --function for the scores")
        if self.run_folder is not None:
            where = self.run_folder
            return from_run(self.space, self.space_args, where, self.metric, not self.minimize)
        space, number = self._space(), max(self.sizes, default=0) + self.held_out
        if self.table is not None:
            columns = self.key_columns, self.column
            return from_table(space, self.table, *columns, number, self.seed, not self.minimize)
        assert self.function is not None
        return from_function(
            space, self.function, self.metric, number, self.seed, not self.minimize
        )

    def _space(self) -> Space:
        return find_space(self.space, self.space_args)

    def _sizes(self, scores: int) -> Sequence[int]:
        """Return the sizes for which there are scores enough, and say which there are not."""
        usable = predictors.usable_sizes(scores, self.sizes)
        left_out = sorted(set(self.sizes) - set(usable))
        if left_out:
            sizes = ", ".join(map(str, left_out))
            print(f"{scores} scores: too few for {sizes} observations", file=sys.stderr)
        return usable

    def _write(self, found: Sequence[predictors.Calibration], known: Known) -> None:
        """Write what was asked for.

        Raises:
            SpaceError: A file cannot be written.
        """
        try:
            if self.csv_file is not None:
                _write_csv(self.csv_file, found)
            if self.json_file is not None:
                content = {
                    "space": self.space,
                    "scores": known.what,
                    "seed": self.seed,
                    "held_out": self.held_out,
                    "levels": predictors.LEVELS,
                    "surrogates": [asdict(one) for one in found],
                }
                self.json_file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise SpaceError(f"the figures cannot be written: {error}") from error
        if self.plot is not None:
            predictors.plot_calibration(self.plot, found, f"{self.space}, {known.what}")


def _surrogate(text: str) -> Surrogate:
    """Return the surrogate of a name, on the encoding that may be named after a colon."""
    name, _, encoder = text.partition(":")
    return make_surrogate(name, {"encoder": encoder} if encoder else None)


def _write_csv(path: Path, found: Sequence[predictors.Calibration]) -> None:
    rows = [one.row() for one in found]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def calibration_table(found: Sequence[predictors.Calibration], title: str) -> Table:
    """Return the figures as a table; the best of each column and size is green."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("observations", justify="right")
    table.add_column("surrogate", no_wrap=True)
    for head in _SHOWN.values():
        table.add_column(head, justify="right", no_wrap=True)
    sizes = sorted({one.observations for one in found})
    for size in sizes:
        group = [one for one in found if one.observations == size]
        bests = {name: min(_badness(one, name) for one in group) for name in _SHOWN}
        for place, one in enumerate(group):
            cells = [_cell(one, name, bests[name]) for name in _SHOWN]
            last = place == len(group) - 1
            table.add_row("" if place else f"{size:,}", one.surrogate, *cells, end_section=last)
    return table


def _badness(one: predictors.Calibration, name: str) -> float:
    """Return how far a figure is from the best there could be."""
    value: float = getattr(one.mean, name)
    if name in ("kendall", "spearman"):
        return -value
    return abs(value - 0.9) if name == "coverage90" else value


def _cell(one: predictors.Calibration, name: str, best: float) -> str:
    value: float = getattr(one.mean, name)
    std: float = getattr(one.std, name)
    text = f"{value:.2f}" if "seconds" in name or abs(value) >= 10 else f"{value:.3f}"
    if name in ("kendall", "spearman"):
        text += f" ± {std:.3f}"
    return f"[green]{text}[/]" if _badness(one, name) == best and "seconds" not in name else text


def _show(what: str) -> None:
    """Say on a terminal what is going on, on one line."""
    if sys.stderr.isatty():
        print(f"\r\033[K{what}", end="", file=sys.stderr, flush=True)
