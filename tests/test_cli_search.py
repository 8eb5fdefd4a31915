"""`jarch search`: what it prints, what it keeps, and how it goes on."""

import json
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import jarch as ja
from jarch.cli import budget, main
from jarch.cli.budget import Budget
from jarch.cli.searching import Search
from jarch.runs import EVALUATIONS, WEIGHTS, begin_run, read_run
from jarch.search import loop, trial

from .command_line import (
    SPACE,
    environment,
    in_an_empty_folder as in_an_empty_folder,
    run_python,
    search,
    space_file as space_file,
    table as table,
    wait_for,
)

INTERRUPTIBLE = """
import signal
from jarch.cli import main

signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore it
raise SystemExit(main())
"""


def test_a_search_leaves_all_that_was_promised(
    capsys: pytest.CaptureFixture[str], space_file: str
) -> None:
    assert search(f"{space_file}:space") == 0
    out = capsys.readouterr().out
    run = read_run(Path("run"))
    assert len(run.evaluations) == 3
    assert run.results is not None
    assert run.results["test_examples"] == 359
    best = max(run.evaluations, key=lambda e: e.metrics["accuracy"] or 0)
    assert run.results["best"]["index"] == best.index
    assert f"test accuracy {run.results['test']['accuracy']:.4f}" in out
    architecture = ja.from_json(Path("run/best.json").read_text())
    assert ja.fingerprint(architecture) == best.fingerprint
    assert ja.parse(Path("run/best.txt").read_text()) == architecture
    assert Path("run/best.svg").exists() or Path("run/best.dot").exists()
    data = ja.load_data("digits", 0)
    trained = ja.load(Path("run") / WEIGHTS)
    assert trained.architecture == architecture
    accuracy = trained.evaluate(data.x_test, data.y_test)["accuracy"]
    assert accuracy == pytest.approx(run.results["test"]["accuracy"])
    assert Path("run/predict.py").read_text().rstrip() in out


def test_show_tells_of_a_run(capsys: pytest.CaptureFixture[str], space_file: str) -> None:
    search(f"{space_file}:space")
    capsys.readouterr()
    assert main(["show", "run"]) == 0
    out = capsys.readouterr().out
    assert "best 3 of 3 candidates" in out
    assert "architecture(@in)" in out
    assert "test accuracy" in out


def test_show_of_a_run_that_has_just_begun(capsys: pytest.CaptureFixture[str]) -> None:
    settings = {"objective": "accuracy", "maximize": True, "evaluations": 5}
    begin_run(Path("run"), settings)
    assert main(["show", "run"]) == 0
    assert "not finished: 0 of 5" in capsys.readouterr().out


def test_a_run_that_ended_goes_on_for_longer(space_file: str) -> None:
    space = f"{space_file}:space"
    assert search(space, folder="once", evaluations=4) == 0
    assert search(space, folder="twice", evaluations=2) == 0
    assert search(space, "--resume", folder="twice", evaluations=4) == 0
    once, twice = read_run(Path("once")), read_run(Path("twice"))
    assert once.evaluations == twice.evaluations
    assert once.results == twice.results


def test_images_are_augmented_weights_averaged_and_bfloat16_computed(space_file: str) -> None:
    options = ["--augment", "flip,cutout=2", "--dtype", "bfloat16", "--ema-decay", "0.9"]
    assert search(f"{space_file}:space", *options, "--clip-norm", "2", evaluations=1) == 0
    config = ja.load(Path("run") / WEIGHTS).config
    assert config.augment == (ja.augment.Flip(), ja.augment.Cutout(2))
    assert (config.ema_decay, config.clip_norm, config.dtype) == (0.9, 2.0, "bfloat16")


def test_a_finished_run_is_not_judged_again(
    capsys: pytest.CaptureFixture[str], space_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    search(f"{space_file}:space")
    before = read_run(Path("run"))
    monkeypatch.setattr("jarch.cli.outcome.train_final", None)
    assert search(f"{space_file}:space", "--resume") == 0
    assert read_run(Path("run")) == before


def test_the_weights_of_the_search_are_kept_where_nothing_is_trained_after(
    space_file: str,
) -> None:
    assert search(f"{space_file}:space", "--final-epochs", "0") == 0
    results = read_run(Path("run")).results
    assert results is not None
    assert ja.load(Path("run") / WEIGHTS).validation == pytest.approx(
        {name: results["best"]["metrics"][name] for name in ("accuracy", "loss")}
    )


def test_candidates_that_do_not_fit_the_data_are_passed_over(
    capsys: pytest.CaptureFixture[str], space_file: str
) -> None:
    assert search(f"{space_file}:wrong") == 0
    out = capsys.readouterr().out
    assert "some architectures do not fit the data" in out
    assert [e.values for e in read_run(Path("run")).evaluations] == [(2,)]
    assert "nothing is left to try" in out


def test_a_space_for_another_number_of_classes(
    capsys: pytest.CaptureFixture[str], space_file: str
) -> None:
    assert search(f"{space_file}:space", "--space-args", "num_classes=4") == 1
    out = capsys.readouterr().out
    assert "without a score" in out
    assert "10 classes" in out
    assert all(e.status == "invalid" for e in read_run(Path("run")).evaluations)


def test_time_that_is_short_ends_the_search_early_and_is_told(
    capsys: pytest.CaptureFixture[str], space_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = count(step=10)  # each look at it takes ten seconds
    for module in (loop, trial, budget):
        monkeypatch.setattr(module, "monotonic", lambda: float(next(clock)))
    few = ["--seconds", "200", "--final-epochs", "500"]
    assert search(f"{space_file}:space", *few, evaluations=6) == 0
    out = capsys.readouterr().out
    run = read_run(Path("run"))
    assert run.results is not None
    assert 1 <= len(run.evaluations) < 6
    assert run.results["stopped"] == "seconds"
    assert run.results["final_epochs"] < 500
    assert "stopped by time" in out
    assert "500 epochs did not fit into the time" in out
    assert search(f"{space_file}:space", "--seconds", "0", folder="none") == 1


def test_a_budget_leaves_time_for_the_last_training() -> None:
    allowed = Budget(100.0, epochs=4, final_epochs=50)
    assert allowed.search_seconds == pytest.approx(60.0)
    assert allowed.affordable_epochs() == 50
    allowed.best_took(8.0, None)
    assert allowed.final_seconds(10) == pytest.approx(10 * 2.0 * 1.3)
    assert 36 <= allowed.affordable_epochs() <= 38
    allowed.best_took(4000.0, None)
    assert allowed.affordable_epochs() == 4
    assert Budget(None, epochs=4, final_epochs=50).affordable_epochs() == 50


def test_a_part_of_a_training_is_not_taken_for_all_of_it() -> None:
    """Four epochs of 2 seconds, of which the last evaluation trained one alone."""
    history = tuple(ja.EpochReport(i, 4, 2.0, 0.0, 0.1, 1.0, {}) for i in range(1, 5))
    allowed = Budget(100.0, epochs=4, final_epochs=50)
    trained: Any = SimpleNamespace(history=history)
    allowed.best_took(2.0, trained)
    assert allowed.final_seconds(10) == pytest.approx(10 * 2.0 * 1.3)


def test_regression(space_file: str) -> None:
    x = np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32)
    np.savez("numbers.npz", x_train=x, y_train=x @ np.arange(5.0, dtype=np.float32))
    options = ["--evaluations", "2", "--epochs", "2", "--final-epochs", "2", "--folder", "run"]
    assert main(["search", f"{space_file}:space", "--data", "numbers.npz", *options]) == 0
    run = read_run(Path("run"))
    assert run.settings["objective"] == "mse"
    assert run.settings["maximize"] is False
    assert run.results is not None
    assert set(run.results["test"]) == {"loss", "mse", "r2"}


def test_folders_are_new_and_resume_finds_the_last() -> None:
    command = Search("my.py:space", "digits", seed=4)
    assert command.choose_folder() == Path("runs/space-digits-4")
    begin_run(command.choose_folder(), {})
    assert command.choose_folder() == Path("runs/space-digits-4.2")
    begin_run(command.choose_folder(), {})
    assert command.choose_folder() == Path("runs/space-digits-4.3")
    resumed = Search("my.py:space", "digits", seed=4, resume=True)
    assert resumed.choose_folder() == Path("runs/space-digits-4.2")


def test_the_command_that_resumes_is_the_command() -> None:
    command = Search("mobilenet", "my data", seed=3, uniform=True, space_args=("a=1", "b=2"))
    assert command.resuming(Path("run")) == (
        "jarch search mobilenet --data 'my data' --seed 3 --space-args a=1 b=2 --uniform "
        "--folder run --resume"
    )


@pytest.mark.slow
def test_an_interrupt_loses_nothing_and_resume_comes_to_the_same(space_file: str) -> None:
    arguments = ["search", f"{space_file}:space", "--data", "digits", "--seed", "7"]
    arguments += ["--evaluations", "5", "--epochs", "2", "--final-epochs", "3"]
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, *arguments, "--folder", "broken"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        text=True,
    )
    wait_for(Path("broken") / EVALUATIONS, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "--folder broken --resume" in out
    before = read_run(Path("broken"))
    assert before.evaluations
    assert before.results is None
    run_python("-m", "jarch", *arguments, "--folder", "broken", "--resume")
    run_python("-m", "jarch", *arguments, "--folder", "whole")
    broken, whole = read_run(Path("broken")), read_run(Path("whole"))
    assert broken.evaluations[: len(before.evaluations)] == before.evaluations
    assert broken.evaluations == whole.evaluations
    assert broken.results == whole.results


def test_the_snippet_finds_operations_of_ones_own(tmp_path: Path) -> None:
    own = "@nn.op\ndef twice(x):\n    return 2 * x\n\n\n"
    own += "def own():\n    return ja.sequential(nn.flatten, twice(), nn.dense(10))\n"
    (tmp_path / "own_ops.py").write_text(SPACE + "\n\n" + own)
    assert search(f"{tmp_path / 'own_ops.py'}:own", evaluations=1) == 0
    assert run_python("run/predict.py").stdout.startswith("[")


def test_the_snippet_finds_data_of_ones_own_from_any_folder(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert search("digits_dense", data=table.name, evaluations=1) == 0
    snippet = Path("run/predict.py").absolute()
    monkeypatch.chdir("/")
    assert run_python(str(snippet)).stdout.startswith("[")


@pytest.mark.slow
def test_the_snippet_of_a_run_predicts_in_a_process_of_its_own() -> None:
    options = ["--evaluations", "2", "--epochs", "2", "--final-epochs", "5"]
    run_python("-m", "jarch", "search", "digits_dense", "--data", "digits", *options)
    predicted = run_python("runs/digits_dense-digits-0/predict.py").stdout
    labels = np.array(predicted.replace("[", " ").replace("]", " ").split())
    assert "..." in labels or len(labels) == 359


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_the_main_job(seed: int) -> None:
    """A search over MobileNets on digits reaches 95 % on the test split."""
    arguments = ["search", "mobilenet", "--data", "digits", "--seed", str(seed)]
    run_python("-m", "jarch", *arguments, "--seconds", "600", "--folder", "run")
    results = json.loads(Path("run/results.json").read_text())
    assert results["stopped"] == "evaluations"
    assert results["test"]["accuracy"] >= 0.95
