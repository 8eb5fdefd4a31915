"""Evolution: who leaves the population, who has children, and what may mutate."""

import numpy as np
import pytest

import jarch as ja
from jarch.search import EvolutionConfig, EvolutionSearcher, RandomSearcher

from .searched_spaces import chain, differences

pytestmark = pytest.mark.unverified  # the transitions are verified elsewhere, on the same spaces


def evolved(config: EvolutionConfig, scores: list[float | None]) -> EvolutionSearcher:
    """Return a searcher that was told these scores in turn."""
    searcher, rng = EvolutionSearcher(ja.trace(chain), config), np.random.default_rng(0)
    for score in scores:
        searcher.tell(searcher.ask(rng), None if score is None else {"accuracy": score})
    return searcher


def test_the_oldest_leaves_the_population_or_the_worst() -> None:
    scores = [0.9, 0.1, None, 0.5, 0.7, 0.2]
    aging = evolved(EvolutionConfig(population=3, sample=2), scores)
    assert [member.score for member in aging.population] == [0.5, 0.7, 0.2]
    plain = evolved(EvolutionConfig(population=3, sample=2, aging=False), scores)
    assert [member.score for member in plain.population] == [0.9, 0.5, 0.7]


def test_a_population_begins_at_random_even_if_nothing_comes_back() -> None:
    config = EvolutionConfig(population=5, sample=2)
    searcher, chance = EvolutionSearcher(ja.trace(chain), config), RandomSearcher(ja.trace(chain))
    for seed in range(12):
        rngs = np.random.default_rng(seed), np.random.default_rng(seed)
        assert searcher.ask(rngs[0]) == chance.ask(rngs[1])


def test_children_are_mutations_of_the_best_of_a_large_sample() -> None:
    searcher = evolved(EvolutionConfig(population=6, sample=200), [0.1, 0.4, 0.9, 0.3, 0.2, 0.5])
    best = searcher.population[2].architecture
    rng = np.random.default_rng(1)
    assert {differences(searcher.ask(rng).architecture, best) for _ in range(15)} == {1}


def test_a_sample_of_one_chooses_any_parent() -> None:
    searcher = evolved(EvolutionConfig(population=4, sample=1), [0.1, 0.4, 0.9, 0.3])
    parents, rng = set[int](), np.random.default_rng(1)
    for _ in range(30):
        child = searcher.ask(rng).architecture
        apart = [differences(child, member.architecture) for member in searcher.population]
        parents |= {i for i, number in enumerate(apart) if number == 1}
    assert parents == {0, 1, 2, 3}


def test_only_some_decisions_may_mutate() -> None:
    config = EvolutionConfig(population=1, sample=1)
    space = ja.trace(chain)
    keys = sorted(h.key for h in space.open)[:3]
    searcher = EvolutionSearcher(space, config, where=lambda h: h.key in keys)
    rng = np.random.default_rng(0)
    first = searcher.ask(rng)
    searcher.tell(first, {"accuracy": 0.5})
    before = dict(first.architecture.decisions)
    for _ in range(9):
        now = searcher.ask(rng).architecture.decisions
        assert {key for key, value in now if value != before[key]} < set(keys)
