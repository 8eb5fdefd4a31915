"""The command line: what it prints, and how it fails."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import jarch as ja
from jarch.cli import main

from .command_line import (
    SPACE,
    environment,
    in_an_empty_folder as in_an_empty_folder,
    run_python,
    space_file as space_file,
    table as table,
)


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


def test_counting_does_not_import_jax() -> None:
    code = (
        "import sys; from jarch.cli import main; main(['count', 'mobilenet']); "
        "assert not {'jax', 'flax', 'optax', 'orbax', 'sklearn'} & sys.modules.keys()"
    )
    done = run_python("-c", code)
    assert done.stdout == "8640\n"
    assert done.stderr == ""


def test_a_reader_that_has_seen_enough_ends_it_quietly() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "jarch", "sample", "mobilenet", "--number", "2000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 0
