"""Several suggestions evaluated at a time."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import jarch as ja
from jarch import nn
from jarch.search import SearchError, run_search


class Widths:
    """Scores by width, and notes how many it was given at a time."""

    def __init__(self, fails: bool = False) -> None:
        self.given: list[int] = []
        self.fails = fails

    def __call__(self, architecture: ja.Architecture, seed: int) -> Mapping[str, float]:
        width = dict(architecture.decisions)["width"]
        assert isinstance(width, int)
        if width == 16:
            raise ValueError("too narrow")
        return {"accuracy": width / 128, "seed": seed}

    def together(
        self, architectures: Sequence[ja.Architecture], seeds: Sequence[int]
    ) -> list[Mapping[str, float] | Exception]:
        self.given.append(len(architectures))
        if self.fails:
            raise RuntimeError("of one of them")
        found: list[Mapping[str, float] | Exception] = []
        for architecture, seed in zip(architectures, seeds, strict=True):
            try:
                found.append(self(architecture, seed))
            except ValueError as error:
                found.append(error)
        return found


def search(evaluate: object, together: int, folder: Path | None = None, **more: object) -> object:
    searcher = ja.make_searcher("random", ja.trace(ja.spaces.digits_dense))
    return run_search(searcher, evaluate, 10, together=together, folder=folder, **more)  # type: ignore[arg-type]


def test_what_is_drawn_at_random_does_not_depend_on_how_many_at_a_time() -> None:
    alone, evaluate = search(Widths(), 1), Widths()
    assert search(evaluate, 4) == alone
    assert evaluate.given == [4, 4, 2]
    failed = Widths(fails=True)
    assert search(failed, 4) == alone
    assert failed.given == [4, 4, 2]


def test_a_searcher_is_told_once_all_are_done() -> None:
    events: list[str] = []

    class Noted(ja.RandomSearcher):
        def ask(self, rng):  # type: ignore[no-untyped-def]
            events.append("ask")
            return ja.RandomSearcher.ask(self, rng)

        def tell(self, suggestion, metrics):  # type: ignore[no-untyped-def]
            events.append("tell" if metrics else "fail")

    class Evaluate(Widths):
        def together(self, architectures, seeds):  # type: ignore[no-untyped-def]
            events.append("evaluate")
            return Widths.together(self, architectures, seeds)

    run_search(Noted(ja.trace(ja.spaces.digits_dense)), Evaluate(), 4, together=2)
    told = [event if event != "fail" else "tell" for event in events]
    assert told == ["ask", "ask", "evaluate", "tell", "tell"] * 2


def test_a_search_goes_on_within_those_that_were_asked_together(tmp_path: Path) -> None:
    whole = search(Widths(), 4, tmp_path / "whole")
    lines = (tmp_path / "whole" / "evaluations.jsonl").read_text().splitlines(keepends=True)
    search(Widths(), 4, tmp_path / "part")
    (tmp_path / "part" / "evaluations.jsonl").write_text("".join(lines[:6]))
    evaluate = Widths()
    assert search(evaluate, 4, tmp_path / "part", resume=True) == whole
    assert evaluate.given == [2, 2]
    with pytest.raises(ja.RunError, match="together"):
        search(Widths(), 2, tmp_path / "part", resume=True)


def test_a_space_is_searched_to_its_end() -> None:
    space = ja.trace(lambda: nn.dense(ja.Discrete([8, 16, 32, 64, 128], name="width")))
    evaluate = Widths()
    found = run_search(ja.ExhaustiveSearcher(space), evaluate, 100, together=3)
    assert (len(found.evaluations), found.stopped, evaluate.given) == (5, "exhausted", [3, 2])


def test_what_cannot_be_evaluated_together_says_so() -> None:
    with pytest.raises(SearchError, match="evaluator has no method together"):
        search(lambda architecture, seed: {"accuracy": 0.0}, 2)  # pyright: ignore
    with pytest.raises(SearchError, match="together is 0"):
        search(Widths(), 0)
    hyperband = ja.make_searcher("hyperband", ja.trace(ja.spaces.digits_dense), {"maximum": 4})
    with pytest.raises(SearchError, match="one by one; leave out together"):
        run_search(hyperband, Widths(), 4, together=2)


def test_candidates_that_differ_in_numbers_are_a_population() -> None:
    def space() -> ja.Fragment:
        rate = ja.Discrete([0.1, 0.2, 0.3, 0.4], name="rate")
        return ja.sequential(nn.flatten, nn.dense(8), nn.relu, nn.dropout(rate), nn.dense(10))

    data = ja.load_data("digits", limit=150)
    config = ja.TrainConfig(epochs=1, optimizer="sgd", learning_rate=0.1)
    scores = [
        [
            evaluation.metrics["loss"]
            for evaluation in ja.random_search(
                space, ja.TrainingEvaluator(data, config), 4, together=together
            ).evaluations
        ]
        for together in (1, 4)
    ]
    assert scores[1] == pytest.approx(scores[0], abs=1e-5)
