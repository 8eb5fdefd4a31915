"""Searchers of several fidelities: rungs and brackets by their papers, and what comes late."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.search import (
    FidelitySearcher,
    SearchError,
    Suggestion,
    WithFidelity,
    make_searcher,
    run_search,
)
from jarch.search.multi_fidelity import (
    AshaConfig,
    AshaSearcher,
    AsyncHyperbandConfig,
    AsyncHyperbandSearcher,
    HyperbandConfig,
    HyperbandSearcher,
    SuccessiveHalvingConfig,
    SuccessiveHalvingSearcher,
    SuccessiveNarrowingConfig,
    SuccessiveNarrowingSearcher,
    brackets,
    levels,
)

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
        kinds: list[Callable[..., object]] = [
            AshaConfig,
            AsyncHyperbandConfig,
            HyperbandConfig,
            SuccessiveHalvingConfig,
        ]
        for kind in kinds:
            with pytest.raises(SearchError, match=message):
                kind(**config)


def test_hyperband_promotes_the_best_of_each_rung() -> None:
    searcher = HyperbandSearcher(SPACE, HyperbandConfig(maximum=9))
    result = run_search(searcher, EVALUATE, 13)
    by_fidelity = {f: [e for e in result.evaluations if e.fidelity == f] for f in (1, 3, 9)}
    assert {f: len(found) for f, found in by_fidelity.items()} == {1: 9, 3: 3, 9: 1}
    ranked = sorted(by_fidelity[1], key=lambda e: e.metrics["accuracy"] or 0, reverse=True)
    assert [e.trial for e in by_fidelity[3]] == [e.trial for e in ranked[:3]]
    assert result.best == by_fidelity[9][0]
    assert by_fidelity[9][0].trial == ranked[0].trial


def test_a_result_that_is_overdue_is_not_waited_for() -> None:
    config = HyperbandConfig(maximum=9, overdue=12)
    searcher, rng = HyperbandSearcher(SPACE, config), np.random.default_rng(0)
    lost = searcher.ask(rng)
    others = [searcher.ask(rng) for _ in range(8)]
    for suggestion in others:
        searcher.tell(suggestion, {"accuracy": width(suggestion)})
    begun = [searcher.ask(rng) for _ in range(4)]  # of the next bracket, as 8 are not yet 12
    assert {s.fidelity for s in begun} == {3}
    for suggestion in begun:
        searcher.tell(suggestion, {"accuracy": width(suggestion)})
    best = sorted(others, key=width, reverse=True)[:3]
    assert [searcher.ask(rng).trial for _ in range(3)] == [s.trial for s in best]
    before = searcher.state()
    searcher.tell(lost, {"accuracy": 1e9})  # too late
    assert searcher.state() == before
    with pytest.raises(SearchError, match="overdue is 0; use at least 1"):
        HyperbandConfig(overdue=0)


# Successive halving


def test_successive_halving_runs_one_kind_of_bracket_again() -> None:
    searcher = SuccessiveHalvingSearcher(SPACE, SuccessiveHalvingConfig(maximum=9))
    result = run_search(searcher, EVALUATE, 26)
    assert Counter(e.fidelity for e in result.evaluations) == {1: 18, 3: 6, 9: 2}


def test_the_candidates_of_successive_halving_can_be_given() -> None:
    assert SuccessiveHalvingConfig(20, maximum=9).plan() == (((20, 1), (6, 3), (2, 9)),)
    assert SuccessiveHalvingConfig(6, maximum=9, minimum=3).plan() == (((6, 3), (2, 9)),)
    with pytest.raises(SearchError, match="candidates is 8; use at least 9"):
        SuccessiveHalvingConfig(8, maximum=9)


# Successive narrowing


def test_rounds_of_narrowing_by_the_original() -> None:
    """`run_successive_narrowing` with 20 samples, budget 2, half of them kept, twice the budget."""
    config = SuccessiveNarrowingConfig(candidates=20, maximum=16, rounds=4)
    assert config.plan() == (((20, 2), (10, 4), (5, 8), (2, 16)),)
    config = SuccessiveNarrowingConfig(candidates=10, maximum=9, kept=0.35, growth=3)
    assert config.plan() == (((10, 1), (3, 3), (1, 9)),)
    assert SuccessiveNarrowingConfig(candidates=2, maximum=64).plan() == (((2, 32), (1, 64)),)


def test_narrowing_keeps_the_best_part() -> None:
    config = SuccessiveNarrowingConfig(candidates=8, maximum=4)
    result = run_search(SuccessiveNarrowingSearcher(SPACE, config), EVALUATE, 28)
    assert [e.fidelity for e in result.evaluations[:14]] == [1] * 8 + [2] * 4 + [4] * 2
    first = sorted(result.evaluations[:8], key=lambda e: e.metrics["accuracy"] or 0, reverse=True)
    assert [e.trial for e in result.evaluations[8:12]] == [e.trial for e in first[:4]]
    assert [e.trial for e in result.evaluations[12:14]] == [e.trial for e in first[:2]]
    assert [e.fidelity for e in result.evaluations[14:]] == [1] * 8 + [2] * 4 + [4] * 2  # anew


def test_wrong_rounds_of_narrowing_say_what_is_right() -> None:
    every: list[tuple[dict[str, Any], str]] = [
        ({"rounds": 5}, "rounds is 5, but 16 candidates and a budget of 8"),
        ({"candidates": 3, "rounds": 3}, "do not suffice for so many"),
        ({"rounds": 0}, "rounds is 0; use at least 1"),
        ({"kept": 1.0}, r"kept is 1\.0; use a part"),
        ({"growth": 1.0}, r"growth is 1\.0; use more than 1"),
    ]
    for wrong, message in every:
        with pytest.raises(SearchError, match=message):
            SuccessiveNarrowingConfig(**wrong)


# Hyperband and ASHA


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


def test_asha_promotes_all_that_have_come_to_be_the_best() -> None:
    """Of six, the best two; of twelve, four: those that came first need not be among them."""
    searcher, rng = AshaSearcher(SPACE, AshaConfig(maximum=3, eta=3)), np.random.default_rng(0)
    begun = [searcher.ask(rng) for _ in range(12)]
    for score, suggestion in enumerate(begun[:6]):
        searcher.tell(suggestion, {"accuracy": score})
    assert [searcher.ask(rng).trial for _ in range(2)] == [begun[5].trial, begun[4].trial]
    for score, suggestion in enumerate(begun[6:]):
        searcher.tell(suggestion, {"accuracy": 6 + score})
    assert [searcher.ask(rng).trial for _ in range(5)] == [11, 10, 9, 8, 12]


def test_brackets_of_asynchronous_hyperband_take_turns_by_hand() -> None:
    """As long as nothing comes back, a turn ends when what is asked has cost what Hyperband's does.

    With 9 and eta=3 that is 9 * 1 + 3 * (3 - 1) + 1 * (9 - 3) = 21, then 5 * 3 + 1 * 6 = 21, then
    3 * 9 = 27: 21 candidates for 1, 7 for 3, 3 for 9.
    """
    config = AsyncHyperbandConfig(maximum=9, eta=3)
    searcher, rng = AsyncHyperbandSearcher(SPACE, config), np.random.default_rng(0)
    fidelities = [searcher.ask(rng).fidelity for _ in range(32)]
    assert fidelities == [1] * 21 + [3] * 7 + [9] * 3 + [1]


def test_asynchronous_hyperband_promotes_within_a_bracket() -> None:
    config = AsyncHyperbandConfig(maximum=9, eta=3)
    searcher, rng = AsyncHyperbandSearcher(SPACE, config), np.random.default_rng(0)
    begun = [searcher.ask(rng) for _ in range(24)]  # three of them of the second bracket
    for suggestion in begun[:3]:
        searcher.tell(suggestion, {"accuracy": width(suggestion)})
    assert searcher.ask(rng).trial == 24  # one of the first may go on, but it is the second's turn
    for suggestion in begun[21:]:
        searcher.tell(suggestion, {"accuracy": width(suggestion)})
    promoted = searcher.ask(rng)
    assert (promoted.fidelity, promoted.trial) == (9, max(begun[21:], key=width).trial)
    first = max(begun[:3], key=width).trial
    assert searcher.ongoing()[-3:][0] == first
    while searcher.ask(rng).fidelity != 9:
        pass
    turns = [searcher.ask(rng) for _ in range(3)]  # two more from the third bracket, then the first
    assert (turns[-1].fidelity, turns[-1].trial) == (3, first)


def test_brackets_of_asynchronous_hyperband_can_be_drawn() -> None:
    config = AsyncHyperbandConfig(maximum=9, eta=3, sampled=True)
    searcher, rng = AsyncHyperbandSearcher(SPACE, config), np.random.default_rng(0)
    found = Counter(searcher.ask(rng).fidelity for _ in range(1700))
    for fidelity, expected in ((1, 900), (3, 500), (9, 300)):
        assert abs(found[fidelity] - expected) < 90


@pytest.mark.parametrize(
    "name",
    [
        "asha",
        "async_hyperband",
        "bohb",
        "hyperband",
        "mo_asha",
        "successive_halving",
        "successive_narrowing",
    ],
)
def test_searchers_of_several_fidelities_say_which_trials_go_on(name: str) -> None:
    """No trial is suggested again that the evaluator was told to forget."""
    searcher, rng = make_searcher(name, SPACE, {"maximum": 8}), np.random.default_rng(0)
    assert isinstance(searcher, FidelitySearcher)
    kept, begun = set[int](), set[int]()
    for _ in range(120):
        suggestion = searcher.ask(rng)
        assert suggestion.trial is not None
        assert suggestion.trial in kept or suggestion.trial not in begun
        begun.add(suggestion.trial)
        searcher.tell(suggestion, {"accuracy": width(suggestion)})
        kept = set(searcher.ongoing())


def test_a_result_told_twice_counts_once() -> None:
    for searcher in (
        AshaSearcher(SPACE, AshaConfig(maximum=9, eta=3)),
        AsyncHyperbandSearcher(SPACE, AsyncHyperbandConfig(maximum=9, eta=3)),
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
@pytest.mark.parametrize("name", ["asha", "async_hyperband", "bohb", "hyperband", "mo_asha"])
def test_candidates_of_digits_go_on_from_their_checkpoints(name: str) -> None:
    space, data = ja.trace(ja.spaces.digits_conv), ja.load_data("digits", limit=400)
    searcher = make_searcher(name, space, {"maximum": 4, "eta": 2})
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
