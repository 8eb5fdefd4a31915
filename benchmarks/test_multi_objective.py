"""The comparison with two objectives, on complete tables of figures that are made up."""

from __future__ import annotations

import csv
import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from jarch.spaces.cells import CELL_OPERATIONS
from jarch.tabular import to_arch_string

from .multi_objective import main, plot_curves, standings
from .two_objectives import SEARCHERS, Task, run_seed, run_seeds, yardstick

DEVICE = "phone_latency"


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    """Convolutions make accurate and slow; the second file has other rows first."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("tables")
    table = ["index,arch,signal,train_s_per_epoch"]
    latency = [f"index,{DEVICE}"]
    for i, cell in enumerate(product(CELL_OPERATIONS, repeat=6)):
        good = sum(name.startswith("nor_conv") for name in cell)
        pools = cell.count("avg_pool_3x3")
        table.append(f"{i},{to_arch_string(cell)},{60 + 5 * good + rng.normal():.3f},8")
        supported = cell[0] != "none"
        latency.insert(1, f"{i},{1 + good + pools + rng.random():.3f}" if supported else f"{i},-1")
    (folder / "table.csv").write_text("\n".join(table), encoding="utf-8")
    (folder / "latency.csv").write_text("\n".join(latency), encoding="utf-8")
    return Task(folder / "table.csv", folder / "latency.csv", DEVICE, "signal", 30)


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_curves_rise_towards_the_whole_front(searcher: str, task: Task) -> None:
    curve = run_seed(searcher, task, 3)
    assert curve.shape == (30,)
    assert (np.diff(curve) >= 0).all()
    assert 0 < curve[-1] < 1


def test_the_yardstick_leaves_out_what_is_not_supported(task: Task) -> None:
    (error, latency), whole = yardstick(task)
    assert 35 < error < 50
    assert 7 < latency <= 8
    assert 0 < whole < error * latency


def test_processes_make_no_difference(task: Task) -> None:
    one, other = (run_seeds("random", task, range(3), processes) for processes in (1, 2))
    np.testing.assert_array_equal(one, other)


def test_wins_are_counted_by_seed_and_by_pair() -> None:
    curves = {"random": np.array([[0.1, 0.5], [0.2, 0.9]]), "other": np.array([[0.1, 0.6]] * 2)}
    rows = [r for r in standings("d", curves) if r.searcher == "other"]
    assert [(r.evaluations, r.seeds, r.mean, r.wins, r.superiority) for r in rows] == [
        (2, 2, 60.0, 1, 0.5)
    ]


def test_the_command(task: Task, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = tmp_path / "found.json", tmp_path / "found.csv"
    main(
        task.table,
        task.latency,
        DEVICE,
        "signal",
        seeds=2,
        searchers="nsga2",
        evaluations=120,
        processes=1,
        json_file=files[0],
        csv_file=files[1],
    )
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[0] for line in printed[2:]] == ["| random"] * 2 + ["| nsga2"] * 2
    rows = json.loads(files[0].read_text())
    assert {(row["searcher"], row["evaluations"]) for row in rows} == {
        (name, n) for name in ("random", "nsga2") for n in (100, 120)
    }
    with files[1].open() as file:
        assert len(list(csv.DictReader(file))) == 240
    with pytest.raises(ValueError, match="searcher 'chance' is none of random, nsga2"):
        main(task.table, task.latency, searchers="chance")


def test_the_plot(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    curves = {"random": np.linspace(0, 0.9, 20).reshape(2, 10)}
    plot_curves(tmp_path / "curves.png", curves, "latency")
    assert (tmp_path / "curves.png").stat().st_size > 1000
