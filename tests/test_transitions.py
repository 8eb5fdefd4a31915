"""Transitions: assignment by key, what is refused, purity, drawing and enumerating."""

from collections.abc import Callable

import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.ir import Constant, Hyperparameter, IndependentHyperparameter, Property
from jarch.ir.scopes import scope


def discrete(name: str, *values: object) -> IndependentHyperparameter:
    return ja.Discrete(values or (1, 2), name=name)


def dense(features: Property, name: str = "dense") -> ja.Fragment:
    return nn.dense(features=features, name=name)


def double(x: int) -> int:
    return 2 * x


def two() -> ja.Fragment:
    def inner(twice: int) -> ja.Fragment:
        return dense(discrete("inner", twice))

    width = discrete("width", 3, 5)
    twice = ja.Dependent(double, {"x": width}, name="twice")
    hidden = ja.substitution(inner, {"twice": twice}, name="hidden")
    return ja.sequential(dense(discrete("first", 1, 2)), hidden, dense(width))


def test_any_reachable_hyperparameter_can_be_assigned_by_key() -> None:
    space = ja.trace(two)
    assert space.next is not None
    assert space.next.key == "width"
    first = ja.assign(space, 2, key="first")
    assert first.next is not None
    assert first.next.key == "width"
    then = ja.assign(first, 3)
    assert [key for key, _ in then.decisions] == ["first", "width"]
    assert ja.architecture(ja.assign(then, 6, key="hidden/inner")).values == (2, 3, 6)
    assert ja.replay(space, {"first": 2, "width": 3, "hidden/inner": 6}).values == (2, 3, 6)


def test_all_that_is_open_is_told_this_round_first() -> None:
    def open_after(*values: int) -> list[str]:
        space = ja.trace(two)
        for value in values:
            space = ja.assign(space, value)
        return [h.key for h in space.open]

    assert open_after() == ["width", "first"]
    assert open_after(3) == ["first", "hidden/inner"]
    assert open_after(3, 1) == ["hidden/inner"]
    assert open_after(3, 1, 6) == []


MISTAKES: list[tuple[Callable[[ja.Space], object], str]] = [
    (lambda s: ja.assign(s, 7), "width: value 7 is not in {3, 5}; pick one of these"),
    (
        lambda s: ja.assign(s, "a", key="first"),
        "first: value 'a' is not in {1, 2}; pick one of these",
    ),
    (lambda s: ja.assign(s, 1, key="wid"), "wid: is not open now; these are: width, first"),
    (lambda s: ja.assign(s, 6, key="twice"), "twice: is computed from others; assign those"),
    (
        lambda s: ja.assign(s, 6, key="hidden/inner"),
        "hidden/inner: is not open now; these are: width, first",
    ),
    (
        lambda s: ja.assign(ja.assign(s, 3), 5, key="width"),
        "width: has the value 3 already",
    ),
    (
        lambda s: ja.assign(ja.assign(s, 3), 6, key="twice"),
        "twice: has the value 6 already",
    ),
    (lambda s: ja.replay(s, [3, 1]), "2 values end before 'hidden/inner': give it one too"),
    (lambda s: ja.replay(s, []), "0 values end before 'width': give it one too"),
    (
        lambda s: ja.replay(s, [3, 1, 6, 6]),
        "value 6, number 4, is left over: nothing is open",
    ),
    (
        lambda s: ja.replay(s, {"width": 3, "first": 1, "hidden/inner": 6, "more": 1}),
        "value 1, number 4, is left over: nothing is open",
    ),
    (
        lambda s: ja.replay(s, {"width": 3, "first": 1}),
        "2 values end before 'hidden/inner': give it one too",
    ),
    (lambda s: ja.replay(s, [3, 1, 10]), "hidden/inner: value 10 is not in {6}; pick one of these"),
]


@pytest.mark.parametrize(("act", "message"), MISTAKES)
def test_mistakes_name_the_key_and_the_remedy(
    act: Callable[[ja.Space], object], message: str
) -> None:
    with pytest.raises(ja.AssignmentError) as error:
        act(ja.trace(two))
    assert str(error.value) == message


def test_nothing_left_is_an_error_and_so_is_too_early() -> None:
    space = ja.trace(lambda: dense(discrete("width", 1)))
    with pytest.raises(ja.SpaceError, match=r"^'width' has no value yet; assign it first$"):
        ja.architecture(space)
    done = ja.assign(space, 1)
    with pytest.raises(ja.AssignmentError, match=r"^nothing is left to assign: the space is one"):
        ja.assign(done, 1)
    with pytest.raises(ja.AssignmentError, match=r"^width: has the value 1 already$"):
        ja.assign(done, 1, key="width")
    with pytest.raises(ja.AssignmentError, match=r"^height: is not open now; these are: none$"):
        ja.assign(done, 1, key="height")


def test_two_hyperparameters_with_one_key_are_an_error() -> None:
    with scope(""):
        stray = discrete("width", 8, 16)

    def space() -> ja.Fragment:
        return ja.sequential(dense(discrete("width", 1, 2)), dense(stray))

    with pytest.raises(ja.SpaceError, match=r"two different hyperparameters have the key 'width'"):
        ja.trace(space)


# What goes wrong in the functions of a space.


def test_what_a_function_raises_says_where_and_with_which_values() -> None:
    def fails(x: int) -> ja.Fragment:
        raise ZeroDivisionError("by hand")

    def refuses(x: int) -> int:
        raise ja.InvalidArchitecture("too wide")

    broken = ja.trace(lambda: ja.substitution(fails, {"x": discrete("x", 3)}, name="place"))
    with pytest.raises(ZeroDivisionError, match="by hand") as error:
        ja.assign(broken, 3)
    assert error.value.__notes__ == ["raised by the function of 'place', called with x=3"]
    refusing = ja.trace(lambda: dense(ja.Dependent(refuses, {"x": discrete("x", 3)}, "wide")))
    with pytest.raises(ja.InvalidArchitecture, match=r"^wide with x=3: too wide$"):
        ja.assign(refusing, 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: ja.trace(lambda: 3),  # type: ignore[arg-type, return-value]
            r"^the space function returned 3, not a piece of graph; return what",
        ),
        (
            lambda: ja.trace(lambda: ja.substitution(lambda: 3, {}, name="place")),  # type: ignore[arg-type, return-value]
            r"^place: the substitution's function returned 3, not a piece of graph; return what",
        ),
    ],
)
def test_functions_return_pieces(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ja.SpaceError, match=message):
        make()


# Purity.


def test_a_substitution_function_runs_once_for_the_values_it_is_given() -> None:
    runs: list[object] = []

    def function(x: object) -> ja.Fragment:
        runs.append(x)
        return dense(1 if x == 1 else 2)

    def function_of(x: Hyperparameter) -> ja.Fragment:
        return ja.substitution(function, {"x": x}, name="place")

    space = ja.trace(lambda: function_of(discrete("x", 1, 2)))
    for _ in range(3):
        ja.assign(space, 1)
        ja.assign(space, 2)
        ja.sample(space, np.random.default_rng(0))
    assert sorted(runs, key=str) == [1, 2]


def typed_one() -> Hyperparameter:
    """1, 1.0 or True: equal, but what is made of them is not."""

    def function(index: int) -> Constant:
        return (1, 1.0, True)[index]

    return ja.Dependent(function, {"index": ja.OneOfK(3, "index")})


def test_arguments_of_different_types_are_different() -> None:
    def function(x: Constant) -> ja.Fragment:
        return nn.relu(name=type(x).__name__)

    space = ja.trace(lambda: ja.substitution(function, {"x": typed_one()}, name="place"))
    for order in ((0, 1, 2), (2, 1, 0)):
        names = {i: ja.replay(space, [i]).nodes[0][0] for i in order}
        assert [names[i] for i in range(3)] == ["place/int", "place/float", "place/bool"]


def test_properties_of_different_types_are_different() -> None:
    space = ja.trace(lambda: dense(typed_one()))
    for order in ((0, 1, 2), (2, 1, 0)):
        nodes = {i: ja.replay(space, [i]).nodes[0][1] for i in order}
        features = [dict(nodes[i].properties)["features"] for i in range(3)]
        assert repr(features) == "[1, 1.0, True]"


def test_spaces_branch_without_disturbing_each_other() -> None:
    space = ja.trace(ja.spaces.mobilenet_blog)
    rng = np.random.default_rng(0)
    expected = [ja.sample(space, rng) for _ in range(20)]
    fronts = [space] * 20
    for step in range(max(len(net.values) for net in expected)):
        for i, net in enumerate(expected):
            if step < len(net.values):
                fronts[i] = ja.assign(fronts[i], net.values[step])
    assert [ja.architecture(front) for front in fronts] == expected
    assert space.decisions == ()
    assert repr(space) == "Space(0 decided, next num_reductions)"
    assert repr(fronts[0]) == f"Space({len(expected[0].values)} decided, nothing left)"


def test_equality_of_spaces() -> None:
    space = ja.trace(two)
    ab = ja.assign(ja.assign(space, 3), 1)
    ba = ja.assign(ja.assign(space, 1, key="first"), 3)
    assert ab == ba
    assert hash(ab) == hash(ba)
    assert len({ab, ba, space}) == 2
    assert ab != ja.assign(ja.assign(space, 3), 2)
    assert space != "space"


# Drawing and enumerating.


def test_enumeration_is_an_odometer() -> None:
    def space() -> ja.Fragment:
        return ja.sequential(dense(discrete("last", 3, 1, 2)), dense(discrete("first", 5, 4)))

    values = [net.values for net in ja.enumerate_architectures(ja.trace(space))]
    assert values == [(5, 3), (5, 1), (5, 2), (4, 3), (4, 1), (4, 2)]


def test_enumeration_passes_over_what_is_refused_and_is_lazy() -> None:
    def function(a: int, b: int) -> ja.Fragment:
        if a == b:
            raise ja.InvalidArchitecture("equal")
        return nn.relu()

    def space() -> ja.Fragment:
        numbers = {"a": discrete("a", 1, 2, 3), "b": discrete("b", 1, 2, 3)}
        return ja.substitution(function, numbers)

    values = [net.values for net in ja.enumerate_architectures(ja.trace(space))]
    assert values == [(1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2)]
    many = ja.trace(lambda: ja.sequential(*[dense(discrete("x")) for _ in range(200)]))
    assert next(ja.enumerate_architectures(many)).values == (1,) * 200


def test_floats_can_be_drawn_but_not_enumerated() -> None:
    space = ja.trace(lambda: nn.dropout(rate=ja.Float(0.1, 0.5, name="rate")))
    drawn = ja.sample(space, np.random.default_rng(0)).values[0]
    assert isinstance(drawn, float)
    assert 0.1 <= drawn <= 0.5
    assert ja.replay(space, [drawn]).values == (drawn,)
    with pytest.raises(ja.SpaceError, match="only finite domains"):
        list(ja.enumerate_architectures(space))


@pytest.mark.unverified
def test_samples_follow_the_generator_and_give_each_value_the_same_chance() -> None:
    space = ja.trace(ja.spaces.mobilenet_blog)
    again = [ja.sample(space, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert again[0] == again[1] != again[2]
    rng = np.random.default_rng(0)
    drops = [dict(ja.sample(space, rng).decisions)["drop_opt"] for _ in range(2000)]
    assert drops.count(0) == pytest.approx(1000, abs=100)
