"""The command line with several objectives: the front as a table and as files."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from jarch.cli import main
from jarch.cli.fronts import read_objectives, write_front
from jarch.ir import SpaceError
from jarch.runs import Evaluation, read_run
from jarch.search import Objective, SearchError

ACCURACY, SIZE = Objective("accuracy"), Objective("parameters", maximize=False)


def search(folder: Path, *more: str) -> int:
    return main(
        [
            *("search", "digits_dense", "--data", "digits", "--evaluations", "4"),
            *("--epochs", "1", "--final-epochs", "0", "--searcher", "nsga2"),
            *("--searcher-args", "population=2", "--folder", str(folder)),
            *("--objectives", "accuracy", "parameters:min", *more),
        ]
    )


def test_a_search_ends_with_the_front(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert search(tmp_path) == 0
    told = capsys.readouterr().out
    assert "Pareto front: " in told
    assert "parameters (min)" in told
    run = read_run(tmp_path)
    assert run.settings["objectives"] == ["accuracy", "parameters:min"]
    assert [o["objective"] for o in run.settings["searcher"]["objectives"]] == [
        "accuracy",
        "parameters",
    ]
    with (tmp_path / "front.csv").open() as file:
        rows = list(csv.DictReader(file))
    sizes = [float(row["parameters"]) for row in rows]
    assert sizes == sorted(sizes, reverse=True)
    assert {int(row["candidate"]) for row in rows} <= {0, 1, 2, 3}
    with (tmp_path / "hypervolume.csv").open() as file:
        curve = [float(row["hypervolume"]) for row in csv.DictReader(file)]
    assert curve == sorted(curve)
    assert len(curve) == 4
    assert search(tmp_path, "--resume") == 0
    assert main(["show", str(tmp_path)]) == 0
    assert "Pareto front: " in capsys.readouterr().out


def test_wrong_objectives_say_what_is_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert search(tmp_path, "--objective", "loss") == 2
    assert "either --objective or --objectives" in capsys.readouterr().err
    with pytest.raises(SpaceError, match="objective 'speed' is none of loss, accuracy"):
        read_objectives(["accuracy", "speed"])
    with pytest.raises(SearchError, match="'loss' is named twice"):
        read_objectives(["loss", "loss:max"])
    assert read_objectives(["accuracy", "loss", "flops"]) == (
        ACCURACY,
        Objective("loss", maximize=False),
        Objective("flops", maximize=False),
    )
    assert read_objectives([]) == ()


def test_a_front_of_three_objectives_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    found = [
        Evaluation(i, 0, (), str(i), "ok", {"accuracy": i / 9, "parameters": i, "flops": 5 - i})
        for i in range(4)
    ]
    failed = Evaluation(4, 0, (), "4", "failed")
    goals = (ACCURACY, SIZE, Objective("flops", maximize=False))
    files = write_front(tmp_path, [*found, failed], goals)
    assert [file.name for file in files] == ["front.csv", "hypervolume.csv", "front.svg"]
    assert all(file.stat().st_size for file in files)
