"""The comparison on NAS-Bench-201, on a complete table of figures that are made up."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from jarch.spaces.cells import CELL_OPERATIONS
from jarch.tabular import TEST_COLUMNS, to_arch_string

from .nasbench201 import main
from .plots import plot_curves
from .standings import COLUMNS, Score, curve, read_published, scores_after, scores_within
from .tabular import SEARCHERS, Protocol, Trajectory, load_table, run_seeds

NAMES = [*TEST_COLUMNS, *COLUMNS.values()]
PUBLISHED = """benchmark,algorithm,budget,metric,mean,std
NAS-Bench-201,RS,12000 s,c10_test,93.70,0.36
NAS-Bench-201,ResNet,,c10_test,93.97,
NAS-Bench-201,local search,,c100_archs_to_optimum,127,
NAS-Bench-101,RS,150,c10_test_error_percent,6.3,
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Accuracies grow with the number of convolutions; an epoch takes some 8 seconds."""
    rng = np.random.default_rng(0)
    lines = [",".join(["arch", *NAMES, "train_s_per_epoch"])]
    for cell in product(CELL_OPERATIONS, repeat=6):
        good = sum(name.startswith("nor_conv") for name in cell)
        figures = [f"{60 + 5 * good + noise:.3f}" for noise in rng.normal(size=len(NAMES))]
        lines.append(",".join([to_arch_string(cell), *figures, f"{8 + good / 2}"]))
    path = tmp_path_factory.mktemp("table") / "table.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def protocol(path: Path) -> Protocol:
    return Protocol(path, seconds=2000.0, evaluations=10)


@pytest.fixture(scope="module")
def runs(protocol: Protocol) -> Sequence[Trajectory]:
    return run_seeds("random", protocol, range(4))


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_searches_go_on_until_both_budgets_are_spent(searcher: str, path: Path) -> None:
    for seconds, evaluations in ((2000.0, 3), (100.0, 20)):
        protocol = Protocol(path, seconds=seconds, evaluations=evaluations)
        for run in run_seeds(searcher, protocol, range(2)):
            assert run.seconds[-1] > seconds
            assert len(run.seconds) == len(run.incumbents) >= evaluations
            assert run.seconds[-2] <= seconds or len(run.seconds) == evaluations
            assert (np.diff(run.seconds) > 90).all()


def test_incumbents_have_the_best_signal(protocol: Protocol, runs: Sequence[Trajectory]) -> None:
    signal = load_table(protocol.table).column("c10v_val_12")
    for run in runs:
        assert (np.diff(signal[run.incumbents]) >= 0).all()
        assert len(set(run.incumbents)) > 1


def test_processes_make_no_difference(protocol: Protocol, runs: Sequence[Trajectory]) -> None:
    for one, other in zip(runs, run_seeds("random", protocol, range(4), 2), strict=True):
        np.testing.assert_array_equal(one.incumbents, other.incumbents)
        np.testing.assert_array_equal(one.seconds, other.seconds)


def test_an_evaluation_that_ends_after_the_budget_does_not_count() -> None:
    run = Trajectory(np.array([7, 8, 8]), np.array([100.0, 200.0, 300.0]))
    assert [run.evaluations_within(s) for s in (99, 100, 299, 300, 999)] == [0, 1, 2, 3, 3]
    assert [run.incumbent_after(n) for n in (1, 2, 9)] == [7, 8, 8]


def test_scores_are_means_over_seeds(protocol: Protocol, runs: Sequence[Trajectory]) -> None:
    table = load_table(protocol.table)
    scores = scores_within(table, "random", protocol, runs)
    assert [(score.dataset, score.split) for score in scores] == list(COLUMNS)
    made = [sum(s <= protocol.seconds for s in run.seconds) for run in runs]
    found = [
        table.column("in16_test_200")[run.incumbents[n - 1]]
        for run, n in zip(runs, made, strict=True)
    ]
    expected = round(float(np.mean(found)), 4), round(float(np.std(found)), 4)
    assert (scores[-1].mean, scores[-1].std) == expected
    assert scores[-1].evaluations == np.mean(made)
    assert scores[-1].seeds == 4


def test_curves_end_at_the_scores(protocol: Protocol, runs: Sequence[Trajectory]) -> None:
    table = load_table(protocol.table)
    points = list(curve(table, "random", protocol, runs))
    after = scores_after(table, "random", protocol, runs, protocol.evaluations)
    for axis, scores in (
        ("evaluations", after),
        ("seconds", scores_within(table, "random", protocol, runs)),
    ):
        last = [point for point in points if point.axis == axis][-len(COLUMNS) :]
        assert [(p.mean, p.std) for p in last] == [(s.mean, s.std) for s in scores]
        assert last[0].at == getattr(protocol, axis)


def test_the_command_writes_what_it_prints(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published, found, curves = (tmp_path / n for n in ("published.csv", "found.json", "c.csv"))
    published.write_text(PUBLISHED)
    main(
        path,
        seeds=3,
        searchers="random",
        signals="all",
        seconds=1500.0,
        evaluations=5,
        processes=1,
        published=published,
        json_file=found,
        csv_file=curves,
    )
    rows = json.loads(found.read_text())
    assert len(rows) == 3 * len(COLUMNS)
    assert tuple(rows[0]) == Score._fields
    assert {row["signal"] for row in rows} == set(TEST_COLUMNS)
    printed = capsys.readouterr().out
    assert f"{rows[0]['mean']:.2f} ± {rows[0]['std']:.2f}" in printed
    assert "| RS, published |  |  |  |  | 93.70 ± 0.36 |" in printed
    assert "| ResNet, published |  |  |  |  | 93.97 |" in printed
    with curves.open(newline="") as file:
        axes = [line["axis"] for line in csv.DictReader(file)]
    assert axes.count("evaluations") == 3 * 5 * len(COLUMNS)
    assert axes.count("seconds") > 0


def test_other_published_figures_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "published.csv"
    path.write_text(PUBLISHED)
    assert list(read_published(path)) == ["RS", "ResNet"]


def test_what_cannot_be_run_is_said(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="searcher 'rando' is none of random"):
        main(path, searchers="rando")
    with pytest.raises(ValueError, match="signal 'c10' is none of c10v_val_12"):
        main(path, signals="c10")
    with pytest.raises(ValueError, match="at least 1"):
        main(path, seeds=0)
    with pytest.raises(ValueError, match="10 seconds are over before the first"):
        main(path, seeds=1, searchers="random", seconds=10.0, processes=1)
    with pytest.raises(ValueError, match="cannot be read"):
        main(tmp_path / "missing.csv")


def test_curves_are_drawn(protocol: Protocol, runs: Sequence[Trajectory], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    points = list(curve(load_table(protocol.table), "random", protocol, runs))
    plot_curves(tmp_path / "curves.png", points)
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
