"""Counting, numbering and fair drawing, in closed form and against enumeration."""

import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings

import jarch as ja
from jarch import nn
from jarch.ir import OPS, Hyperparameter, Property
from jarch.ir.elimination import Elimination
from jarch.testing import strategies


def discrete(name: str, size: int = 2) -> Hyperparameter:
    return ja.Discrete(range(1, size + 1), name=name)


def dense(features: Property) -> ja.Fragment:
    return nn.dense(features=features)


def own(size: int = 2) -> Callable[[], ja.Fragment]:
    return lambda: dense(discrete("own", size))


def chi_square(counts: Counter[object], cells: int) -> float:
    """How far counts are from equal; about `cells` where they are fair."""
    expected = sum(counts.values()) / cells
    missing = (cells - len(counts)) * expected
    return missing + sum((n - expected) ** 2 / expected for n in counts.values())


def residual_of_own(inner: ja.Fragment) -> ja.Fragment:
    return ja.sequential(inner, own(2))


SPACES: list[tuple[Callable[[], ja.Fragment], int]] = [
    (ja.identity, 1),
    (lambda: ja.sequential(own(3), own(4)), 12),
    (lambda: ja.repeat(own(3), discrete("times", 3)), 3 + 9 + 27),
    (lambda: ja.choose([own(3), nn.relu, own(5)], ja.OneOfK(3)), 9),
    (lambda: ja.permutation([own(), own(), nn.relu], ja.Permutation(3)), 24),
    (lambda: ja.sequential(*[ja.optional(own(), ja.Bool())] * 3), 1 + 2**3),
    (lambda: ja.sequential(*[ja.optional(own(), ja.Bool()) for _ in range(3)]), 27),
    (lambda: ja.nested_repeat(own(3), residual_of_own, discrete("times", 3)), 3 + 6 + 12),
]


@pytest.mark.parametrize(("space_function", "size"), SPACES)
def test_counts_in_closed_form(space_function: Callable[[], ja.Fragment], size: int) -> None:
    assert ja.count(ja.trace(space_function)) == size


def shared_late() -> ja.Fragment:
    """A decision that functions hold, and reveal only when they are called."""
    held = discrete("held", 3)

    def reveal() -> ja.Fragment:
        return ja.optional(lambda: dense(held), ja.Bool())

    return ja.sequential(*[ja.optional(reveal, ja.Bool("outer")) for _ in range(3)], own(2))


def shared_late_in_structure() -> ja.Fragment:
    held = discrete("held", 3)

    def reveal() -> ja.Fragment:
        return ja.repeat(own(), held)

    return ja.sequential(*[ja.optional(reveal, ja.Bool("outer")) for _ in range(2)])


def refusing_dependent() -> ja.Fragment:
    """Of nine pairs, those with a sum above four are refused, though no structure depends on it."""

    def total(x: int, y: int) -> int:
        if x + y > 4:
            raise ja.InvalidArchitecture("too much")
        return x + y

    x, y = discrete("x", 3), discrete("y", 3)
    return ja.sequential(dense(x), dense(ja.Dependent(total, {"x": x, "y": y})), own(), dense(y))


def successor(x: int) -> int:
    return x + 1


def refusing_chain() -> ja.Fragment:
    """The function far down a chain refuses a value that only some ancestors give."""

    def last(x: int) -> int:
        if x == 5:
            raise ja.InvalidArchitecture("five")
        return x

    h: Hyperparameter = discrete("x", 4)
    for _ in range(3):
        h = ja.Dependent(successor, {"x": h})
    return ja.sequential(dense(ja.Dependent(last, {"x": h})), own(3))


def refusing_structure() -> ja.Fragment:
    def function(a: int, b: int) -> ja.Fragment:
        if (a + b) % 2:
            raise ja.InvalidArchitecture("odd")
        return ja.repeat(own(), a)

    numbers = {"a": discrete("a", 3), "b": discrete("b", 3)}
    return ja.sequential(ja.substitution(function, numbers), own(2))


def dropping() -> ja.Fragment:
    """What is asked depends on which side is kept."""

    def keep(side: str) -> ja.Fragment:
        wiring = ja.Wiring([side])
        return wiring.build({"out": wiring.input(side)})

    wiring = ja.Wiring()
    sides = {
        side: wiring.add(piece(), {"in": wiring.input()})["out"]
        for side, piece in (("left", own(3)), ("right", lambda: ja.repeat(own(2), discrete("n"))))
    }
    which = {"side": ja.Discrete(["left", "right"], name="side")}
    kept = ja.substitution(keep, which, ["left", "right"], may_drop=True)
    return wiring.build(wiring.add(kept, sides))


def everything_refused() -> ja.Fragment:
    def function(x: int) -> ja.Fragment:
        raise ja.InvalidArchitecture("never")

    return ja.sequential(ja.substitution(function, {"x": discrete("x")}), own(3))


HARD = [
    (shared_late, (2**3 + (3**3 - 2**3) * 3) * 2),
    (shared_late_in_structure, 1 + 2 * (2 + 4 + 8) + (4 + 16 + 64)),
    (refusing_dependent, 6 * 2),
    (refusing_chain, 3 * 3),
    (refusing_structure, (2 * 2 + 4 + 2 * 8) * 2),
    (dropping, 3 + 2 + 4),
    (everything_refused, 0),
]


@pytest.mark.parametrize(("space_function", "size"), HARD)
def test_hard_spaces_are_counted_and_numbered_as_enumerated(
    space_function: Callable[[], ja.Fragment], size: int
) -> None:
    space = ja.trace(space_function)
    found = list(ja.enumerate_architectures(space))
    assert ja.count(space) == len(found) == size
    for position, net in enumerate(found):
        assert ja.rank(space, net) == position
        assert ja.unrank(space, position).decisions == net.decisions


@given(strategies.spaces(max_count=60, decide=True))
@settings(max_examples=40)
def test_every_position_is_numbered(space: ja.Space) -> None:
    found = list(ja.enumerate_architectures(space))
    assert ja.count(space) == len(found)
    assert [ja.rank(space, net) for net in found] == list(range(len(found)))
    again = [ja.unrank(space, position) for position in range(len(found))]
    assert [net.decisions for net in again] == [net.decisions for net in found]


def test_what_decided_values_will_be_refused_for_is_not_counted() -> None:
    """Where the node that refuses them is not there yet."""

    def small(x: int) -> int:
        if x > 1:
            raise ja.InvalidArchitecture("large")
        return x

    def space() -> ja.Fragment:
        x = discrete("x", 3)
        late = lambda: dense(ja.Dependent(small, {"x": x}))  # noqa: E731
        return ja.sequential(ja.optional(late, ja.Bool("late")), dense(x))

    traced = ja.trace(space)
    assert ja.count(traced) == 4
    assert [ja.count(ja.assign(traced, x)) for x in (1, 2, 3)] == [2, 1, 1]
    nets = list(ja.enumerate_architectures(traced))
    assert [ja.rank(traced, net) for net in nets] == list(range(4))


def test_mobilenet_is_counted_without_walking_it() -> None:
    for function in (ja.spaces.mobilenet, ja.spaces.mobilenet_blog):
        space = ja.trace(function)
        assert ja.count(space) == 8640
        assert [ja.rank(space, ja.unrank(space, n)) for n in (0, 1, 4321, 8639)] == [
            0,
            1,
            4321,
            8639,
        ]


@pytest.mark.unverified
def test_a_thousand_optional_blocks() -> None:
    def space() -> ja.Fragment:
        return ja.sequential(*[ja.optional(nn.relu, ja.Bool()) for _ in range(1000)])

    traced = ja.trace(space)
    assert ja.count(traced) == 2**1000
    net = ja.sample(traced, np.random.default_rng(0))
    start = net.values[:970]
    for value in start:
        traced = ja.assign(traced, value)
    assert ja.count(traced) == 2**30
    place = sum(2**i for i, value in enumerate(reversed(net.values[970:])) if value)
    assert ja.rank(traced, net) == place
    assert ja.unrank(traced, place) == net


def test_what_the_graph_does_not_depend_on_is_counted_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sums: list[int] = []
    run = Elimination[int].run

    def counted(self: Elimination[int], start: int) -> int | None:
        sums.append(start)
        return run(self, start)

    monkeypatch.setattr(Elimination, "run", counted)
    space = ja.trace(lambda: ja.sequential(*[own(4) for _ in range(50)]))
    position = 4**50 // 3
    assert ja.rank(space, ja.unrank(space, position)) == position
    assert len(sums) == 2


def test_big_integers() -> None:
    wide = ja.trace(lambda: dense(ja.Integer(1, 10**40, name="wide")))
    assert ja.count(wide) == 10**40
    assert ja.unrank(wide, 10**39).values == (10**39 + 1,)
    assert ja.rank(wide, ja.replay(wide, [10**40])) == 10**40 - 1
    orders = ja.trace(lambda: ja.basic(OPS["relu"], {"order": ja.Permutation(30)}))
    assert ja.count(orders) == math.factorial(30)
    assert ja.rank(orders, ja.unrank(orders, 10**30)) == 10**30
    drawn = [ja.sample_uniform(orders, np.random.default_rng(seed)) for seed in range(20)]
    assert len(set(drawn)) == 20


def test_floats_have_no_number() -> None:
    space = ja.trace(lambda: nn.dropout(rate=ja.Float(0.1, 0.5, name="rate")))
    acts: list[Callable[[], object]] = [
        lambda: ja.count(space),
        lambda: ja.unrank(space, 0),
        lambda: ja.sample_uniform(space, np.random.default_rng(0)),
    ]
    for act in acts:
        with pytest.raises(
            ja.SpaceError, match=r"^rate: \[0\.1, 0\.5\] has no end of values; only"
        ):
            act()
    assert ja.count(ja.assign(space, 0.3)) == 1


def test_positions_out_of_range() -> None:
    space = ja.trace(own(3))
    for position in (-1, 3):
        with pytest.raises(ja.SpaceError, match=rf"^position {position} is not in 0\.\.2$"):
            ja.unrank(space, position)
    with pytest.raises(ja.SpaceError, match=r"^the space has no valid architecture$"):
        ja.sample_uniform(ja.trace(everything_refused), np.random.default_rng(0))


def test_rank_refuses_what_is_not_of_the_space() -> None:
    space = ja.trace(lambda: ja.sequential(own(2), own(2)))
    net = ja.replay(space, [1, 2])
    with pytest.raises(ja.AssignmentError, match=r"^the architecture does not begin with"):
        ja.rank(ja.assign(space, 2), net)
    with pytest.raises(ja.AssignmentError, match=r"^value 1 is left over: nothing is open$"):
        ja.rank(ja.trace(ja.identity), net)
    with pytest.raises(ja.AssignmentError, match=r"^value 2 is not in \{1\}"):
        ja.rank(ja.trace(lambda: ja.sequential(own(1), own(2))), ja.replay(space, [2, 2]))


# Fair drawing.


@pytest.mark.unverified
def test_uniform_draws_are_fair_where_draws_by_decision_are_not() -> None:
    """In MobileNet a fifth of the nets are without dropout; by decision it is half of the draws."""
    space = ja.trace(ja.spaces.mobilenet_blog)
    rng = np.random.default_rng(0)

    def without(draw: Callable[[ja.Space, np.random.Generator], ja.Architecture]) -> float:
        drawn = [dict(draw(space, rng).decisions)["drop_opt"] for _ in range(2000)]
        return drawn.count(0) / 2000

    assert without(ja.sample_uniform) == pytest.approx(0.2, abs=0.03)
    assert without(ja.sample) == pytest.approx(0.5, abs=0.035)


@pytest.mark.parametrize(
    "space_function",
    [
        lambda: ja.repeat(own(3), discrete("times", 3)),
        lambda: ja.choose([own(30), nn.relu], ja.OneOfK(2)),
        lambda: ja.choose([lambda: ja.repeat(own(2), 5), nn.relu], ja.OneOfK(2)),
        shared_late,
        refusing_dependent,
        refusing_structure,
        dropping,
    ],
)
def test_uniform_draws_give_each_architecture_the_same_chance(
    space_function: Callable[[], ja.Fragment],
) -> None:
    space = ja.trace(space_function)
    size = ja.count(space)
    rng = np.random.default_rng(0)
    counts: Counter[object] = Counter(
        ja.sample_uniform(space, rng).decisions for _ in range(50 * size)
    )
    assert set(counts) == {net.decisions for net in ja.enumerate_architectures(space)}
    assert chi_square(counts, size) < size + 5 * math.sqrt(2 * size)


def test_uniform_draws_follow_the_generator() -> None:
    space = ja.trace(ja.spaces.mobilenet)
    first, again, other = (
        ja.sample_uniform(space, np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    assert first == again != other


def test_draws_of_a_space_partly_decided_keep_what_is_decided() -> None:
    space = ja.assign(ja.trace(ja.spaces.mobilenet_blog), 3)
    rng = np.random.default_rng(0)
    for _ in range(20):
        net = ja.sample_uniform(space, rng)
        assert net.values[0] == 3
        assert ja.unrank(space, ja.rank(space, net)) == net


def test_a_decision_with_too_many_structures_is_told() -> None:
    def space() -> ja.Fragment:
        return ja.permutation([nn.relu] * 30, ja.Permutation(30, name="order"))

    with pytest.raises(ja.SpaceError, match=r"order: the graph depends on its value, .* too many"):
        ja.count(ja.trace(space))
