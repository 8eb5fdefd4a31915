"""How results look as text."""

from __future__ import annotations

import io

from rich.console import Console

from jarch.cli.tables import results_table
from jarch.runs import Evaluation


def evaluation(index: int, accuracy: float, fidelity: int | None = None) -> Evaluation:
    return Evaluation(
        index=index,
        seed=0,
        decisions=(("width", 8 * index),),
        fingerprint=str(index),
        status="ok",
        metrics={"accuracy": accuracy, "parameters": 10},
        seconds=1.0,
        fidelity=fidelity,
        trial=None if fidelity is None else index,
    )


def printed(*evaluations: Evaluation) -> list[list[str]]:
    """Return the words of the table's lines: its title, the heads, and from the third the rows."""
    console = Console(file=io.StringIO(), width=120)
    console.print(results_table(evaluations, "accuracy", maximize=True))
    assert isinstance(console.file, io.StringIO)
    return [line.split() for line in console.file.getvalue().splitlines() if line.strip(" ─")]


def test_the_best_candidates_stand_first() -> None:
    _, heads, *rows = printed(evaluation(1, 0.5), evaluation(2, 0.75))
    assert heads == ["candidate", "accuracy", "parameters", "seconds", "values"]
    assert rows == [["2", "0.7500", "10", "1.0", "16"], ["1", "0.5000", "10", "1.0", "8"]]


def test_fidelities_are_shown_where_there_are_any() -> None:
    _, heads, *rows = printed(evaluation(1, 0.75, 3), evaluation(2, 0.5, 27), evaluation(3, 0.6, 9))
    assert heads[:3] == ["candidate", "fidelity", "accuracy"]
    assert [row[:3] for row in rows] == [
        ["2", "27", "0.5000"],
        ["3", "9", "0.6000"],
        ["1", "3", "0.7500"],
    ]
