"""How surrogates are judged: by the formulas, by the same architectures, from any known scores."""

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jarch as ja
from jarch.cli import main
from jarch.cli.known_scores import from_table
from jarch.runs import Evaluation, append_evaluation, begin_run
from jarch.spaces.cells import CELL_OPERATIONS
from jarch.surrogates import (
    LEVELS,
    FloatArray,
    Prediction,
    SurrogateError,
    calibrate,
    make_surrogate,
)
from jarch.surrogates.calibration import judge
from jarch.tabular import to_arch_string

pytestmark = pytest.mark.unverified

SCORES = """
import jarch as ja


def size(architecture):
    return ja.analyze(architecture, {"in": (8, 8, 1)}).parameters


def both(architecture):
    return {"size": size(architecture), "nodes": len(architecture.nodes)}


def nothing(architecture):
    return None
"""


def nets() -> list[ja.Architecture]:
    return list(ja.enumerate_architectures(ja.trace(ja.spaces.digits_dense)))


def size(architecture: ja.Architecture) -> float:
    return math.log(ja.analyze(architecture, {"in": (8, 8, 1)}).parameters)


@dataclass
class Spy:
    """Predicts the truth times a factor, and keeps what it was told and asked."""

    factor: float = 1.0
    std: float = 0.5
    told: list[list[ja.Architecture]] = field(default_factory=list[list[ja.Architecture]])
    asked: list[list[ja.Architecture]] = field(default_factory=list[list[ja.Architecture]])
    aim: bool | None = None

    def fit(self, architectures: Sequence[ja.Architecture], scores: Any, rng: Any) -> "Spy":
        self.told.append(list(architectures))
        return self

    def predict(self, architectures: Sequence[ja.Architecture]) -> Prediction:
        self.asked.append(list(architectures))
        mean = np.array([self.factor * size(net) for net in architectures])
        return Prediction(mean, np.full(len(mean), self.std))

    def sample(self, architectures: Sequence[ja.Architecture], rng: Any) -> FloatArray:
        return self.predict(architectures).mean

    def directed(self, maximize: bool) -> "Spy":
        self.aim = maximize
        return self


def test_normal_errors_of_the_deviation_predicted_are_calibrated() -> None:
    rng = np.random.default_rng(0)
    mean, std = rng.normal(size=20_000), rng.uniform(0.1, 2.0, 20_000)
    scores = rng.normal(mean, std)
    judged, coverage = judge(Prediction(mean, std), scores, 1.0)
    np.testing.assert_allclose(coverage, LEVELS, atol=0.015)
    assert judged.calibration_error < 0.01
    assert judged.coverage90 == pytest.approx(0.9, abs=0.01)
    entropy = np.mean(0.5 * np.log(2 * math.pi * math.e * std**2))
    assert judged.nll == pytest.approx(entropy, abs=0.03)
    sure, _ = judge(Prediction(mean, std / 4), scores, 1.0)
    unsure, _ = judge(Prediction(mean, std * 4), scores, 1.0)
    assert min(sure.nll, unsure.nll) > judged.nll + 0.5
    assert sure.coverage90 < 0.5
    assert unsure.coverage90 > 0.99


def test_likelihood_is_in_deviations_of_the_scores() -> None:
    scores = np.array([0.0, 2.0])
    judged, _ = judge(Prediction(np.array([1.0, 1.0]), np.array([2.0, 2.0])), scores, 4.0)
    expected = -np.mean([math.log(math.exp(-0.5 * 0.5**2) / (0.5 * math.sqrt(2 * math.pi)))] * 2)
    assert judged.nll == pytest.approx(expected)


def test_without_doubt_or_difference_figures_are_finite() -> None:
    scores = np.array([1.0, 2.0, 3.0])
    judged, coverage = judge(Prediction(np.full(3, 2.0), np.zeros(3)), scores, 1.0)
    assert (judged.kendall, judged.spearman) == (0.0, 0.0)
    assert coverage.tolist() == pytest.approx([1 / 3] * len(LEVELS))  # the one that it hit
    assert math.isfinite(judged.nll)


def test_order_is_that_of_the_pairs() -> None:
    scores = np.array([1.0, 2.0, 3.0, 4.0])
    judged, _ = judge(Prediction(np.array([1.0, 3.0, 2.0, 4.0]), np.ones(4)), scores, 1.0)
    assert judged.kendall == pytest.approx(4 / 6)
    assert judged.spearman == pytest.approx(0.8)


def test_all_see_the_same_and_none_is_judged_by_what_it_saw() -> None:
    every, spies = nets(), {"one": Spy(), "two": Spy(-1.0)}
    scores = np.array([size(net) for net in every])
    found = calibrate(spies, every, scores, (8, 4, 10_000), repeats=3, held_out=12, maximize=False)
    assert [(one.surrogate, one.observations) for one in found] == [
        ("one", 4), ("two", 4), ("one", 8), ("two", 8)
    ]  # fmt: skip
    one, two = spies["one"], spies["two"]
    assert (one.told, one.asked, one.aim) == (two.told, two.asked, False)
    for i in range(0, 6, 2):
        smaller, larger = one.told[i], one.told[i + 1]
        assert larger[:4] == smaller
        assert one.asked[i] == one.asked[i + 1]
        assert len(one.asked[i]) == 12
        assert not {ja.fingerprint(a) for a in larger} & {ja.fingerprint(a) for a in one.asked[i]}
    assert one.told[0] != one.told[2]
    assert [round(c.mean.kendall, 6) for c in found] == [1.0, -1.0, 1.0, -1.0]
    assert [round(c.std.kendall, 6) for c in found] == [0.0] * 4
    assert found[0].mean.coverage90 == 1.0


def test_an_equal_seed_gives_equal_figures() -> None:
    every = nets()
    scores = np.array([size(net) for net in every])

    def kendall(seed: int) -> list[float]:
        surrogates = {name: make_surrogate(name) for name in ("ridge", "gp-wl")}
        found = calibrate(surrogates, every, scores, (10, 20), repeats=2, seed=seed)
        return [one.mean.kendall for one in found]

    assert kendall(3) == kendall(3) != kendall(4)


@pytest.mark.parametrize("sizes", [(), (1, 20), (500,)])
def test_sizes_that_cannot_be(sizes: tuple[int, ...]) -> None:
    every = nets()
    with pytest.raises(SurrogateError, match=r"give|too few"):
        calibrate({"spy": Spy()}, every, np.zeros(len(every)), sizes)
    with pytest.raises(SurrogateError, match="at least 1"):
        calibrate({"spy": Spy()}, every, np.zeros(len(every)), (5,), repeats=0)


# The command

QUICK = ["--surrogates", "ridge", "gp-wl", "--sizes", "10", "20", "--repeats", "2"]


@pytest.fixture(autouse=True)
def scores_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_scores.py").write_text(SCORES)
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> int:
    return main(["calibrate", "digits_dense", *QUICK, *arguments])


def test_scores_of_a_function(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--function", "my_scores.py:size", "--csv", "a.csv", "--json", "a.json") == 0
    printed = capsys.readouterr().out
    assert "digits_dense, score by my_scores.py:size" in printed
    assert printed.count("ridge") == printed.count("gp-wl") == 2
    rows = list(csv.DictReader(Path("a.csv").read_text().splitlines()))
    assert [(row["surrogate"], row["observations"]) for row in rows[:2]] == [
        ("ridge", "10"),
        ("gp-wl", "10"),
    ]
    assert all(float(row["kendall"]) > 0.2 for row in rows)
    written = json.loads(Path("a.json").read_text())
    assert len(written["surrogates"][0]["coverage"]) == len(written["levels"]) == 19
    assert f"{written['surrogates'][0]['mean']['kendall']}" == rows[0]["kendall"]
    encoded = ["--surrogates", "ridge:ngram"]
    assert run("--function", "my_scores.py:both", "--metric", "nodes", *encoded) == 0
    printed = capsys.readouterr().out
    assert "nodes by my_scores.py:both" in printed
    assert printed.count("ridge:ngram") == 2


def test_scores_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "a run"
    begin_run(folder, {"objective": "loss", "maximize": False, "space_args": ["num_classes=4"]})
    space = ja.trace(ja.spaces.digits_dense, num_classes=4)
    number = 0
    for net in ja.enumerate_architectures(space):
        for fidelity, loss in ((None, size(net)), (1, 0.0)):  # a worse look at it counts not
            evaluation = Evaluation(
                number,
                0,
                net.decisions,
                ja.fingerprint(net),
                "ok",
                {"loss": loss, "accuracy": None},
                fidelity=fidelity,
            )
            append_evaluation(folder, evaluation)
            number += 1
    append_evaluation(folder, Evaluation(number, 0, (), "other", "failed", reason="x"))
    assert run("--run-folder", str(folder), "--json", "a.json") == 0
    assert "loss of" in capsys.readouterr().out
    ridge = json.loads(Path("a.json").read_text())["surrogates"][2]
    assert ridge["mean"]["kendall"] > 0.3
    assert run("--run-folder", str(folder), "--metric", "accuracy") == 2
    assert "has no 'accuracy' of any candidate; it has accuracy, loss" in capsys.readouterr().err


def test_scores_of_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    every = nets()
    keys = sorted({key for net in every for key, _ in net.decisions})
    assert len(keys) == 3
    lines = [",".join([keys[0], keys[1], "third", "score"])]
    for net in every:
        values = dict(net.decisions)
        lines.append(",".join([*(str(values.get(key, "")) for key in keys), str(size(net))]))
    (tmp_path / "table.csv").write_text("\n".join(lines))
    table = ["--table", "table.csv", "--key-columns", keys[0], keys[1], f"third={keys[2]}"]
    assert run(*table, "--column", "score", "--json", "a.json") == 0
    assert "score of table.csv" in capsys.readouterr().out
    ridge = json.loads(Path("a.json").read_text())["surrogates"][2]
    assert ridge["mean"]["kendall"] > 0.3
    assert run(*table) == 2
    assert "--column" in capsys.readouterr().err
    capsys.readouterr()
    holes = [lines[0], f"{lines[1].rpartition(',')[0]},", *lines[2:-3]]
    (tmp_path / "table.csv").write_text("\n".join(holes))
    assert run(*table, "--column", "score") == 0
    assert (
        "4 of 36 architectures have no score in table.csv and are left" in capsys.readouterr().err
    )
    assert run(*table[:3], keys[0], "--column", "score") == 2
    assert "more than one row" in capsys.readouterr().err
    assert run(*table[:3], f"x={keys[1]}", "--column", "score") == 2
    assert "no column 'x'" in capsys.readouterr().err


def test_a_partial_table_gives_as_many_scores_as_are_wanted() -> None:
    cell = ja.trace(ja.spaces.nasbench201_cell)
    lines = ["arch,train_s_per_epoch,c10v_val_12"]
    for number, operations in enumerate(product(CELL_OPERATIONS, repeat=6)):
        lines += [f"{to_arch_string(operations)},1.0,{number}"] * (number % 3 == 0)
    Path("table.csv").write_text("\n".join(lines))
    known = from_table(cell, Path("table.csv"), (), None, 60, 0, True)
    assert len(known.architectures) == len(known.scores) == 60
    assert 60 < known.left_out < 240
    assert set(known.scores % 3) == {0}


def test_scores_of_nasbench201(capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["arch,train_s_per_epoch,c10v_val_12"]
    for operations in product(CELL_OPERATIONS, repeat=6):
        convolutions = sum("conv" in operation for operation in operations)
        lines.append(f"{to_arch_string(operations)},1.0,{convolutions}")
    Path("table.csv").write_text("\n".join(lines))
    quick = ["--surrogates", "gp-wl", "--sizes", "30", "--repeats", "1", "--held-out", "50"]
    arguments = ["calibrate", "nasbench201_cell", "--table", "table.csv", *quick]
    assert main([*arguments, "--json", "a.json"]) == 0
    assert "c10v_val_12 of table.csv" in capsys.readouterr().out
    (found,) = json.loads(Path("a.json").read_text())["surrogates"]
    assert found["mean"]["kendall"] > 0.6


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "give one of --run-folder, --table and --function"),
        (["--function", "a.py:b", "--table", "x"], "give one of"),
        (["--function", "size"], "write module:function"),
        (["--function", "my_scores.py:both"], "returns size, nodes; say by --metric"),
        (["--function", "my_scores.py:nothing"], "returned None; a score is a finite number"),
        (["--function", "my_scores.py:size", "--surrogates", "lasso"], "'lasso' is none of ridge"),
        (
            ["--function", "my_scores.py:size", "--surrogates", "ridge:bag"],
            "encoder 'bag' is none of",
        ),
        (["--function", "my_scores.py:size", "--surrogates", "gp-wl:path"], "no option encoder"),
        (["--function", "my_scores.py:size", "--sizes", "9999"], "too few for 9999 observations"),
        (["--function", "my_scores.py:size", "--csv", "no/a.csv"], "cannot be written"),
        (["--run-folder", "nowhere"], "holds no run"),
        (["--table", "nowhere.csv"], "nowhere.csv cannot be read as a CSV table"),
    ],
)
def test_what_is_wrong_is_told(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    assert told in capsys.readouterr().err


def test_sizes_too_large_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--function", "my_scores.py:size", "--sizes", "10", "9999") == 0
    told = capsys.readouterr()
    assert "too few for 9999 observations" in told.err
    assert "9,999" not in told.out


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_plot(suffix: str) -> None:
    pytest.importorskip("matplotlib")
    assert run("--function", "my_scores.py:size", "--plot", f"a.{suffix}") == 0
    content = Path(f"a.{suffix}").read_bytes()
    assert len(content) > 20_000
    if suffix == "svg":
        assert content.count(b"ridge") >= 1
    assert run("--function", "my_scores.py:size", "--plot", "a.strange") == 2
