"""Combinators: what each makes for which values, and what it refuses."""

from collections.abc import Callable, Sequence

import pytest

import jarch as ja
from jarch import nn
from jarch.ir import IndependentHyperparameter


def body(fragment: Callable[[], ja.Fragment], values: Sequence[object] = ()) -> list[str]:
    """The lines of the nodes that the values lead to, and the outputs."""
    net = ja.replay(ja.trace(fragment), values)
    lines = [line.strip() for line in str(net).splitlines()]
    return [*filter(None, lines[1:-1]), lines[0].partition(" -> ")[2].removesuffix(" {")]


def number(*values: object) -> IndependentHyperparameter:
    return ja.Discrete(values, name="number")


def unit() -> ja.Fragment:
    """A piece with a decision of its own."""
    return nn.dense(features=ja.Discrete([1, 2], name="width"), use_bias=False)


def asked(fragment: Callable[[], ja.Fragment], *values: object) -> list[str]:
    """The keys asked for after the values, each answered by its first value."""
    space = ja.trace(fragment)
    for value in values:
        space = ja.assign(space, value)
    while space.next is not None:
        space = ja.assign(space, space.next.domain[0])
    return sorted(key for key, _ in space.decisions[len(values) :])


def test_identity_adds_no_node() -> None:
    assert body(ja.identity) == ["(out=@in)"]


def test_sequential() -> None:
    assert body(lambda: ja.sequential()) == ["(out=@in)"]
    assert body(lambda: ja.sequential(nn.relu, nn.tanh(), ja.identity, nn.relu, name="stem")) == [
        "%stem/relu = relu(@in)",
        "%stem/tanh = tanh(%stem/relu)",
        "%stem/relu-1 = relu(%stem/tanh)",
        "(out=%stem/relu-1)",
    ]


@pytest.mark.parametrize(
    ("include", "there"), [(True, True), (False, False), (0, False), (1, True)]
)
def test_optional(include: object, there: bool) -> None:
    expected = ["%optional/relu = relu(@in)", "(out=%optional/relu)"] if there else ["(out=@in)"]
    assert body(lambda: ja.optional(nn.relu, number(0, 1)), [include]) == expected
    assert body(lambda: ja.optional(nn.relu(), include)) == expected  # type: ignore[arg-type]


def test_optional_does_not_build_what_is_left_out() -> None:
    def never() -> ja.Fragment:
        raise AssertionError

    assert body(lambda: ja.optional(never, number(0, 1)), [0]) == ["(out=@in)"]


def test_choose_by_position_and_by_name() -> None:
    def by_position() -> ja.Fragment:
        return ja.choose([nn.relu, nn.tanh()], ja.OneOfK(2), name="act")

    def by_name() -> ja.Fragment:
        return ja.choose({"r": nn.relu, "t": nn.tanh()}, number("r", "t"), name="act")

    for space, values in ((by_position, [0, 1]), (by_name, ["r", "t"])):
        assert body(space, [values[0]]) == ["%act/relu = relu(@in)", "(out=%act/relu)"]
        assert body(space, [values[1]]) == ["%act/tanh = tanh(@in)", "(out=%act/tanh)"]


def cross(swap: bool) -> ja.Fragment:
    wiring = ja.Wiring(["a", "b"])
    a, b = wiring.input("a"), wiring.input("b")
    return wiring.build({"p": b if swap else a, "q": a if swap else b})


def test_choose_among_pieces_with_many_named_ends() -> None:
    def space() -> ja.Fragment:
        pieces = [lambda: cross(False), lambda: cross(True)]
        return ja.choose(pieces, ja.OneOfK(2), ["a", "b"], ["p", "q"])

    assert body(space, [0]) == ["(p=@a, q=@b)"]
    assert body(space, [1]) == ["(p=@b, q=@a)"]


def test_only_the_chosen_piece_is_built_and_its_decisions_are_its_own() -> None:
    def space() -> ja.Fragment:
        return ja.choose([unit, nn.relu], ja.OneOfK(2, name="which"))

    assert asked(space, 0) == ["choose/width"]
    assert asked(space, 1) == []
    assert ja.count(ja.trace(space)) == 3


@pytest.mark.parametrize("times", [0, 1, 3])
def test_repeat(times: int) -> None:
    names = ["relu", "relu-1", "relu-2"][:times]
    found = body(lambda: ja.repeat(nn.relu, number(0, 1, 3)), [times])
    assert [line.split(" ")[0] for line in found[:-1]] == [f"%repeat/{name}" for name in names]
    assert found[-1] == ("(out=%repeat/" + names[-1] + ")" if names else "(out=@in)")


def test_a_function_decides_each_time_and_a_fragment_once() -> None:
    assert asked(lambda: ja.repeat(unit, 3)) == [
        "repeat/width",
        "repeat/width-1",
        "repeat/width-2",
    ]
    assert asked(lambda: ja.repeat(unit(), 3)) == ["width"]
    assert len(body(lambda: ja.repeat(unit(), 3), [2])) == 4
    assert len(asked(lambda: ja.split_combine(unit, nn.add, 2))) == 2
    assert asked(lambda: ja.split_combine(unit(), nn.add, 2)) == ["width"]
    assert len(asked(lambda: ja.dense_block(unit, 2))) == 2
    assert asked(lambda: ja.dense_block(unit(), 2)) == ["width"]


def test_nested_repeat() -> None:
    def around(inner: ja.Fragment) -> ja.Fragment:
        return ja.sequential(nn.tanh, inner, nn.elu)

    def space() -> ja.Fragment:
        return ja.nested_repeat(nn.relu, around, number(1, 3), name="nest")

    assert body(space, [1]) == ["%nest/relu = relu(@in)", "(out=%nest/relu)"]
    assert [line.split(" ")[2] for line in body(space, [3])[:-1]] == [
        "tanh(@in)",
        "tanh(%nest/tanh)",
        "relu(%nest/tanh-1)",
        "elu(%nest/relu)",
        "elu(%nest/elu)",
    ]


def test_nested_repeat_of_pieces_with_many_named_ends() -> None:
    def swapped(inner: ja.Fragment) -> ja.Fragment:
        wiring = ja.Wiring(["a", "b"])
        ends = wiring.add(inner, {"a": wiring.input("b"), "b": wiring.input("a")})
        return wiring.build(ends)

    def space() -> ja.Fragment:
        first = lambda: cross(False)  # noqa: E731
        return ja.nested_repeat(first, swapped, number(1, 2, 3), ["a", "b"], ["p", "q"])

    straight, crossed = ["(p=@a, q=@b)"], ["(p=@b, q=@a)"]
    assert [body(space, [times]) for times in (1, 2, 3)] == [straight, crossed, straight]


def test_permutation() -> None:
    def space() -> ja.Fragment:
        return ja.permutation([nn.relu, nn.tanh(), nn.elu], ja.Permutation(3))

    for order in ((0, 1, 2), (2, 0, 1)):
        ops = ["relu", "tanh", "elu"]
        found = [line.split(" ")[2].split("(")[0] for line in body(space, [order])[:-1]]
        assert found == [ops[i] for i in order]
    assert ja.count(ja.trace(space)) == 6


def test_split_combine() -> None:
    def space() -> ja.Fragment:
        return ja.split_combine(nn.relu, nn.concatenate, number(1, 3))

    assert body(space, [1]) == ["%split_combine/relu = relu(@in)", "(out=%split_combine/relu)"]
    assert body(space, [3])[-2:] == [
        "%split_combine/concatenate = concatenate(in0=%split_combine/relu, "
        "in1=%split_combine/relu-1, in2=%split_combine/relu-2)",
        "(out=%split_combine/concatenate)",
    ]


def test_residual() -> None:
    assert body(lambda: ja.residual(nn.relu)) == [
        "%relu = relu(@in)",
        "%add = add(in0=%relu, in1=@in)",
        "(out=%add)",
    ]
    assert body(lambda: ja.residual(nn.relu(), nn.tanh, nn.concatenate)) == [
        "%relu = relu(@in)",
        "%tanh = tanh(@in)",
        "%concatenate = concatenate(in0=%relu, in1=%tanh)",
        "(out=%concatenate)",
    ]


def test_dense_block() -> None:
    def space() -> ja.Fragment:
        return ja.dense_block(nn.relu, number(0, 2), name="b")

    assert body(space, [0]) == ["(out=@in)"]
    assert body(space, [2]) == [
        "%b/relu = relu(@in)",
        "%b/concatenate = concatenate(in0=@in, in1=%b/relu)",
        "%b/relu-1 = relu(%b/concatenate)",
        "%b/concatenate-1 = concatenate(in0=@in, in1=%b/relu, in2=%b/relu-1)",
        "(out=%b/concatenate-1)",
    ]
    added = body(lambda: ja.dense_block(nn.relu, 1, combine=nn.add, name="b"))
    assert added[-1] == "(out=%b/add)"


def test_an_aggregator_has_its_hyperparameters_decided_first_and_adds_no_node() -> None:
    def space(named: bool) -> ja.Fragment:
        early = [ja.Discrete([1, 2], name=name) for name in ("c", "a", "b")]
        names = {"z": early[0], "y": early[1], "x": early[2]}
        end = ja.hyperparameter_aggregator(names if named else early)
        return ja.sequential(*[nn.dense(features=h) for h in early], unit, end)

    nets = [ja.replay(ja.trace(space, named=named), [1] * 4) for named in (False, True)]
    order = [[key for key, _ in net.decisions] for net in nets]
    assert order == [["c", "a", "b", "width"], ["b", "a", "c", "width"]]
    assert [len(net.nodes) for net in nets] == [4, 4]


def test_share_makes_each_hyperparameter_once() -> None:
    def space() -> ja.Fragment:
        get = ja.share(width=lambda name: ja.Discrete([1, 2], name), unused=ja.Bool)
        assert get("width") is get("width")
        with pytest.raises(
            ja.SpaceError,
            match=r"^no shared hyperparameter 'w'; there are \['unused', 'width'\]$",
        ):
            get("w")
        return ja.repeat(lambda: nn.dense(features=get("width")), 2)

    assert asked(space) == ["width"]


MISTAKES: list[tuple[Callable[[], ja.Fragment], str]] = [
    (
        lambda: ja.sequential(3),  # type: ignore[arg-type]
        r"^3 gives 3, not a piece of graph; pass a piece or a function without arguments",
    ),
    (
        lambda: ja.sequential(lambda: None),  # type: ignore[arg-type, return-value]
        r"gives None, not a piece of graph; pass a piece or a function without arguments",
    ),
    (
        lambda: ja.sequential(nn.add),
        r"^a piece with inputs \['in0', 'in1'\] and outputs \['out'\] stands where one with the "
        r"input 'in' and the output 'out' is needed; connect it with Wiring",
    ),
    (
        lambda: ja.residual(lambda: cross(True)),
        r"^a piece with inputs \['a', 'b'\] and outputs \['p', 'q'\] stands where",
    ),
    (lambda: ja.choose([nn.relu], 1), r"^choice 1 is none of \[0\]; add it or remove it"),
    (
        lambda: ja.choose({"a": nn.relu}, "b"),
        r"^choice 'b' is none of \['a'\]; add it or remove it",
    ),
    (lambda: ja.choose([nn.add], 0), r"declares inputs \['in'\] but .* inputs \['in0', 'in1'\]"),
    (lambda: ja.repeat(nn.relu, -1), r"^times is -1; it must be an integer of at least 0"),
    (lambda: ja.repeat(nn.relu, 1.5), r"^times is 1\.5; it must be an integer of at least 0"),
    (lambda: ja.repeat(nn.relu, "2"), r"^times is '2'; it must be an integer of at least 0"),
    (
        lambda: ja.nested_repeat(nn.relu, lambda inner: inner, 0),
        r"^times is 0; it must be an integer of at least 1",
    ),
    (
        lambda: ja.split_combine(nn.relu, nn.add, 0),
        r"^branches is 0; it must be an integer of at least 1",
    ),
    (
        lambda: ja.dense_block(nn.relu, -1),
        r"^times is -1; it must be an integer of at least 0",
    ),
    (
        lambda: ja.permutation([nn.relu, nn.tanh], (0, 0)),
        r"^order \(0, 0\) is no permutation of 2 pieces",
    ),
    (
        lambda: ja.permutation([nn.relu], ja.Permutation(2)),
        r"^order \(0, 1\) is no permutation of 1 pieces",
    ),
]


@pytest.mark.parametrize(("make", "message"), MISTAKES)
def test_mistakes_say_what_is_wrong(make: Callable[[], ja.Fragment], message: str) -> None:
    """At once where there is nothing to decide, or else when the value is assigned."""
    with pytest.raises(ja.SpaceError, match=message):
        list(ja.enumerate_architectures(ja.trace(make)))
