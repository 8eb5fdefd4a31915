"""The command line: what it prints, what it keeps, how it fails."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
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
from jarch.search import SEARCHERS, loop, trial

ROOT = Path(ja.__file__).parent.parent

SPACE = '''
import jarch as ja
from jarch import nn


def space(num_classes=10, widths=(8, 16, 32)):
    """Six small dense networks."""
    width = ja.Discrete(widths, name="width")
    function = ja.Discrete(["relu", "tanh"], name="function")
    return ja.sequential(
        nn.flatten, nn.dense(width), nn.activation(function), nn.dense(num_classes)
    )


def wrong():
    """Fits no image of 8 x 8: half of the windows are larger."""
    size = ja.Discrete([2, 9], name="size")
    return ja.sequential(nn.max_pool(window=size), nn.flatten, nn.dense(10))


def raises():
    raise RuntimeError("no space today")


def bad():
    return nn.dense(ja.Discrete([1, 1]))


NOT_A_FUNCTION = 3
'''

INTERRUPTIBLE = """
import signal
from jarch.cli import main

signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore it
raise SystemExit(main())
"""


@pytest.fixture
def space_file(tmp_path: Path) -> str:
    """A file with spaces of the user's own."""
    path = tmp_path / "my_spaces.py"
    path.write_text(SPACE)
    return str(path)


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands write below the working directory: give each test its own."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture
def table(in_an_empty_folder: None) -> Path:
    """Data of the user's own: five numbers an example, in the working directory."""
    x = np.random.default_rng(0).normal(size=(60, 5))
    path = Path("table.npz").absolute()
    np.savez(path, x_train=x, y_train=(x[:, 0] > 0).astype(int))
    return path


def search(
    space: str, *more: str, evaluations: int = 3, folder: str = "run", data: str = "digits"
) -> int:
    options = ["--epochs", "1", "--final-epochs", "2", "--folder", folder]
    count = ["--evaluations", str(evaluations)]
    return main(["search", space, "--data", data, *count, *options, *more])


def test_count(capsys: pytest.CaptureFixture[str], space_file: str) -> None:
    assert main(["count", "mobilenet"]) == 0
    assert capsys.readouterr().out == "8640\n"
    assert main(["count", f"{space_file}:space"]) == 0
    assert capsys.readouterr().out == "6\n"
    assert main(["count", f"{space_file}:space", "--space-args", "widths=[4,5]"]) == 0
    assert capsys.readouterr().out == "4\n"


def test_count_of_a_module_beside_us(capsys: pytest.CaptureFixture[str], space_file: str) -> None:
    Path("beside_us.py").write_text(SPACE)
    assert main(["count", "beside_us:space"]) == 0
    assert capsys.readouterr().out == "6\n"


def test_sample_is_seeded_and_parses_back(capsys: pytest.CaptureFixture[str]) -> None:
    outputs: list[str] = []
    for options in (["--seed", "1"], ["--seed", "1"], ["--seed", "2"], ["--uniform"]):
        assert main(["sample", "digits_conv", *options]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1] != outputs[2]
    drawn = [ja.parse(output) for output in outputs]
    assert drawn[0] == ja.sample(ja.trace(ja.spaces.digits_conv), np.random.default_rng(1))


def test_sample_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", "digits_dense", "--number", "3", "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len([ja.from_json(line) for line in lines]) == 3


def test_check(capsys: pytest.CaptureFixture[str], space_file: str) -> None:
    assert main(["check", "mobilenet", "--input", "8", "8", "1"]) == 0
    assert "no architecture has a shape error" in capsys.readouterr().out
    assert main(["check", f"{space_file}:wrong", "--input", "8", "8", "1"]) == 1
    assert "size = 9" in capsys.readouterr().out


def test_check_compiles_a_training_step_of_some(
    capsys: pytest.CaptureFixture[str], space_file: str
) -> None:
    options = ["--data", "digits", "--compile", "--number", "2"]
    assert main(["check", f"{space_file}:space", *options]) == 0
    verdict, *compiled = capsys.readouterr().out.splitlines()
    assert "no architecture has a shape error" in verdict
    assert len(set(compiled)) == 2
    for line in compiled:
        assert re.fullmatch(r"values \w+ \w+: compiled in [\d.]+ s, a step takes [\d.]+ MiB", line)


def test_check_compiles_no_more_than_there_are(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = tmp_path / "numbers.npz"
    rng = np.random.default_rng(0)
    np.savez(data, x_train=rng.normal(size=(40, 3)), y_train=rng.normal(size=(40, 5)))
    (tmp_path / "two.py").write_text(
        "import jarch as ja\n"
        "def two(num_classes):\n"
        "    width = ja.Discrete([4, 8])\n"
        "    return ja.sequential(ja.nn.dense(width), ja.nn.dense(num_classes))\n"
    )
    space = f"{tmp_path / 'two.py'}:two"
    assert main(["check", space, "--data", str(data), "--compile", "--number", "3"]) == 0
    assert capsys.readouterr().out.endswith("there are no more than 2\n")


def test_check_tells_what_does_not_compile(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise RuntimeError("no such convolution")

    monkeypatch.setattr("jarch.lowering.dry_run", refuse)
    assert main(["check", "digits_dense", "--compile"]) == 1
    assert capsys.readouterr().out.endswith("does not compile: no such convolution\n")


def test_summary(capsys: pytest.CaptureFixture[str], space_file: str) -> None:
    assert main(["summary", f"{space_file}:space", "--values", "tanh", "16"]) == 0
    out = capsys.readouterr().out
    assert "dense-1" in out
    assert f"{64 * 16 + 16 + 16 * 10 + 10:,}" in out
    assert main(["summary", f"{space_file}:space", "--seed", "3"]) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith("values ")


def test_draw(capsys: pytest.CaptureFixture[str], space_file: str) -> None:
    assert main(["draw", f"{space_file}:space", "--output", "picture.dot"]) == 0
    assert capsys.readouterr().out == "picture.dot\n"
    assert "width" in Path("picture.dot").read_text()
    values = ["--values", "relu", "8"]
    assert main(["draw", f"{space_file}:space", *values, "--output", "one.dot"]) == 0
    assert Path("one.dot").read_text() != Path("picture.dot").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["count", "mobilnet"], "space 'mobilnet' is none of"),
        (["count", "no_such_module:space"], "no_such_module"),
        (["count", "missing.py:space"], "does not exist"),
        (["count", "FILE:nothing"], "it has space, wrong, raises, bad"),
        (["count", "FILE:NOT_A_FUNCTION"], "has no function 'NOT_A_FUNCTION'"),
        (["count", "FILE:space", "--space-args", "depth=3"], "num_classes, widths"),
        (["count", "FILE:space", "--space-args", "depth"], "write it as name=value"),
        (["count", "FILE:raises"], "RuntimeError: no space today (my_spaces.py, line 22)"),
        (["count", "FILE:bad"], "holds 1 twice; give each value once (my_spaces.py, line 26)"),
        (["summary", "digits_dense", "--values", "7"], "value 7 is not in"),
        (["draw", "digits_dense", "--output", "x.gif"], "'.gif'"),
        (["search", "digits_dense", "--data", "nowhere"], "there is no data 'nowhere'"),
        (["search", "digits_dense", "--data", "digits", "--epochs", "0"], "epochs is 0"),
        (["search", "digits_dense", "--data", "digits", "--objective", "luck"], "luck"),
        (["search", "digits_dense", "--data", "digits", "--resume"], "holds no run"),
        (["search", "digits_dense", "--data", "digits", "--augment", "flip,crop=9"], "8 by 8"),
        (["search", "digits_dense", "--data", "digits", "--augment", "blur"], "'blur'"),
        (["search", "digits_dense", "--data", "digits", "--ema-decay", "2"], "ema_decay is 2"),
        (["search", "digits_dense", "--data", "digits", "--validation", "0"], "validation"),
        (
            ["search", "digits_dense", "--data", "digits", "--evaluations", "0"],
            "--evaluations is 0",
        ),
        (["search", "digits_dense", "--data", "digits", "--seconds", "-1"], "--seconds is -1"),
        (["search", "digits_dense", "--data", "digits", "--dtype", "bf16"], "dtype is 'bf16'"),
        (["search", "digits_dense", "--data", "digits", "--dtype", "int8"], "dtype is 'int8'"),
        (["sample", "digits_dense", "--number", "-1"], "--number is -1"),
        (["show", "nowhere"], "holds no run"),
        (["show", "nowhere", "--top", "0"], "--top is 0"),
    ],
)
def test_errors_are_one_line_and_exit_with_2(
    capsys: pytest.CaptureFixture[str], space_file: str, arguments: list[str], message: str
) -> None:
    assert main([argument.replace("FILE", space_file) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("jarch: error: ")
    assert error.count("\n") == 1
    assert message in error
    assert not Path("runs").exists()


def test_a_file_that_cannot_be_imported(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "broken_space.py").write_text("1 / 0\n")
    assert main(["count", f"{tmp_path / 'broken_space.py'}:space"]) == 2
    error = capsys.readouterr().err
    assert "ZeroDivisionError: division by zero (broken_space.py, line 1)" in error


def test_a_space_that_nothing_of_the_data_fits_is_an_error(
    capsys: pytest.CaptureFixture[str], table: Path
) -> None:
    assert main(["search", "mobilenet", "--data", str(table)]) == 2
    assert "no architecture of mobilenet takes table: stem/conv: " in capsys.readouterr().err
    assert not Path("runs").exists()


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert re.fullmatch(r"jarch .+, jax \d.*\n", capsys.readouterr().out)


def test_wrong_usage_exits_with_2() -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["search"])
    assert exit_.value.code == 2


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


def test_counting_does_not_import_jax() -> None:
    code = (
        "import sys; from jarch.cli import main; main(['count', 'mobilenet']); "
        "assert not {'jax', 'flax', 'optax', 'orbax', 'sklearn'} & sys.modules.keys()"
    )
    done = _python("-c", code)
    assert done.stdout == "8640\n"
    assert done.stderr == ""


def test_a_reader_that_has_seen_enough_ends_it_quietly() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "jarch", "sample", "mobilenet", "--number", "2000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 0


@pytest.mark.slow
def test_an_interrupt_loses_nothing_and_resume_comes_to_the_same(space_file: str) -> None:
    arguments = ["search", f"{space_file}:space", "--data", "digits", "--seed", "7"]
    arguments += ["--evaluations", "5", "--epochs", "2", "--final-epochs", "3"]
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, *arguments, "--folder", "broken"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
        text=True,
    )
    _wait_for(Path("broken") / EVALUATIONS, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "--folder broken --resume" in out
    before = read_run(Path("broken"))
    assert before.evaluations
    assert before.results is None
    _python("-m", "jarch", *arguments, "--folder", "broken", "--resume")
    _python("-m", "jarch", *arguments, "--folder", "whole")
    broken, whole = read_run(Path("broken")), read_run(Path("whole"))
    assert broken.evaluations[: len(before.evaluations)] == before.evaluations
    assert broken.evaluations == whole.evaluations
    assert broken.results == whole.results


def test_any_searcher_can_be_chosen_and_is_checked_on_resume(
    capsys: pytest.CaptureFixture[str], space_file: str
) -> None:
    evolving = ["--searcher", "evolution", "--searcher-args", "population=2", "sample=1"]
    assert search(f"{space_file}:space", *evolving) == 0
    stored = read_run(Path("run")).settings["searcher"]
    assert (stored["name"], stored["population"], stored["sample"]) == ("evolution", 2, 1)
    assert (stored["objective"], stored["maximize"]) == ("accuracy", True)
    assert search(f"{space_file}:space", *evolving, "--resume", evaluations=4) == 0
    assert len(read_run(Path("run")).evaluations) == 4
    capsys.readouterr()
    assert search(f"{space_file}:space", "--searcher", "mcts", "--resume") == 2
    assert "began with searcher = " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("searcher", "surrogate", "options", "more"),
    [
        ("smbo", "forest", {"trees": 5, "encoder": "path"}, ["optimizer=mcts"]),
        pytest.param(
            "npenas", "ridge", {"encoder": ["hashing", "ngram"]}, [], marks=pytest.mark.slow
        ),
        pytest.param(
            "bananas",
            "gp-wl",
            {"radii": (1,)},
            ["acquisition=probability_of_improvement"],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_surrogates_are_exchanged_by_name(
    space_file: str, searcher: str, surrogate: str, options: dict[str, Any], more: list[str]
) -> None:
    given = [f"surrogate={surrogate}", f"surrogate_options={options}", "initial=2", *more]
    assert search(f"{space_file}:space", "--searcher", searcher, "--searcher-args", *given) == 0
    stored = read_run(Path("run")).settings["searcher"]
    assert stored["surrogate"] == surrogate
    assert stored["surrogate_options"] == json.loads(json.dumps(options))
    assert all(stored[text.partition("=")[0]] == text.partition("=")[2] for text in more)


def test_a_wrong_surrogate_is_told_before_anything_is_trained(
    capsys: pytest.CaptureFixture[str], space_file: str
) -> None:
    for text, message in (
        ("surrogate=best", "surrogate 'best' is none of ridge"),
        ("surrogate_options={'layers': 2}", "surrogate ridge has no option layers"),
        ("surrogate_options={'encoder': 'walk'}", "encoder 'walk' is none of adjacency"),
    ):
        options = ["--searcher", "smbo", "--searcher-args", text]
        assert search(f"{space_file}:space", *options) == 2
        assert message in capsys.readouterr().err
        assert not Path("run").exists()


@pytest.mark.parametrize("searcher", ["hyperband", pytest.param("asha", marks=pytest.mark.slow)])
def test_rungs_of_epochs_come_to_the_same_when_resumed(
    searcher: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--searcher", searcher, "--searcher-args", "eta=2", "--epochs", "2"]
    assert search("digits_dense", *options, folder="whole", evaluations=6) == 0
    assert "1 epochs" in capsys.readouterr().out
    assert search("digits_dense", *options, folder="part", evaluations=3) == 0
    assert search("digits_dense", *options, "--resume", folder="part", evaluations=6) == 0
    whole, part = read_run(Path("whole")), read_run(Path("part"))
    assert part.evaluations == whole.evaluations
    assert part.results == whole.results
    assert {e.fidelity for e in whole.evaluations} == {1, 2}
    trials = Counter(e.trial for e in whole.evaluations)
    assert 2 in trials.values()
    assert search("digits_dense", *options[:3], "maximum=3", "--epochs", "2") == 2
    assert "say it by --epochs alone" in capsys.readouterr().err


def test_trainings_end_by_their_curves(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--extrapolate", "--epochs", "5"]
    assert search("digits_dense", *options, folder="whole", evaluations=2) == 0
    assert read_run(Path("whole")).settings["extrapolate"] is True
    assert search("digits_dense", *options, folder="part", evaluations=1) == 0
    assert search("digits_dense", *options, "--resume", folder="part", evaluations=2) == 0
    assert read_run(Path("part")).evaluations == read_run(Path("whole")).evaluations
    capsys.readouterr()
    assert search("digits_dense", *options, "--objective", "parameters") == 2
    assert "needs an objective of training; parameters is a cost" in capsys.readouterr().err
    assert search("digits_dense", *options, "--objectives", "accuracy", "parameters") == 2
    assert "goes by one objective" in capsys.readouterr().err


def test_a_pruner_of_optuna_goes_by_the_epochs(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("optuna")
    options = ["--searcher", "optuna", "--searcher-args", "pruner=median", "eta=2"]
    assert search("digits_dense", *options, "--epochs", "2", evaluations=4) == 0
    assert {e.fidelity for e in read_run(Path("run")).evaluations} == {1, 2}


def test_wrong_searcher_arguments_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, told in (
        (["--searcher", "local", "--searcher-args", "population=2"], "no option population"),
        (["--searcher", "local", "--searcher-args", "initial"], "write it as name=value"),
        (["--searcher", "local", "--uniform"], "no option uniform"),
        (["--max-parameters", "3"], "no architecture is valid and allowed"),
    ):
        assert search("digits_dense", *arguments) == 2
        assert told in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("searcher", SEARCHERS)
def test_each_searcher_on_small_convolutional_networks(searcher: str) -> None:
    assert search("digits_conv", "--searcher", searcher, evaluations=10) == 0
    run = read_run(Path("run"))
    assert run.settings["searcher"]["name"] == searcher
    assert len({(e.fingerprint, e.fidelity) for e in run.evaluations}) == 10
    assert all(e.status == "ok" for e in run.evaluations)


def test_the_snippet_finds_operations_of_ones_own(tmp_path: Path) -> None:
    own = "@nn.op\ndef twice(x):\n    return 2 * x\n\n\n"
    own += "def own():\n    return ja.sequential(nn.flatten, twice(), nn.dense(10))\n"
    (tmp_path / "own_ops.py").write_text(SPACE + "\n\n" + own)
    assert search(f"{tmp_path / 'own_ops.py'}:own", evaluations=1) == 0
    assert _python("run/predict.py").stdout.startswith("[")


def test_the_snippet_finds_data_of_ones_own_from_any_folder(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert search("digits_dense", data=table.name, evaluations=1) == 0
    snippet = Path("run/predict.py").absolute()
    monkeypatch.chdir("/")
    assert _python(str(snippet)).stdout.startswith("[")


@pytest.mark.slow
def test_the_snippet_of_a_run_predicts_in_a_process_of_its_own() -> None:
    options = ["--evaluations", "2", "--epochs", "2", "--final-epochs", "5"]
    _python("-m", "jarch", "search", "digits_dense", "--data", "digits", *options)
    predicted = _python("runs/digits_dense-digits-0/predict.py").stdout
    labels = np.array(predicted.replace("[", " ").replace("]", " ").split())
    assert "..." in labels or len(labels) == 359


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_the_main_job(seed: int) -> None:
    """A search over MobileNets on digits reaches 95 % on the test split."""
    arguments = ["search", "mobilenet", "--data", "digits", "--seed", str(seed)]
    _python("-m", "jarch", *arguments, "--seconds", "600", "--folder", "run")
    results = json.loads(Path("run/results.json").read_text())
    assert results["stopped"] == "evaluations"
    assert results["test"]["accuracy"] >= 0.95


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=_environment(),
    )
    assert done.returncode == 0, done.stderr
    return done


def _wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    while not path.exists() or not path.stat().st_size:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
