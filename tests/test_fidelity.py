"""Evaluations of several fidelities: how the loop makes, compares and records them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.runs import Evaluation, RunError, read_run
from jarch.search import (
    SearchError,
    SearchResult,
    Suggestion,
    WithFidelity,
    rank_evaluations,
    run_search,
)
from jarch.tabular import simulate

SPACE = ja.trace(lambda: nn.dense(ja.Discrete([1, 2, 3, 4], name="width")))


@dataclass
class Scripted:
    """Suggests given pairs of width and fidelity; a width is a trial."""

    script: Sequence[tuple[int, int]]
    told: list[tuple[int | None, Any]] = field(default_factory=list[tuple[int | None, Any]])

    def ask(self, rng: np.random.Generator) -> Suggestion:
        width, fidelity = self.script[len(self.told)]
        found = ja.replay(SPACE, [width])
        return Suggestion(found, ja.fingerprint(found), fidelity=fidelity, trial=width)

    def tell(self, suggestion: Suggestion, metrics: Mapping[str, float | None] | None) -> None:
        self.told.append((suggestion.trial, metrics))

    def options(self) -> Mapping[str, Any]:
        return {"name": "scripted"}

    def state(self) -> Mapping[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        raise NotImplementedError

    def ongoing(self) -> Sequence[int]:
        return [trial for trial, _ in self.told if trial is not None]


@dataclass
class Recording:
    """Scores fidelity badly and width well; notes what it is asked."""

    seeds: dict[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])
    retained: list[Sequence[int]] = field(default_factory=list[Sequence[int]])

    def __call__(self, architecture: ja.Architecture, seed: int) -> Mapping[str, float]:
        raise NotImplementedError

    def at(
        self, architecture: ja.Architecture, seed: int, fidelity: int, trial: int | None
    ) -> Mapping[str, float]:
        assert trial is not None
        self.seeds[trial, fidelity] = seed
        return {"accuracy": trial - fidelity}

    def retain(self, trials: Sequence[int]) -> None:
        self.retained.append(list(trials))


SCRIPT = [(1, 1), (2, 1), (3, 1), (3, 2), (2, 2), (4, 1)]


def test_the_best_is_the_best_of_the_highest_fidelity() -> None:
    bests: list[bool] = []
    result = run_search(
        Scripted(SCRIPT), Recording(), 6, on_evaluation=lambda _, best: bests.append(best)
    )
    assert bests == [True, True, True, True, False, False]
    assert result.best is not None
    assert (result.best.trial, result.best.fidelity, result.best.metrics) == (3, 2, {"accuracy": 1})
    assert result.ranked()[0] == result.best
    assert [(e.trial, e.fidelity) for e in result.ranked()] == [(3, 2), (2, 2), (4, 1), (1, 1)]


def test_in_full_is_more_than_any_fidelity() -> None:
    def evaluation(index: int, score: float, fidelity: int | None) -> Evaluation:
        return Evaluation(index, 0, (), "f", "ok", {"loss": score}, fidelity=fidelity)

    architecture = ja.replay(SPACE, [1])
    result = SearchResult("loss", maximize=False)
    for made in (evaluation(0, 0.1, 9), evaluation(1, 0.7, None), evaluation(2, 0.0, 99)):
        result = result.add(made, architecture)
    assert result.best == result.evaluations[1]
    ranked = rank_evaluations(result.evaluations, "loss", maximize=False)
    assert [e.index for e in ranked] == [1, 2, 0]


def test_evaluations_of_a_trial_have_one_seed() -> None:
    evaluate = Recording()
    run_search(Scripted(SCRIPT), evaluate, 6)
    assert evaluate.seeds[3, 1] == evaluate.seeds[3, 2]
    assert len(set(evaluate.seeds.values())) == 4


def test_the_evaluator_is_told_which_trials_to_keep() -> None:
    evaluate = Recording()
    run_search(Scripted(SCRIPT), evaluate, 3)
    assert evaluate.retained == [[1], [1, 2], [1, 2, 3]]


def test_fidelity_and_trial_are_written_down_and_checked_on_resume(tmp_path: Path) -> None:
    whole = run_search(Scripted(SCRIPT), Recording(), 6, folder=tmp_path / "whole")
    run_search(Scripted(SCRIPT), Recording(), 4, folder=tmp_path / "part")
    resumed = run_search(Scripted(SCRIPT), Recording(), 6, folder=tmp_path / "part", resume=True)
    assert resumed == whole
    assert read_run(tmp_path / "part").evaluations == whole.evaluations
    other = [(1, 1), (2, 2), *SCRIPT[2:]]
    with pytest.raises(RunError, match="evaluation 1 of the run has fidelity 1, not 2"):
        run_search(Scripted(other), Recording(), 6, folder=tmp_path / "part", resume=True)


def test_a_line_of_an_older_run_has_no_fidelity() -> None:
    line = Evaluation(0, 1, (("width", 8),), "ab", "ok", {"accuracy": 0.5}).to_line()
    assert not {"fidelity", "trial"} & json.loads(line).keys()
    assert Evaluation.from_line(line).fidelity is None


def test_an_evaluator_without_fidelities_is_refused() -> None:
    def evaluate(architecture: ja.Architecture, seed: int) -> Mapping[str, float]:
        return {"accuracy": 1, "cost": 1}

    with pytest.raises(SearchError, match="which the evaluator does not offer; give one"):
        run_search(Scripted(SCRIPT), evaluate, 1)
    with pytest.raises(SearchError, match="which the evaluator does not offer; give one"):
        next(simulate(Scripted(SCRIPT), evaluate))


def test_a_function_of_the_fidelity_is_an_evaluator() -> None:
    def evaluate(architecture: ja.Architecture, seed: int, fidelity: int) -> Mapping[str, float]:
        return {"accuracy": fidelity}

    made = WithFidelity(evaluate, full=9)
    assert run_search(Scripted([(1, 4)]), made, 1).evaluations[0].metrics == {"accuracy": 4}
    assert made(ja.replay(SPACE, [1]), 0) == {"accuracy": 9}
