"""The text form: golden files, every kind of value, and errors that name the line.

The golden files are made anew by `JARCH_GOLDEN=1 pytest tests/test_text.py`; read what changed.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

import jarch as ja
from jarch import nn
from jarch.ir import OPS, Basic, Constant, Inference, Op, Properties, Shapes, Source

GOLDEN = Path(__file__).parent / "golden"


def forward(properties: Properties, shapes: Shapes) -> Inference:
    return Inference({"left": shapes["in"], "right": shapes["in"]})


SPLIT = Op("test_text:SPLIT", forward)


def every_kind() -> ja.Fragment:
    """A piece with all that a line can hold."""
    wiring = ja.Wiring(["image", "text"])
    width = ja.Discrete([8, 16], name="width")
    twice = ja.Dependent(double, {"width": width}, name="twice")
    halves = wiring.add(
        ja.basic(SPLIT, {"at": (1, 2), "name": "a, b"}, outputs=["left", "right"]),
        {"in": wiring.input("image")},
    )
    left = wiring.add(nn.dense(features=width), {"in": halves["left"]}, "tower")["out"]
    right = wiring.add(nn.dense(features=twice), {"in": halves["right"]}, "tower")["out"]
    piece = ja.optional(nn.relu, ja.Bool("include"), name="maybe")
    text = wiring.add(piece, {"in": wiring.input("text")})["out"]
    ends = {"in0": left, "in1": right, "in2": text}
    return wiring.build({"joined": wiring.add(nn.concatenate(3), ends)["out"], "raw": left})


def double(width: int) -> int:
    return 2 * width


def published() -> ja.Architecture:
    values = [2, 0, 1, 16, 3, 2, 1, 1, 1, 1, 3, 2, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1]
    return ja.replay(ja.trace(ja.spaces.mobilenet_blog), values)


GOLDENS: dict[str, Callable[[], str]] = {
    "every_kind_fragment": lambda: f"{ja.trace(every_kind).program.fragment}\n",
    "every_kind_architecture": lambda: ja.to_text(
        ja.replay(ja.trace(every_kind), {"include": True, "width": 8})
    ),
    "mobilenet_blog_fragment": lambda: f"{ja.trace(ja.spaces.mobilenet_blog).program.fragment}\n",
    "mobilenet_blog_architecture": lambda: ja.to_text(published()),
}


@pytest.mark.parametrize("name", GOLDENS)
def test_golden(name: str) -> None:
    path = GOLDEN / f"{name}.txt"
    found = GOLDENS[name]()
    if os.environ.get("JARCH_GOLDEN"):
        path.write_text(found)
    assert found == path.read_text()


@pytest.mark.parametrize("name", [name for name in GOLDENS if name.endswith("architecture")])
def test_golden_architectures_parse_back(name: str) -> None:
    text = (GOLDEN / f"{name}.txt").read_text()
    net = ja.parse(text, ops={SPLIT.name: SPLIT})
    assert ja.to_text(net) == text
    assert ja.parse(str(net), ops={SPLIT.name: SPLIT}) == net
    assert ja.parse(str(net), ops={SPLIT.name: SPLIT}).decisions == ()


def test_the_text_is_as_easily_written_by_hand() -> None:
    net = ja.parse(
        """
        # a comment before the head

        architecture(@b, @a) -> (out=%merged, again=@a) {
        # another
          %split = test_text:SPLIT(@a) -> (left, right)

          %merged = add(in0=%split:left, in1=%split:right) odd='}', scale=1
        }
        decisions {
          # none
        }
        """,
        ops={SPLIT.name: SPLIT},
    )
    assert net == ja.parse(ja.to_text(net), ops={SPLIT.name: SPLIT})
    node = dict(net.nodes)["merged"]
    assert node.op == OPS["add"]
    assert node.properties == (("odd", "}"), ("scale", 1))
    assert node.inputs == (("in0", Source("split", "left")), ("in1", Source("split", "right")))


constants: st.SearchStrategy[Constant] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["a", "b", "c_1"]), constants), constants)
def test_values_of_all_types_round_trip(
    properties: dict[str, Constant], decision: Constant
) -> None:
    node = Basic(OPS["relu"], tuple(sorted(properties.items())), (("in", Source("", "in")),))
    out = (("out", Source("relu", "out")),)
    net = ja.Architecture(("in",), (("relu", node),), out, (("scope/key", decision),))
    for again in (ja.parse(ja.to_text(net)), ja.from_json(ja.to_json(net))):
        assert repr(again) == repr(net)  # with the types of the values
        assert ja.fingerprint(again) == ja.fingerprint(net)


HEAD = "architecture(@in) -> (out=%relu) {\n"

MISTAKES = [
    ("", r"^line 1: expected the form 'architecture\(@in\) -> \(out=%node\) \{', found: $"),
    ("\n\nnonsense", r"^line 3: expected the form 'architecture.*found: nonsense$"),
    (HEAD + "  %relu = relu(@in)", r"^line 1: the block that begins here has no closing brace$"),
    (HEAD + "  relu(@in)\n}", r"^line 2: expected the form '%key = op\(inputs\).*: relu\(@in\)$"),
    (HEAD + "# x\n\n  %relu = rely(@in)\n}", r"^line 4: operation 'rely' is unknown here"),
    (HEAD + "  %relu = relu(in)\n}", r"^line 2: expected 'name=%node', found 'in': %relu"),
    (HEAD + "  %relu = relu(@in) a=b\n}", r"^line 2: 'b' is not a literal: %relu"),
    (HEAD + "  %relu = relu(@in) a=\n}", r"^line 2: .*: %relu = relu\(@in\) a=$"),
    (HEAD + "  %relu = relu(@in) 3\n}", r"^line 2: properties are written as name=value, …: %"),
    (HEAD + "  %relu = relu(@in) a={1: 2}\n}", r"^line 2: a: \{1: 2\} is a dict, not plain data"),
    (HEAD + "  %relu = relu(%dense)\n}", r"^the text describes no valid architecture: relu: input"),
    (HEAD + "  %relu = relu(@image)\n}", r"^the text describes no valid architecture: relu: input"),
    (HEAD + "}", r"^the text describes no valid architecture: output out: %relu is no node"),
    (
        HEAD + "  %relu = relu(@in)\n  %relu = relu(@in)\n}",
        r"^the text describes no valid architecture: relu: two nodes have this key$",
    ),
    (HEAD + "  %relu = relu(@in)\n}\nmore", r"^line 4: expected 'decisions \{', found: more$"),
    (
        HEAD + "  %relu = relu(@in)\n}\ndecisions {\n  a 3\n}",
        r"^line 5: expected the form 'key = value', found: a 3$",
    ),
    (
        HEAD + "  %relu = relu(@in)\n}\ndecisions {\n  a = b\n}",
        r"^line 5: 'b' is not a literal$",
    ),
    (
        HEAD + "  %relu = relu(@in)\n}\ndecisions {\n  a = (\n}",
        r"^line 5: '\(' is not a literal$",
    ),
    (
        HEAD + "  %relu = relu(@in)\n}\ndecisions {\n  a = {1}\n}",
        r"^line 5: \{1\} is a set, not plain data",
    ),
    (
        "architecture(@in) -> () {\n}",
        r"^the text describes no valid .*: the architecture has no out",
    ),
    ("architecture(@in) -> (in) {\n}", r"^line 1: expected 'name=%node', found 'in'$"),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_mistakes_name_the_line(text: str, message: str) -> None:
    with pytest.raises(ja.ParseError, match=message):
        ja.parse(text)
