"""Searchers of several fidelities: rungs and brackets by their papers, and what comes late."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.search import SearchError, Suggestion, WithFidelity, run_search
from jarch.search.multi_fidelity import (
    AshaConfig,
    AshaSearcher,
    HyperbandConfig,
    HyperbandSearcher,
    brackets,
    levels,
)
from jarch.testing import check_searcher

pytestmark = pytest.mark.unverified

SPACE = ja.trace(lambda: nn.dense(ja.Integer(1, 10_000, name="width")))


def width(suggestion: Suggestion) -> float:
    value = suggestion.architecture.values[-1]
    assert isinstance(value, int)
    return value


def score(architecture: ja.Architecture, seed: int, fidelity: int) -> Mapping[str, Any]:
    """Wider is better, and so is longer."""
    return {"accuracy": architecture.values[-1], "loss": -(architecture.values[-1] or 0)}  # type: ignore[operator]


EVALUATE = WithFidelity(score, full=9)


def test_the_brackets_of_the_papers_example() -> None:
    sizes = {bracket[0]: tuple(n for n, _ in bracket) for bracket in brackets(81, 3)}
    assert sizes == {
        (81, 1): (81, 27, 9, 3, 1),
        (34, 3): (34, 11, 3, 1),
        (15, 9): (15, 5, 1),
        (8, 27): (8, 2),
        (5, 81): (5,),
    }
    for bracket in brackets(81, 3):
        assert [r for _, r in bracket] == [1, 3, 9, 27, 81][-len(bracket) :]


def test_rungs_are_counted_from_the_top() -> None:
    assert levels(8, 3) == (3, 8)
    assert levels(100, 4, 5) == (6, 25, 100)
    assert levels(1, 3) == (1,)


def test_numbers_out_of_range_are_told() -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"maximum": 0}, "maximum is 0; use at least 1"),
        ({"minimum": 0}, "minimum is 0; use at least 1"),
        ({"maximum": 3, "minimum": 5}, "maximum is 3; use at least 5"),
        ({"eta": 1}, "eta is 1; use at least 2"),
    ]
    for config, message in wrong:
        for kind in (AshaConfig, HyperbandConfig):
            with pytest.raises(SearchError, match=message):
                kind(**config)


@pytest.mark.parametrize("halving", [False, True])
def test_hyperband_keeps_its_promises(halving: bool) -> None:
    def make(space: ja.Space, objective: ja.Objective, constraint: Any) -> HyperbandSearcher:
        config = HyperbandConfig(maximum=4, eta=2, halving=halving)
        return HyperbandSearcher(space, config, objective=objective, constraint=constraint)

    check_searcher(make)


def test_asha_keeps_its_promises() -> None:
    def make(space: ja.Space, objective: ja.Objective, constraint: Any) -> AshaSearcher:
        config = AshaConfig(maximum=4, eta=2)
        return AshaSearcher(space, config, objective=objective, constraint=constraint)

    check_searcher(make)


def test_hyperband_promotes_the_best_of_each_rung() -> None:
    searcher = HyperbandSearcher(SPACE, HyperbandConfig(maximum=9))
    result = run_search(searcher, EVALUATE, 13)
    by_fidelity = {f: [e for e in result.evaluations if e.fidelity == f] for f in (1, 3, 9)}
    assert {f: len(found) for f, found in by_fidelity.items()} == {1: 9, 3: 3, 9: 1}
    ranked = sorted(by_fidelity[1], key=lambda e: e.metrics["accuracy"] or 0, reverse=True)
    assert [e.trial for e in by_fidelity[3]] == [e.trial for e in ranked[:3]]
    assert result.best == by_fidelity[9][0]
    assert by_fidelity[9][0].trial == ranked[0].trial


def test_successive_halving_runs_one_kind_of_bracket_again() -> None:
    searcher = HyperbandSearcher(SPACE, HyperbandConfig(maximum=9, halving=True))
    result = run_search(searcher, EVALUATE, 26)
    assert Counter(e.fidelity for e in result.evaluations) == {1: 18, 3: 6, 9: 2}


def test_less_is_better_when_asked() -> None:
    for kind in (
        HyperbandSearcher(SPACE, HyperbandConfig(9), objective=ja.Objective("loss", False)),
        AshaSearcher(SPACE, AshaConfig(9, eta=3), objective=ja.Objective("loss", False)),
    ):
        result = run_search(kind, EVALUATE, 13, objective="loss", maximize=False)
        assert result.best is not None
        assert result.best.fidelity == 9
        assert result.best.metrics["loss"] == min(
            e.metrics["loss"] or 0 for e in result.evaluations
        )


def test_a_result_that_never_comes_holds_up_its_bracket_only() -> None:
    searcher, rng = HyperbandSearcher(SPACE, HyperbandConfig(maximum=9)), np.random.default_rng(0)
    lost = searcher.ask(rng)
    fidelities: list[int | None] = []
    for _ in range(40):
        suggestion = searcher.ask(rng)
        assert suggestion.trial != lost.trial
        fidelities.append(suggestion.fidelity)
        searcher.tell(suggestion, {"accuracy": width(suggestion)})
    assert fidelities[:13] == [1] * 8 + [3] * 5  # the next bracket begins, as this one waits
    assert 9 in fidelities
    searcher.tell(lost, {"accuracy": 1e9})  # late, but not too late
    assert searcher.ask(rng).trial == lost.trial


def test_failures_do_not_go_on() -> None:
    searcher, rng = HyperbandSearcher(SPACE, HyperbandConfig(maximum=9)), np.random.default_rng(0)
    begun = [searcher.ask(rng) for _ in range(9)]
    for place, suggestion in enumerate(begun):
        searcher.tell(suggestion, {"accuracy": place} if place < 2 else None)
    assert [searcher.ask(rng).trial for _ in range(2)] == [begun[1].trial, begun[0].trial]
    assert searcher.ask(rng).trial == 9


def test_asha_promotes_without_waiting() -> None:
    searcher, rng = AshaSearcher(SPACE, AshaConfig(maximum=9, eta=3)), np.random.default_rng(0)
    begun = [searcher.ask(rng) for _ in range(5)]
    assert {s.fidelity for s in begun} == {1}
    for suggestion in begun[:2]:
        searcher.tell(suggestion, {"accuracy": width(suggestion)})
    assert searcher.ask(rng).fidelity == 1  # two are back: the best third is nobody
    searcher.tell(begun[2], {"accuracy": width(begun[2])})
    promoted = searcher.ask(rng)
    assert promoted.fidelity == 3
    assert promoted.trial == max(begun[:3], key=width).trial
    assert searcher.ask(rng).fidelity == 1


def test_asha_counts_failures_in_a_rung_but_never_promotes_them() -> None:
    searcher, rng = AshaSearcher(SPACE, AshaConfig(maximum=9, eta=3)), np.random.default_rng(0)
    begun = [searcher.ask(rng) for _ in range(6)]
    for suggestion in begun[:5]:
        searcher.tell(suggestion, None)
    assert searcher.ask(rng).fidelity == 1
    searcher.tell(begun[5], {"accuracy": 1.0})
    assert searcher.ask(rng).trial == begun[5].trial
    assert searcher.ask(rng).fidelity == 1


def test_a_result_told_twice_counts_once() -> None:
    for searcher in (
        AshaSearcher(SPACE, AshaConfig(maximum=9, eta=3)),
        HyperbandSearcher(SPACE, HyperbandConfig(maximum=9)),
    ):
        first = searcher.ask(np.random.default_rng(0))
        searcher.tell(first, {"accuracy": 1.0})
        before = searcher.state()
        searcher.tell(first, {"accuracy": 2.0})
        assert searcher.state() == before
        second = searcher.ask(np.random.default_rng(1))
        searcher.tell(second, None)
        before = searcher.state()
        searcher.tell(second, None)
        assert searcher.state() == before


def test_what_may_go_on_is_listed_the_best_first() -> None:
    for searcher in (
        AshaSearcher(SPACE, AshaConfig(maximum=9, eta=3)),
        HyperbandSearcher(SPACE, HyperbandConfig(maximum=9)),
    ):
        rng = np.random.default_rng(0)
        begun = [searcher.ask(rng) for _ in range(3)]
        for suggestion in begun:
            searcher.tell(suggestion, {"accuracy": width(suggestion)})
        ranked = sorted(begun, key=width, reverse=True)
        assert list(searcher.ongoing()) == [s.trial for s in ranked]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["asha", "hyperband"])
def test_candidates_of_digits_go_on_from_their_checkpoints(name: str) -> None:
    space, data = ja.trace(ja.spaces.digits_conv), ja.load_data("digits", limit=400)
    searcher: AshaSearcher | HyperbandSearcher = (
        AshaSearcher(space, AshaConfig(maximum=4, eta=2))
        if name == "asha"
        else HyperbandSearcher(space, HyperbandConfig(maximum=4, eta=2))
    )
    epochs: list[int] = []
    evaluate = ja.TrainingEvaluator(
        data, ja.TrainConfig(epochs=4), lambda report: epochs.append(report.epoch)
    )
    result = run_search(searcher, evaluate, 10)
    assert not result.failed
    thorough: dict[int | None, int] = {}
    for each in result.evaluations:
        thorough[each.trial] = max(thorough.get(each.trial, 0), each.fidelity or 0)
    assert len(epochs) == sum(thorough.values())  # no epoch was trained twice
    assert result.best is not None
    assert result.best.fidelity == max(thorough.values())
