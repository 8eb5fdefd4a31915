"""Every example runs as it stands, from any folder, and writes only where it is told."""

from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
QUICK = {"own_searcher.py", "own_space.py"}
RUN = "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"

CHECKED = """
import runpy, sys
from jarch.testing import check_searcher

Annealing = runpy.run_path(sys.argv[1])["Annealing"]
check_searcher(Annealing, examples=3)
"""

names = [
    pytest.param(path.name, marks=() if path.name in QUICK else pytest.mark.slow)
    for path in sorted(EXAMPLES.glob("*.py"))
]


@pytest.mark.parametrize("name", names)
def test_an_example_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_python: Callable[..., str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_python(RUN, str(EXAMPLES / name))
    assert not list(tmp_path.iterdir())


def test_the_searcher_of_the_example_keeps_to_the_contract_and_beats_chance(
    run_python: Callable[..., str],
) -> None:
    told = run_python(CHECKED, str(EXAMPLES / "own_searcher.py"))
    mean = {line.split()[0]: float(line.split()[-1]) for line in told.splitlines()}
    assert mean["annealing"] > mean["random"]


def test_pictures_go_where_the_example_is_told(
    tmp_path: Path, run_python: Callable[..., str]
) -> None:
    run_python(RUN, str(EXAMPLES / "own_space.py"), str(tmp_path))
    assert {path.stem for path in tmp_path.iterdir()} == {"architecture", "space"}
