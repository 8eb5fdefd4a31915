"""The Pareto front of a run, as a table and as files in its folder."""

from __future__ import annotations

import csv
import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from jarch.ir import SpaceError
from jarch.runs import Evaluation
from jarch.search import Objective, pareto_front
from jarch.search.multi_objective import (
    check_objectives,
    evaluations_hypervolume,
    parse_objective,
)

from .costs import known_objectives, larger_is_better
from .tables import format_metric

FRONT = "front.csv"
CURVE = "hypervolume.csv"
PLOT = "front.svg"
_BLUE = "#0072b2"  # of Okabe and Ito, whom all can tell apart; the crosses are a shape of their own


def read_objectives(texts: Sequence[str]) -> tuple[Objective, ...]:
    """Return the objectives of the command line; a known metric knows its direction.

    Raises:
        SearchError: One is not NAME, NAME:max or NAME:min, or is named twice.
        SpaceError: One is no metric that a candidate has.

    Example:
        >>> [objective.maximize for objective in read_objectives(["accuracy", "parameters"])]
        [True, False]
    """
    found = [_known(text) for text in texts]
    return check_objectives(found) if found else ()


def _known(text: str) -> Objective:
    objective = parse_objective(text)
    maximize = larger_is_better(objective.name)
    if maximize is None:
        names = ", ".join(known_objectives())
        raise SpaceError(f"objective {objective.name!r} is none of {names}")
    return objective if ":" in text else Objective(objective.name, maximize)


def objectives_of(settings: Mapping[str, Any]) -> tuple[Objective, ...]:
    """Return the objectives of a run by its settings; none where it has one only."""
    return read_objectives(settings.get("objectives", ()))


def front_table(evaluations: Sequence[Evaluation], objectives: Sequence[Objective]) -> Table | None:
    """Return the front as a table, the best in the first objective first; None if empty."""
    front = pareto_front(evaluations, objectives)
    if not front:
        return None
    title = f"Pareto front: {len(front)} of {len(evaluations)} candidates"
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("candidate", justify="right")
    for objective in objectives:
        way = "max" if objective.maximize else "min"
        table.add_column(f"{objective.name} ({way})", justify="right", no_wrap=True)
    table.add_column("values", overflow="ellipsis", no_wrap=True)
    for evaluation in front:
        scores = [format_metric(o.name, evaluation.metrics[o.name]) for o in objectives]
        table.add_row(str(evaluation.index), *scores, " ".join(map(str, evaluation.values)))
    return table


def write_front(
    folder: Path, evaluations: Sequence[Evaluation], objectives: Sequence[Objective]
) -> list[Path]:
    """Write the front and the anytime hypervolume as CSV, and draw both where matplotlib is.

    The reference point of the hypervolume is the worst score of each objective in the run.

    Returns:
        The files.
    """
    front = pareto_front(evaluations, objectives)
    names = [objective.name for objective in objectives]
    curve = evaluations_hypervolume(evaluations, objectives).tolist()
    rows = [[e.index, *[e.metrics[name] for name in names], e.fingerprint] for e in front]
    _write(folder / FRONT, ["candidate", *names, "fingerprint"], rows)
    _write(
        folder / CURVE, ["evaluations", "hypervolume"], [[i + 1, v] for i, v in enumerate(curve)]
    )
    written = [folder / FRONT, folder / CURVE]
    try:
        figure = importlib.import_module("matplotlib.figure").Figure
    except ImportError:
        return written
    _draw(figure, folder / PLOT, evaluations, front, objectives, curve)
    return [*written, folder / PLOT]


def _write(path: Path, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)


def _draw(
    make: Any,
    path: Path,
    evaluations: Sequence[Evaluation],
    front: Sequence[Evaluation],
    objectives: Sequence[Objective],
    curve: Sequence[float],
) -> None:
    """Draw each further objective over the first, and the hypervolume over evaluations."""
    x, *others = [objective.name for objective in objectives]
    ways = {o.name: f"{o.name} ({'more' if o.maximize else 'less'} is better)" for o in objectives}
    figure = make(figsize=(5 * (len(others) + 1), 4), layout="constrained")
    *plots, last = figure.subplots(1, len(others) + 1, squeeze=False)[0]
    for plot, y in zip(plots, others, strict=True):
        known = [e for e in evaluations if e.score(x) is not None and e.score(y) is not None]
        rest = [e for e in known if e not in front]
        at = [e.score(x) for e in rest], [e.score(y) for e in rest]
        plot.plot(*at, "x", color="0.6", label="others")
        plot.plot(
            [e.score(x) for e in front], [e.score(y) for e in front], "o", c=_BLUE, label="front"
        )
        for e in front:
            where = (e.score(x), e.score(y))
            plot.annotate(e.index, where, (4, 4), textcoords="offset points", fontsize=8)
        plot.set(xlabel=ways[x], ylabel=ways[y], title="Pareto front and its candidates")
        plot.legend()
    last.step(range(1, len(curve) + 1), curve, where="post")
    last.lines[0].set_color(_BLUE)
    last.set(
        xlabel="evaluations",
        ylabel="hypervolume",
        title="Hypervolume over the worst scores",
    )
    for plot in (*plots, last):
        plot.yaxis.set_major_formatter("{x:,.6g}")
        plot.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)
