"""Hyperparameters and their keys: paths that depend on where they are made and on nothing else."""

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, strategies as st

import jarch as ja
from jarch import nn
from jarch.ir import Hyperparameter, Property, is_hyperparameter
from jarch.ir.scopes import Names, check_name, new_key, scope

RunPython = Callable[..., str]


def dense(features: Property) -> ja.Fragment:
    return nn.dense(features=features)


def own(name: str = "width") -> Hyperparameter:
    return ja.Discrete([1, 2], name=name)


def same(x: object) -> object:
    return x


def keys(space_function: Callable[[], ja.Fragment]) -> list[str]:
    """The keys asked for when the first value is always taken."""
    space = ja.trace(space_function)
    while space.next is not None:
        space = ja.assign(space, space.next.domain[0])
    return [key for key, _ in space.decisions]


def nested() -> ja.Fragment:
    def inner(width: int) -> ja.Fragment:
        return ja.sequential(dense(own()), dense(own()))

    def outer(width: int) -> ja.Fragment:
        piece = ja.substitution(inner, {"width": own()}, name="inner")
        return ja.sequential(piece, piece, name="stack")

    return ja.substitution(outer, {"width": own()}, name="outer")


def test_keys_are_the_paths_of_the_substitutions_that_made_them() -> None:
    """A piece placed twice shares its hyperparameters; what its function makes is its own."""
    assert sorted(keys(nested)) == [
        "outer/stack/inner-1/width",
        "outer/stack/inner-1/width-1",
        "outer/stack/inner/width",
        "outer/stack/inner/width-1",
        "outer/width",
        "width",
    ]


def test_keys_do_not_depend_on_the_order_of_assignment() -> None:
    space = ja.trace(lambda: ja.sequential(*[ja.repeat(lambda: dense(own()), 2)] * 2, nested()))
    found = ja.architecture(ja.assign(decided(space, reverse=False), 1))
    other = ja.architecture(ja.assign(decided(space, reverse=True), 1))
    assert found == other
    assert dict(found.decisions) == dict(other.decisions)
    assert found.decisions != other.decisions


def decided(space: ja.Space, reverse: bool) -> ja.Space:
    """Assign all but one, those open sorted by key or the other way round."""
    while True:
        following = space
        for h in sorted(space.open, key=lambda h: h.key, reverse=reverse):
            following = ja.assign(following, 1, key=h.key)
            if following.next is None:
                return space
            space = following


def test_keys_do_not_depend_on_the_process(run_python: RunPython) -> None:
    program = """
import jarch as ja, sys
space = ja.trace(ja.spaces.mobilenet_blog)
while space.next is not None:
    space = ja.assign(space, space.next.domain[0])
print(*[key for key, value in space.decisions])
"""
    found = {run_python(program, seed=seed) for seed in (1, 2)}
    assert found == {" ".join(keys(ja.spaces.mobilenet_blog)) + "\n"}


def test_keys_do_not_depend_on_how_often_the_function_ran() -> None:
    assert keys(nested) == keys(nested)
    space = ja.trace(nested)
    assert ja.assign(space, 1).next == ja.assign(space, 1).next


def test_the_same_object_is_the_same_decision_and_an_equal_looking_one_is_not() -> None:
    def shared() -> ja.Fragment:
        width = own()
        return ja.sequential(dense(width), ja.optional(lambda: dense(width), True))

    def apart() -> ja.Fragment:
        return ja.sequential(dense(own()), ja.optional(lambda: dense(own()), True))

    assert keys(shared) == ["width"]
    assert sorted(keys(apart)) == ["optional/width", "width"]


def test_hyperparameters_are_equal_when_their_keys_are() -> None:
    with scope("a"):
        first, second, third = own(), own(), ja.Discrete([3], name="other")
    with scope("a"):
        again = ja.Discrete([7, 8, 9], name="width")
    assert (first == again, first == second, first == third) == (True, False, False)
    assert hash(first) == hash(again)
    assert len({first, second, third, again}) == 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: ja.Discrete([1]),
        lambda: ja.Bool(),
        lambda: ja.OneOfK(2),
        lambda: ja.Permutation(2),
        lambda: ja.Integer(1, 2),
        lambda: ja.Float(1, 2),
    ],
)
def test_made_outside_of_a_trace_is_an_error(make: Callable[[], object]) -> None:
    with pytest.raises(ja.SpaceError, match="is made outside of a space function; make it inside"):
        make()


def test_the_scope_ends_with_the_function_even_where_it_raises() -> None:
    def fails() -> ja.Fragment:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ja.trace(fails)
    with pytest.raises(ja.SpaceError, match="outside of a space function"):
        own()


def test_a_trace_inside_of_a_trace_does_not_disturb_it() -> None:
    def space() -> ja.Fragment:
        first = dense(own())
        ja.trace(lambda: dense(own()))
        return ja.sequential(first, dense(own()))

    assert sorted(keys(space)) == ["width", "width-1"]


@pytest.mark.parametrize("name", ["", "1st", "a/b", "a b", "-a", "a:b", "a\n", "a,b", "a=b", "ä?"])
def test_names_that_do_not_do(name: str) -> None:
    uses: list[Callable[[], ja.Fragment]] = [
        lambda: dense(ja.Discrete([1], name=name)),
        lambda: nn.relu(name=name or "a/b"),
        lambda: ja.optional(nn.relu, True, name=name),
    ]
    for use in uses:
        with pytest.raises(ja.SpaceError, match=r"use letters, digits, '_', '-' and '\.', begin"):
            ja.trace(use)


@pytest.mark.parametrize("name", ["a", "_a", "a-1", "a.b", "A_1"])
def test_names_that_do(name: str) -> None:
    assert check_name(name) == name


def test_a_taken_name_gets_the_next_free_number() -> None:
    names = Names()
    given = ["a", "a", "a-1", "a-1", "b", "a", "a-3", "b-7", "b"]
    assert [names.unique(name) for name in given] == [
        "a",
        "a-1",
        "a-2",
        "a-3",
        "b",
        "a-4",
        "a-5",
        "b-7",
        "b-1",
    ]


@given(st.lists(st.sampled_from(["a", "b", "a-1", "a-2", "a-1-1", "b-3"]), max_size=40))
def test_names_are_unique(given: list[str]) -> None:
    names = Names()
    found = [names.unique(name) for name in given]
    assert len(set(found)) == len(found)
    with scope("s"):
        assert [new_key(name) for name in given] == [f"s/{name}" for name in found]


BAD_DEPENDENTS: list[tuple[Mapping[str, object], str]] = [
    ({}, "dependent 'twice' has no parents; use a constant instead"),
    (
        {"x": 3},
        "dependent 'twice': x is 3, not a hyperparameter; a constant can be written into the "
        "function",
    ),
]


@pytest.mark.parametrize(("parents", "message"), BAD_DEPENDENTS)
def test_bad_parents(parents: dict[str, Hyperparameter], message: str) -> None:
    with pytest.raises(ja.SpaceError) as error:
        ja.trace(lambda: dense(ja.Dependent(same, parents, name="twice")))
    assert str(error.value) == message


def test_a_dependent_shows_its_parents_by_key() -> None:
    with scope(""):
        chain: Hyperparameter = own()
        for _ in range(3):
            chain = ja.Dependent(same, {"x": chain}, name="same")
    assert repr(chain) == "DependentHyperparameter('same-2', x=same-1)"
    assert is_hyperparameter(chain)
    assert not is_hyperparameter(3)


@pytest.mark.parametrize("value", [object(), {1}, {"a": 1}, b"x", 1j, float("nan"), len])
def test_a_property_is_a_hyperparameter_or_plain_data(value: object) -> None:
    with pytest.raises(ja.SpaceError, match=r"dense: features: .* (use a|is not a finite number)"):
        dense(value)  # type: ignore[arg-type]


def test_a_dependent_gives_plain_data_or_an_error_with_its_key() -> None:
    def space(result: object) -> ja.Fragment:
        def function(x: int) -> object:
            return result

        return dense(ja.Dependent(function, {"x": own()}, name="computed"))

    lists = ja.replay(ja.trace(space, result=[1, [2]]), [1])
    assert dict(lists.nodes[0][1].properties)["features"] == (1, (2,))
    with pytest.raises(ja.SpaceError, match=r"^dependent computed: <object .*not plain data"):
        ja.replay(ja.trace(space, result=object()), [1])
