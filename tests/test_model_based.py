"""Searchers with a surrogate: rounds, candidates, what the surrogate is told, and when."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.ir import Architecture
from jarch.search import (
    Objective,
    RandomSearcher,
    Searcher,
    SearchError,
    SpaceExhausted,
)
from jarch.search.gate import Gate
from jarch.search.model_based import (
    BananasConfig,
    BananasSearcher,
    ModelBasedConfig,
    NasBowlConfig,
    NasBowlSearcher,
    NpenasConfig,
    NpenasSearcher,
    SmboConfig,
    SmboSearcher,
    mutation_pool,
    random_pool,
    tree_pool,
)
from jarch.surrogates import (
    FloatArray,
)

from .surrogate_spies import (
    WIDTHS,
    Spy,
    chain,
    differences,
    rng,
    score,
    spy as spy,
    total,
    width,
)

pytestmark = pytest.mark.unverified  # the transitions are verified elsewhere, on the same spaces

# Rounds


def test_random_architectures_come_first_until_results_are_back(spy: Spy) -> None:
    space = ja.trace(chain)
    searcher = SmboSearcher(space, SmboConfig(initial=4, epsilon=0.0), surrogate=spy)
    known = RandomSearcher(space)
    first, second = rng(), rng()
    out = [searcher.ask(first) for _ in range(9)]
    assert out == [known.ask(second) for _ in range(9)]
    for suggestion in out[:4]:
        assert not spy.fits
        searcher.tell(suggestion, {"accuracy": 0.5})
    searcher.ask(first)
    assert spy.fits[0][0] == [suggestion.architecture for suggestion in out[:4]]


def test_failures_do_not_count_as_results_to_begin_with(spy: Spy) -> None:
    searcher, generator = SmboSearcher(ja.trace(chain), SmboConfig(initial=1), surrogate=spy), rng()
    for _ in range(5):
        searcher.tell(searcher.ask(generator), None)
    searcher.ask(generator)
    assert not spy.fits


def test_a_batch_comes_from_one_fit_and_is_the_best_of_the_candidates(spy: Spy) -> None:
    config = BananasConfig(initial=5, batch=4, candidates=60)
    searcher, generator = BananasSearcher(ja.trace(chain), config, surrogate=spy), rng()
    begun = score(searcher, generator, 5)
    best = max(begun, key=total)
    batch = score(searcher, generator, 4)
    assert len(spy.fits) == 1
    assert [total(a) for a in batch] == sorted(map(total, batch), reverse=True)
    assert total(batch[0]) > total(best)
    score(searcher, generator)
    assert len(spy.fits) == 2
    assert len(spy.fits[1][0]) == 9


def test_the_surrogate_is_fitted_only_where_there_are_new_results(spy: Spy) -> None:
    config = SmboConfig(initial=3, epsilon=0.0, candidates=20, pending="ignore")
    searcher, generator = SmboSearcher(ja.trace(chain), config, surrogate=spy), rng()
    score(searcher, generator, 3)
    out = [searcher.ask(generator) for _ in range(5)]
    assert len(spy.fits) == 1
    searcher.tell(out[0], {"accuracy": 1.0})
    searcher.ask(generator)
    assert len(spy.fits) == 2


def test_a_restored_searcher_fits_as_the_last_round_did(spy: Spy) -> None:
    """The fit is random, from a seed in the state, and leaves out what came in after it."""
    spy.noise = 50.0
    space = ja.trace(chain)
    config = SmboConfig(initial=3, epsilon=0.0, candidates=20, pending="ignore")
    searcher, generator = SmboSearcher(space, config, surrogate=spy), rng()
    score(searcher, generator, 4)
    again = SmboSearcher(space, config, surrogate=spy)
    again.restore(json.loads(json.dumps(searcher.state())))
    assert again.fitted() == searcher.fitted()
    assert spy.fits[-1] == spy.fits[0]
    assert again.fitted() != SmboSearcher(space, config, surrogate=spy).fitted()
    assert score(again, rng(1), 5) == score(searcher, rng(1), 5)


def test_failures_have_the_worst_score(spy: Spy) -> None:
    objective = Objective("loss", maximize=False)
    config = SmboConfig(initial=2, epsilon=0.0, candidates=5)
    searcher, generator = (
        SmboSearcher(ja.trace(chain), config, objective=objective, surrogate=spy),
        rng(),
    )
    for result in (0.5, None, 0.75):
        metrics = None if result is None else {"loss": result}
        searcher.tell(searcher.ask(generator), metrics)
    searcher.ask(generator)
    assert spy.fits[-1][1] == [0.5, 0.75, 0.75]


@pytest.mark.parametrize(
    ("pending", "thought"), [("believe", None), ("worst", [1.0]), ("ignore", [])]
)
def test_what_is_out_is_thought_of(spy: Spy, pending: Any, thought: Sequence[float] | None) -> None:
    config = SmboConfig(initial=2, epsilon=0.0, candidates=30, pending=pending)
    searcher, generator = SmboSearcher(ja.trace(chain), config, surrogate=spy), rng()
    for result in (1.0, 2.0):
        searcher.tell(searcher.ask(generator), {"accuracy": result})
    out = searcher.ask(generator)
    searcher.ask(generator)
    assert spy.fits[0][1] == [1.0, 2.0]
    expected = [total(out.architecture)] if thought is None else list(thought)
    assert spy.fits[-1][1] == [1.0, 2.0, *expected]
    if expected:
        assert spy.fits[-1][0][2] == out.architecture
        searcher.tell(out, {"accuracy": 3.0})
        searcher.ask(generator)
        assert spy.fits[-2][1] == [1.0, 2.0, 3.0]


def test_what_is_overdue_is_taken_for_lost_but_may_come_late(spy: Spy) -> None:
    config = SmboConfig(initial=1, epsilon=0.0, candidates=30, pending="worst", overdue=2)
    searcher, generator = SmboSearcher(ja.trace(chain), config, surrogate=spy), rng()
    score(searcher, generator)
    lost = searcher.ask(generator)
    thought = list[int]()
    for _ in range(3):
        score(searcher, generator)
        fitted = spy.fits[-1][0]
        thought.append(fitted.count(lost.architecture))
        copied = SmboSearcher(ja.trace(chain), config, surrogate=spy)
        copied.restore(json.loads(json.dumps(searcher.state())))
        searcher = copied
    assert thought == [1, 1, 0]
    searcher.tell(lost, {"accuracy": 7.0})
    score(searcher, generator)
    assert spy.fits[-1][1][-1] == 7.0


def test_some_suggestions_are_random_whatever_the_surrogate_says(spy: Spy) -> None:
    def explored(epsilon: float) -> float:
        config = SmboConfig(initial=1, epsilon=epsilon, candidates=200)
        searcher, generator = SmboSearcher(ja.trace(chain), config, surrogate=spy), rng()
        return float(np.mean([total(a) for a in score(searcher, generator, 100)[1:]]))

    expected = 6 * np.mean(WIDTHS)
    assert explored(1.0) == pytest.approx(expected, rel=0.1)
    assert explored(0.0) > 1.5 * expected


# Candidates


def test_mutations_are_of_the_best_and_change_a_decision_on_average() -> None:
    space = ja.trace(chain)
    gate, parent = Gate(space), ja.replay(space, [16] * 6)
    pool = mutation_pool(gate, [parent], rng(), 200, attempts=200)
    apart = [differences(a, parent) for a in pool.values()]
    assert min(apart) == 1
    assert 1 < max(apart) <= 5
    assert not gate.seen
    few = mutation_pool(gate, [parent], rng(), 10, attempts=200)
    assert list(few.items()) == list(pool.items())[:10]
    rarely = mutation_pool(gate, [parent], rng(), 200, attempts=200, edits=1e-3)
    assert {differences(a, parent) for a in rarely.values()} == {1}


def test_other_parents_are_mutated_where_the_best_gives_too_little() -> None:
    space = ja.trace(chain)
    gate, generator = Gate(space), rng()
    first, second = ja.replay(space, [16] * 6), ja.replay(space, [64] * 6)
    pool = mutation_pool(gate, [first, second], generator, 100, attempts=30, edits=0.01)
    nearest = [differences(a, first) < differences(a, second) for a in pool.values()]
    assert nearest == sorted(nearest, reverse=True)
    assert not nearest[-1]
    assert len(pool) <= 2 * 18


def test_only_some_decisions_mutate(spy: Spy) -> None:
    space = ja.trace(chain)
    keys = sorted(h.key for h in space.open)[:2]
    searcher = NpenasSearcher(
        space, NpenasConfig(initial=1, parents=1), where=lambda h: h.key in keys, surrogate=spy
    )
    generator = rng()
    (first,) = score(searcher, generator)
    before = dict(first.decisions)
    for now in score(searcher, generator, 10):
        assert {key for key, value in now.decisions if value != before[key]} <= set(keys)


def test_a_space_without_choices_gives_no_mutations() -> None:
    space = ja.trace(lambda: nn.dense(ja.Discrete([8], name="width")))
    parent = ja.replay(space, [8])
    assert mutation_pool(Gate(space), [parent], rng(), 10, attempts=10) == {}


def test_rare_edits_change_one_decision() -> None:
    """A probability near 0, of which the condition that something changes is left."""
    space = ja.trace(ja.spaces.digits_dense)
    parent = ja.replay(space, [1, 16, "relu"])
    for child in mutation_pool(Gate(space), [parent], rng(), 3, attempts=9, edits=1e-7).values():
        assert sum(a != b for a, b in zip(child.values, parent.values, strict=True)) == 1


def test_pools_hold_what_is_new_and_allowed() -> None:
    def odd(architecture: Architecture) -> None:
        if total(architecture) % 2 == 0:
            raise ja.InvalidArchitecture("even")

    space = ja.trace(width)
    gate = Gate(space, odd)
    for value in (1, 3, 5):
        gate.admit(ja.replay, space, [value])
    parent = ja.replay(space, [7])
    pools = [
        random_pool(gate, rng(), 300),
        mutation_pool(gate, [parent], rng(), 300, attempts=300),
        tree_pool(gate, rng(), 300, lambda architectures: np.zeros(len(architectures))),
    ]
    for pool, left in zip(pools, (set(), {7}, set()), strict=True):
        found = {architecture.values[0] for architecture in pool.values()}
        assert found == set(range(7, 21, 2)) - left
        assert all(ja.fingerprint(a) == found for found, a in pool.items())
    assert gate.invalid > 300


def test_tree_search_finds_what_is_worth_more() -> None:
    space = ja.trace(chain)

    def worth(architectures: Sequence[Architecture]) -> FloatArray:
        return np.array([total(a) for a in architectures])

    def best(pool: Mapping[str, Architecture]) -> float:
        return max(map(total, pool.values()))

    trees = [best(tree_pool(Gate(space), rng(seed), 200, worth)) for seed in range(8)]
    random = [best(random_pool(Gate(space), rng(seed), 200)) for seed in range(8)]
    assert np.mean(trees) > np.mean(random) + 16


@pytest.mark.parametrize("optimizer", ["random", "mcts", "mutation"])
def test_every_optimizer_leads_to_the_top(spy: Spy, optimizer: Any) -> None:
    config = SmboConfig(
        initial=5, epsilon=0.0, candidates=100, optimizer=optimizer, acquisition="mean"
    )
    searcher, generator = SmboSearcher(ja.trace(chain), config, surrogate=spy), rng()
    assert max(total(a) for a in score(searcher, generator, 60)) >= 5 * 64


@pytest.mark.parametrize("mutated", [0.0, 0.5, 1.0])
def test_nasbowl_mixes_mutations_and_random_ones(spy: Spy, mutated: float) -> None:
    """With a surrogate that wants what is far away, mutations are never chosen if others are."""
    config = NasBowlConfig(initial=1, batch=1, mutated=mutated, candidates=100)
    searcher, generator = NasBowlSearcher(ja.trace(chain), config, surrogate=spy), rng()
    (first,) = score(searcher, generator)
    spy.function = lambda architecture: float(differences(architecture, first))
    (far,) = score(searcher, generator)
    assert (differences(far, first) == 6) == (mutated < 1.0)
    spy.function = lambda architecture: -float(differences(architecture, first))
    near = [differences(a, first) for a in score(searcher, generator, 10)]
    assert (max(near) == 1) == (mutated > 0.0)


def test_npenas_breeds_from_ten_and_bananas_from_one(spy: Spy) -> None:
    """Where the surrogate wants what differs from the best, NPENAS has others to choose from."""
    wide = range(1, 1001)  # so many that all mutations are new
    space = ja.trace(
        lambda: ja.sequential(*[nn.dense(ja.Discrete(wide, name="width")) for _ in range(6)])
    )

    def chosen(searcher: Searcher) -> float:
        generator = rng()
        begun = score(searcher, generator, 10)
        best = max(begun, key=total)
        spy.function = lambda architecture: float(differences(architecture, best))
        return float(np.mean([differences(a, best) for a in score(searcher, generator, 10)]))

    assert (
        chosen(NpenasSearcher(space, surrogate=spy))
        > chosen(BananasSearcher(space, surrogate=spy)) + 1
    )


def test_a_dry_pool_leads_to_the_rest_of_the_space(spy: Spy) -> None:
    """What is equal to a known model, or too far from the best, is found all the same."""

    def lonely() -> ja.Fragment:
        def pick(side: int) -> ja.Fragment:
            return ja.identity() if side else nn.dense(ja.Discrete([1, 2, 3], name="width"))

        return ja.substitution(pick, {"side": ja.Discrete(range(6), name="side")}, name="pick")

    space = ja.trace(lonely)
    expected = {ja.fingerprint(a) for a in ja.enumerate_architectures(space)}
    assert len(expected) == 4
    searcher = BananasSearcher(
        space, BananasConfig(initial=1, batch=3, candidates=5), surrogate=spy
    )
    generator, found = rng(), list[str]()
    for _ in range(4):
        suggestion = searcher.ask(generator)
        found.append(suggestion.fingerprint)
        searcher.tell(suggestion, {"accuracy": 0.0})
    with pytest.raises(SpaceExhausted):
        searcher.ask(generator)
    assert sorted(found) == sorted(expected)


# Configurations


def test_options_name_the_surrogate_in_use(spy: Spy) -> None:
    objective = Objective("loss", maximize=False)
    config = NpenasConfig(batch=3)
    options = NpenasSearcher(ja.trace(chain), config, objective=objective, surrogate=spy).options()
    assert options["name"] == "npenas"
    assert (options["objective"], options["maximize"], options["batch"]) == ("loss", False, 3)
    assert options["surrogate"].endswith("surrogate_spies.Spy")
    assert json.loads(json.dumps(options)) == options


@pytest.mark.parametrize(
    ("config", "options", "message"),
    [
        (SmboConfig, {"initial": 0}, "initial is 0; use at least 1"),
        (SmboConfig, {"candidates": 0}, "candidates is 0"),
        (SmboConfig, {"overdue": 0}, "overdue is 0; use at least 1"),
        (SmboConfig, {"epsilon": 2}, "epsilon is 2; a probability"),
        (SmboConfig, {"exploration": -1}, "exploration is -1; use 0 or more"),
        (SmboConfig, {"optimizer": "best"}, "optimizer 'best' is none of random, mcts, mut"),
        (SmboConfig, {"acquisition": "ei"}, "acquisition 'ei' is none of expected_improvement"),
        (SmboConfig, {"pending": "hope"}, "pending 'hope' is none of believe, worst, ignore"),
        (BananasConfig, {"batch": 0}, "batch is 0"),
        (BananasConfig, {"parents": 0}, "parents is 0"),
        (NpenasConfig, {"edits": 0}, "edits is 0; use a number above 0"),
        (NasBowlConfig, {"mutated": -0.5}, "mutated is -0.5; a part of the candidates"),
    ],
)
def test_wrong_configurations_say_what_is_right(
    config: type[ModelBasedConfig], options: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(SearchError, match=message):
        config(**options)
