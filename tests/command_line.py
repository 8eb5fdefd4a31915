"""Spaces, data and searches that the tests of the command line share."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import jarch as ja
from jarch.cli import main

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


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    return done


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    while not path.exists() or not path.stat().st_size:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
