"""What searchers take: that all can be measured, and timings by pytest-benchmark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

import jarch as ja
from jarch.search import SEARCHERS, make_searcher

from .core import markdown_table
from .searchers import GOALS, accuracy, compare_with_sample, figures, main, measure
from .spaces import choices

Benchmark: TypeAlias = Any  # the annotations of pytest-benchmark are partial


@pytest.mark.parametrize("name", SEARCHERS)
def test_every_searcher_can_be_measured(name: str) -> None:
    pair = compare_with_sample(name, observations=20)
    assert min(pair.first.best, pair.second.best, pair.ratio) > 0


def test_what_is_measured_is_what_is_shown() -> None:
    values = measure(("random", "mcts"), lambda line: None, observations=20)
    shown = figures(("random", "mcts"))
    assert list(values) == list(shown)
    assert "≥ 1290" in markdown_table(values, shown)
    assert shown["mcts_samples_a_second"].goal.reached(1289) is False
    assert shown["mcts_ms"].goal == GOALS["mcts"]


def test_the_command_writes_numbers_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main("random", tmp_path / "figures.json", markdown=True)
    values = json.loads((tmp_path / "figures.json").read_text())
    assert set(values) == {"random_ms", "random_vs_sample"}
    assert "| `random_ms` |" in capsys.readouterr().out


def test_the_space_of_choices_has_no_equal_architectures() -> None:
    found = {ja.fingerprint(a) for a in ja.enumerate_architectures(ja.trace(lambda: choices(3)))}
    assert len(found) == 64


def test_scores_differ_by_decision() -> None:
    space = ja.trace(lambda: choices(3))
    scores = [accuracy(a) for a in ja.enumerate_architectures(space)]
    assert len(set(scores)) == 64
    assert 0 <= min(scores) < max(scores) <= 1


@pytest.mark.parametrize("name", ["random", "evolution", "local", "mcts"])
def test_ask_and_tell(benchmark: Benchmark, name: str) -> None:
    searcher = make_searcher(name, ja.trace(ja.spaces.nasbench201_cell))
    rng = np.random.default_rng(0)

    def step() -> None:
        suggestion = searcher.ask(rng)
        searcher.tell(suggestion, {"accuracy": accuracy(suggestion.architecture)})

    benchmark.pedantic(step, rounds=200)
