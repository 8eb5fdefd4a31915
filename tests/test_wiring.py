"""Wiring: pieces placed, connected by name, and what is refused."""

from collections.abc import Callable

import pytest

import jarch as ja
from jarch import nn
from jarch.ir import OPS, Basic, Source, Substitution


def two_to_two() -> ja.Fragment:
    """Takes left and right, gives their sum and the left one."""
    wiring = ja.Wiring(["left", "right"])
    left, right = wiring.input("left"), wiring.input("right")
    total = wiring.add(nn.add(), {"in0": left, "in1": right})["out"]
    return wiring.build({"sum": total, "same": left})


def test_pieces_are_connected_by_name() -> None:
    wiring = ja.Wiring(["a", "b"])
    ends = wiring.add(two_to_two(), {"right": wiring.input("a"), "left": wiring.input("b")})
    ends = wiring.add(two_to_two(), {"left": ends["sum"], "right": ends["same"]})
    piece = wiring.build({"x": ends["sum"], "y": ends["same"]})
    assert str(piece) == (
        "(@a, @b) -> (x=%add-1, y=%add)\n"
        "  %add = add(in0=@b, in1=@a)\n"
        "  %add-1 = add(in0=%add, in1=@b)"
    )


def test_a_piece_placed_twice_makes_new_nodes_and_shares_its_hyperparameters() -> None:
    def space() -> ja.Fragment:
        piece = nn.dense(features=ja.Discrete([1, 2], name="width"))
        wiring = ja.Wiring()
        first = wiring.add(piece, {"in": wiring.input()})["out"]
        second = wiring.add(piece, {"in": first})["out"]
        return wiring.build({"out": second})

    net = ja.replay(ja.trace(space), [2])
    assert [key for key, _ in net.nodes] == ["dense", "dense-1"]
    assert [dict(node.properties)["features"] for _, node in net.nodes] == [2, 2]


def test_names_are_unique_and_take_the_prefix() -> None:
    wiring = ja.Wiring()
    source = wiring.input()
    for prefix in ("", "a", "a", "", "a/b"):
        source = wiring.add(nn.relu(), {"in": source}, prefix)["out"]
    names = [name for name, _ in wiring.build({"out": source}).nodes]
    assert names == ["relu", "a/relu", "a/relu-1", "relu-1", "a/b/relu"]


def test_edges_inside_of_a_piece_follow_its_renamed_nodes() -> None:
    inner = ja.Wiring()
    first = inner.add(nn.relu(), {"in": inner.input()})["out"]
    second = inner.add(nn.tanh(), {"in": first})["out"]
    piece = inner.build({"first": first, "second": second, "raw": inner.input()})
    outer = ja.Wiring()
    once = outer.add(piece, {"in": outer.input()})
    twice = outer.add(piece, {"in": once["second"]})
    assert twice == {
        "first": Source("relu-1", "out"),
        "second": Source("tanh-1", "out"),
        "raw": Source("tanh", "out"),
    }
    assert dict(outer.build(twice).nodes)["tanh-1"].inputs == (("in", Source("relu-1", "out")),)


def test_an_unchanged_node_is_the_same_object() -> None:
    piece = nn.relu()
    wiring = ja.Wiring()
    placed = wiring.build(wiring.add(piece, {"in": wiring.input()}))
    assert placed.nodes[0][1] is piece.nodes[0][1]


def test_substitutions_keep_all_they_have_when_they_are_rewired() -> None:
    def function(x: int) -> ja.Fragment:
        return ja.identity()

    wiring = ja.Wiring()
    source = wiring.add(nn.relu(), {"in": wiring.input()})["out"]
    piece = ja.substitution(function, {"x": 3}, name="place", may_drop=True)
    node = dict(wiring.build(wiring.add(piece, {"in": source})).nodes)["place"]
    assert node == Substitution(
        function, (("x", 3),), (("in", Source("relu", "out")),), ("out",), "place", True
    )


def test_basic_makes_one_node_with_its_properties_sorted() -> None:
    piece = ja.basic(OPS["add"], {"b": (1, 2), "a": None}, ["x", "y"], ["p", "q"], name="both")
    node = Basic(
        OPS["add"],
        (("a", None), ("b", (1, 2))),
        (("x", Source("", "x")), ("y", Source("", "y"))),
        ("p", "q"),
    )
    assert piece.nodes == (("both", node),)
    assert piece.inputs == ("x", "y")
    assert piece.outputs == (("p", Source("both", "p")), ("q", Source("both", "q")))
    assert str(piece).splitlines()[1] == "  %both = add(x=@x, y=@y) -> (p, q) a=None, b=(1, 2)"


MISTAKES: list[tuple[Callable[[ja.Wiring], object], str]] = [
    (lambda w: w.input("image"), r"^no input 'image'; there are \['in'\]$"),
    (
        lambda w: w.add(two_to_two(), {"left": w.input()}),
        r"^the piece takes inputs \['left', 'right'\] but is fed \['left'\]; feed each once\.",
    ),
    (
        lambda w: w.add(nn.relu(), {"in": w.input(), "more": w.input()}),
        r"^the piece takes inputs \['in'\] but is fed \['in', 'more'\]; feed each once\.",
    ),
    (lambda w: w.build({}), r"^a piece needs at least one output$"),
    (lambda w: w.build({"a b": w.input()}), r"^name 'a b': use letters"),
    (lambda w: ja.Wiring(["a/b"]), r"^name 'a/b': use letters"),
    (lambda w: ja.basic(OPS["relu"], {}, name="1"), r"^name '1': use letters"),
    (lambda w: ja.basic(OPS["relu"], {}, outputs=["a b"]), r"^name 'a b': use letters"),
    (
        lambda w: ja.basic(OPS["relu"], {"p": {}}),  # type: ignore[dict-item]
        r"^relu: p: \{\} is a dict, not plain data",
    ),
]


@pytest.mark.parametrize(("act", "message"), MISTAKES)
def test_mistakes(act: Callable[[ja.Wiring], object], message: str) -> None:
    with pytest.raises(ja.SpaceError, match=message):
        act(ja.Wiring())


def drops(inputs: list[str], outputs: list[str], may_drop: bool) -> ja.Space:
    def function() -> ja.Fragment:
        wiring = ja.Wiring(inputs)
        return wiring.build({name: wiring.input(inputs[0]) for name in outputs})

    def space() -> ja.Fragment:
        wiring = ja.Wiring(["a", "b"])
        piece = ja.substitution(function, {}, ["a", "b"], ["p", "q"], "place", may_drop)
        ends = wiring.add(piece, {"a": wiring.input("a"), "b": wiring.input("b")})
        return wiring.build({"out": ends["p"]})

    return ja.trace(space)


@pytest.mark.parametrize(
    ("inputs", "outputs", "may_drop", "kind"),
    [
        (["a", "b"], ["p", "q"], False, ""),
        (["a", "b"], ["p", "q"], True, ""),
        (["a"], ["p"], True, ""),
        (["b", "a"], ["q", "p"], False, ""),
        (["a"], ["p", "q"], False, r"inputs \['a', 'b'\] but .* inputs \['a'\]"),
        (["a", "b"], ["p"], False, r"outputs \['p', 'q'\] but .* outputs \['p'\]"),
        (["a", "c"], ["p", "q"], True, r"inputs \['a', 'b'\] but .* inputs \['a', 'c'\]"),
        (["a"], ["p", "r"], True, r"outputs \['p', 'q'\] but .* outputs \['p', 'r'\]"),
    ],
)
def test_substitutions_return_what_they_declare_or_less_where_they_may(
    inputs: list[str], outputs: list[str], may_drop: bool, kind: str
) -> None:
    if not kind:
        net = ja.replay(drops(inputs, outputs, may_drop), [])
        assert net.outputs == (("out", Source("", inputs[0])),)
        return
    with pytest.raises(ja.SpaceError, match=f"^place: the substitution declares {kind}; make them"):
        drops(inputs, outputs, may_drop)
