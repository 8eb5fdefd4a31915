"""Mutation, neighbours and crossover: what changes, what stays, and that all of it is valid."""

from collections.abc import Callable
from itertools import pairwise
from typing import cast

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st

import jarch as ja
from jarch import nn
from jarch.ir import (
    Constant,
    IndependentHyperparameter,
    IntegerDomain,
    PermutationDomain,
    complete,
)
from jarch.search import (
    NothingToMutate,
    crossover,
    edit,
    moves,
    mutable,
    mutate,
    mutate_each,
    neighbours,
)
from jarch.search.nearby import near
from jarch.testing import strategies

pytestmark = pytest.mark.unverified  # the transitions are verified elsewhere, on the same spaces


def layered() -> ja.Fragment:
    """Three widths, and one to three layers, each with its own function."""
    width = ja.Discrete([8, 16, 32], name="width")
    layer = lambda: nn.activation(ja.Discrete(["relu", "tanh", "elu"], name="function"))  # noqa: E731
    return ja.sequential(nn.dense(width), ja.repeat(layer, ja.Discrete([1, 2, 3], name="depth")))


def hyperparameters(
    space: ja.Space, architecture: ja.Architecture
) -> dict[str, IndependentHyperparameter]:
    """Return what was decided on the way to an architecture, by key."""
    values, found = dict(architecture.decisions), dict[str, IndependentHyperparameter]()

    def choose(hyperparameter: IndependentHyperparameter) -> Constant:
        found[hyperparameter.key] = hyperparameter
        return values[hyperparameter.key]

    assert complete(space, choose) == architecture
    return found


def draw_pair(data: st.DataObject) -> tuple[ja.Space, ja.Architecture]:
    space = data.draw(strategies.spaces())
    if space.next is not None and data.draw(st.booleans()):
        space = data.draw(strategies.partial_spaces(space))
    return space, data.draw(strategies.architectures(space))


def attempt(make: Callable[[], ja.Architecture]) -> ja.Architecture:
    """Return what `make` does; leave out examples that the space refuses."""
    try:
        return make()
    except (ja.InvalidArchitecture, NothingToMutate):
        assume(False)
        raise


def changed(before: ja.Architecture, after: ja.Architecture) -> set[str]:
    """Return the keys that both decide, differently."""
    first, second = dict(before.decisions), dict(after.decisions)
    return {key for key in first.keys() & second.keys() if first[key] != second[key]}


@given(st.data(), st.integers(0, 2**32), st.integers(1, 3))
def test_a_mutant_is_valid_and_differs_and_keeps_what_survives(
    data: st.DataObject, seed: int, edits: int
) -> None:
    space, before = draw_pair(data)
    after = attempt(lambda: mutate(space, before, np.random.default_rng(seed), edits=edits))
    assert ja.replay(space, after.values[len(space.decisions) :]) == after
    kept = {h.key for h in mutable(space, before)}
    others = changed(before, after)
    assert 1 <= len(others)
    assert after.decisions[: len(space.decisions)] == before.decisions[: len(space.decisions)]
    now, values = hyperparameters(space, after), dict(before.decisions)
    by_choice = [key for key in others if key in kept and values[key] in now[key].domain]
    assert 1 <= len(by_choice) <= edits


@given(st.data(), st.integers(0, 2**32), st.floats(0, 1))
def test_each_decision_may_mutate_by_itself(data: st.DataObject, seed: int, rate: float) -> None:
    space, before = draw_pair(data)

    def make() -> ja.Architecture:
        return mutate_each(space, before, np.random.default_rng(seed), rate)

    after = attempt(make)
    assert ja.replay(space, after.values[len(space.decisions) :]) == after
    assert changed(before, after)
    assert make() == after


def test_the_rate_of_a_mutation_is_what_it_says() -> None:
    def many() -> ja.Fragment:
        return ja.sequential(*[nn.dense(ja.Integer(1, 10**6, name="width")) for _ in range(40)])

    space, rng = ja.trace(many), np.random.default_rng(0)
    before = ja.sample(space, rng)
    counts = [len(changed(before, mutate_each(space, before, rng, 0.25))) for _ in range(100)]
    assert 9 < np.mean(counts) < 11
    assert {len(changed(before, mutate(space, before, rng, edits=3))) for _ in range(20)} == {3}
    assert len(changed(before, mutate_each(space, before, rng, 0.0))) == 1


def test_a_change_of_the_structure_keeps_the_layers_that_stay() -> None:
    space, rng = ja.trace(layered), np.random.default_rng(0)
    before = ja.replay(space, {"depth": 2, "width": 16, **dict(two_layers(space))})
    deeper, values = edit(space, before, {"depth": 3}, rng), dict(before.decisions)
    assert {**dict(deeper.decisions), "depth": 2}.items() >= values.items()
    assert len(deeper.decisions) == len(before.decisions) + 1
    shallower = edit(space, before, {"depth": 1}, rng)
    assert changed(before, shallower) == {"depth"}
    assert len(shallower.decisions) == len(before.decisions) - 1


def two_layers(space: ja.Space) -> list[tuple[str, str]]:
    """Return values for both functions of two layers, by key."""
    for key, value in (("depth", 2), ("width", 16)):
        space = ja.assign(space, value, key)
    return list(zip(sorted(h.key for h in space.open), ("elu", "tanh"), strict=True))


def test_new_decisions_are_drawn_from_all_values() -> None:
    space, rng = ja.trace(layered), np.random.default_rng(0)
    before = ja.replay(space, [1, 8, "relu"] if space.next.key == "depth" else [8, 1, "relu"])  # type: ignore[union-attr]
    drawn = {
        tuple(sorted(map(str, edit(space, before, {"depth": 2}, rng).values))) for _ in range(60)
    }
    assert len(drawn) == 3


@given(st.data(), st.integers(0, 2**32))
def test_where_restricts_what_mutates(data: st.DataObject, seed: int) -> None:
    space, before = draw_pair(data)
    able = mutable(space, before)
    assume(able)
    only = data.draw(st.sampled_from(able)).key
    rng = np.random.default_rng(seed)
    after = attempt(lambda: mutate(space, before, rng, edits=9, where=lambda h: h.key == only))
    assert only in changed(before, after)
    assert {key for key, _ in moves(space, before, rng, where=lambda h: h.key == only)} == {only}


def test_nothing_to_mutate_says_so() -> None:
    space = ja.trace(lambda: nn.dense(ja.Discrete([8], name="width")))
    with pytest.raises(NothingToMutate, match="no decision"):
        mutate(space, ja.replay(space, [8]), np.random.default_rng(0))
    assert list(neighbours(space, ja.replay(space, [8]), np.random.default_rng(0))) == []


def test_edits_name_what_does_not_fit() -> None:
    space, rng = ja.trace(layered), np.random.default_rng(0)
    before = ja.sample(space, rng)
    with pytest.raises(ja.AssignmentError, match="height: the architecture decides no such thing"):
        edit(space, before, {"height": 1}, rng)
    with pytest.raises(ja.AssignmentError, match="depth: value 9 is not in"):
        edit(space, before, {"depth": 9}, rng)
    other = ja.trace(lambda: nn.dense(ja.Discrete([8, 9], name="breadth")))
    with pytest.raises(ja.AssignmentError, match="breadth: the architecture decides no such thing"):
        mutate(other, before, rng)


@given(st.data(), st.integers(0, 2**32))
def test_neighbours_are_all_valid_architectures_one_edit_away(
    data: st.DataObject, seed: int
) -> None:
    space, before = draw_pair(data)
    values = dict(before.decisions)
    found = list(neighbours(space, before, np.random.default_rng(seed)))
    expected = moves(space, before, np.random.default_rng(seed))
    sizes = [len(h.domain) for h in mutable(space, before)]
    assert len(set(expected)) == len(expected) == sum(sizes) - len(sizes)
    assert len(found) <= len(expected)
    for after in found:
        assert ja.replay(space, after.values[len(space.decisions) :]) == after
        now = hyperparameters(space, after)
        assert len([k for k in changed(before, after) if values[k] in now[k].domain]) == 1


def large() -> ja.Fragment:
    """Decisions with more values than neighbours."""

    def width_of(kind: int) -> int:
        return 50 - kind

    return ja.sequential(
        nn.dense(ja.Integer(1, 10**9, name="width")),
        nn.dropout(ja.Float(0.0, 0.5, name="rate")),
        nn.dense(ja.Discrete(range(8, 800, 8), name="units")),
        nn.dense(ja.Integer(1, 4096, log=True, name="doubling")),
        nn.dense(ja.Dependent(width_of, {"kind": ja.OneOfK(50, name="kind")}, "least")),
    )


def test_of_large_domains_only_what_is_near_is_a_neighbour() -> None:
    """One on either side, at most half the way to the end, and of what has no order draws."""
    space, rng = ja.trace(large), np.random.default_rng(0)
    middle = {"width": 10**6, "rate": 0.2, "units": 80, "doubling": 64, "kind": 3}
    ends = {"width": (1, 10**9), "rate": (0.0, 0.5), "units": (8, 792), "doubling": (1, 4096)}
    halves = {"doubling": (5, 512)}  # of the logarithm, from an edge at 0.5 on
    for _ in range(50):
        found = moves(space, ja.replay(space, middle), rng)
        assert 16 < len([key for key, _ in found if key == "kind"]) <= 32
        for key, (low, high) in ends.items():
            below, above = (value for other, value in found if other == key)
            now, half = middle[key], ((low + middle[key]) / 2, (high + middle[key]) / 2)
            first, last = halves.get(key, half)
            assert first <= below < now < above <= last  # type: ignore[operator]
    for corner in (0, 1):
        values = {key: value[corner] for key, value in ends.items()} | {"kind": 3}
        found = moves(space, ja.replay(space, values), rng)
        assert sorted(key for key, _ in found if key != "kind") == sorted(ends)
        assert all(values[key] != value for key, value in found)


@given(st.integers(33, 2**70), st.data(), st.booleans(), st.integers(1, 32))
def test_neighbours_of_integers_are_others_on_both_sides(
    size: int, data: st.DataObject, log: bool, most: int
) -> None:
    domain, now = IntegerDomain(1, size, log), data.draw(st.integers(1, size))
    found = near(domain, now, np.random.default_rng(0), most)
    assert len(set(found)) == len(found) <= min(most, 2)
    assert now not in found
    assert all(value in domain for value in found)
    if most > 1:
        above = {cast(int, value) > now for value in found}
        assert above == {side for side, room in ((False, now > 1), (True, now < size)) if room}


@pytest.mark.parametrize(("n", "number"), [(4, 23), (5, 10), (9, 32), (40, 32)])
def test_neighbours_of_permutations_exchange_two_items(n: int, number: int) -> None:
    domain, rng = PermutationDomain(n), np.random.default_rng(0)
    now = domain.sample(rng)
    found = near(domain, now, rng, 32)
    assert len(set(found)) == len(found) == number
    assert all(value in domain and value != now for value in found)
    if n > 4:
        apart = [np.flatnonzero(np.array(now) != np.array(value)) for value in found]
        assert {len(places) for places in apart} == {2}
        assert sum(b - a == 1 for a, b in apart) == min(n - 1, 32)


@given(st.data(), st.integers(0, 2**32), st.none() | st.integers(1, 3))
def test_a_child_has_values_of_its_parents(
    data: st.DataObject, seed: int, points: int | None
) -> None:
    space, first = draw_pair(data)
    second = data.draw(strategies.architectures(space))
    rng = np.random.default_rng(seed)
    child = attempt(lambda: crossover(space, first, second, rng, points=points))
    assert ja.replay(space, child.values[len(space.decisions) :]) == child
    parents = dict(first.decisions), dict(second.decisions)
    for key, h in hyperparameters(space, child).items():
        known = [p[key] for p in parents if key in p and p[key] in h.domain]
        assert not known or dict(child.decisions)[key] in known


def test_crossover_mixes_evenly_and_at_points() -> None:
    def many() -> ja.Fragment:
        return ja.sequential(*[nn.dense(ja.Discrete([1, 2], name="width")) for _ in range(50)])

    space, rng = ja.trace(many), np.random.default_rng(0)
    ones, twos = (ja.replay(space, [value] * 50) for value in (1, 2))
    children = [crossover(space, ones, twos, rng).values for _ in range(40)]
    assert 23 < np.mean([values.count(2) for values in children]) < 27
    for points in (1, 2, 5):
        values = crossover(space, ones, twos, rng, points=points).values
        assert sum(a != b for a, b in pairwise(values)) == points
    assert crossover(space, ones, ones, rng) == ones
