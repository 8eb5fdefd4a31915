"""JSON, other processes, and operations that are not jarch's own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from hypothesis import given, strategies as st

import jarch as ja
from jarch.ir import OPS, Inference, Op, Properties, Shapes
from jarch.ir.serialization import find_op
from jarch.testing import strategies

RunPython = Callable[..., str]


def forward(properties: Properties, shapes: Shapes) -> Inference:
    return Inference({"out": shapes["in"]})


HIDDEN = Op("nowhere:HIDDEN", forward)

MINE = """
from jarch import nn
from jarch.ir import Inference, Op

def infer(properties, shapes):
    return Inference({"out": shapes["in"]}, flops=7)

PLAIN = Op("mine_for_jarch:PLAIN", infer)
OTHER = Op("mine_for_jarch:PLAIN2", infer)

class Holder:
    INNER = Op("mine_for_jarch:Holder.INNER", infer)

@nn.op
def scale(x, *, factor=2.0):
    return x * factor
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make a module of a user's importable."""
    (tmp_path / "mine_for_jarch.py").write_text(MINE)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield
    sys.modules.pop("mine_for_jarch", None)


def of_op(op: Op) -> ja.Architecture:
    return ja.replay(ja.trace(lambda: ja.basic(op, {"a": (1, 2.0, None)}, name="node")), [])


def test_json_says_all_there_is() -> None:
    def space() -> ja.Fragment:
        width = ja.Discrete([(1, 2), None], name="width")
        wiring = ja.Wiring(["b", "a"])
        node = ja.basic(OPS["add"], {"width": width}, ["in1", "in0"], ["p", "q"])
        ends = wiring.add(node, {"in1": wiring.input("a"), "in0": wiring.input("b")})
        return wiring.build({"y": ends["q"], "x": wiring.input("b")})

    written = ja.to_json(ja.replay(ja.trace(space), [(1, 2)]))
    assert json.loads(written) == {
        "format": "jarch.architecture/1",
        "inputs": ["a", "b"],
        "nodes": [
            {
                "key": "add",
                "op": "add",
                "properties": {"width": [1, 2]},
                "inputs": [["in1", "", "a"], ["in0", "", "b"]],
                "outputs": ["p", "q"],
            }
        ],
        "outputs": [["x", "", "b"], ["y", "add", "q"]],
        "decisions": [["width", [1, 2]]],
    }
    assert ja.to_json(ja.from_json(written)) == written
    assert ja.from_json(ja.to_json(ja.from_json(written), indent=2)) == ja.from_json(written)


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize("name", ["PLAIN", "Holder.INNER", "scale"])
def test_a_users_operation_is_found_by_its_name(name: str) -> None:
    op = find_op(f"mine_for_jarch:{name}")
    assert op.name == f"mine_for_jarch:{name}"
    net = of_op(op)
    assert ja.from_json(ja.to_json(net)) == net
    assert ja.parse(ja.to_text(net)) == net
    assert ja.from_json(ja.to_json(net)).nodes[0][1].op is op


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    "name",
    [
        "rely",
        "mine_for_jarch:GONE",
        "mine_for_jarch:OTHER",
        "mine_for_jarch",
        "no_module:x",
        ":",
        "",
    ],
)
def test_unknown_operations(name: str) -> None:
    """Also where what is found there has another name."""
    net = of_op(Op(name, forward)) if name.isidentifier() else of_op(HIDDEN)
    text = ja.to_json(net).replace("nowhere:HIDDEN", name)
    with pytest.raises(ja.ParseError) as error:
        ja.from_json(text)
    assert str(error.value) == (
        f"operation {name!r} is unknown here; make it importable under this name, or pass "
        f"ops={{{name!r}: …}}"
    )


def test_operations_can_be_given() -> None:
    net = of_op(HIDDEN)
    for again in (
        ja.from_json(ja.to_json(net), ops={HIDDEN.name: HIDDEN}),
        ja.parse(ja.to_text(net), ops={HIDDEN.name: HIDDEN}),
    ):
        assert again == net
        assert again.nodes[0][1].op is HIDDEN


NET = json.loads(ja.to_json(of_op(OPS["relu"])))
NODE = NET["nodes"][0]

BROKEN: list[tuple[object, str]] = [
    ("", r"^this is not an architecture as to_json writes it: JSONDecodeError"),
    ("{}", r"^this is not an architecture as to_json writes it: KeyError\('format'\)"),
    ("[]", r"^this is not an architecture as to_json writes it: TypeError"),
    (NET | {"format": "jarch.architecture/2"}, r"^format 'jarch.architecture/2' is not 'jarch"),
    (NET | {"nodes": 3}, r"^this is not an architecture as to_json writes it: TypeError"),
    (NET | {"nodes": [NODE | {"op": "x"}]}, r"^operation 'x' is unknown here"),
    (NET | {"nodes": [NODE, NODE]}, r"^node: two nodes have this key$"),
    (NET | {"nodes": [NODE | {"inputs": [["in", "x", "out"]]}]}, r"^node: input in: %x is no node"),
    (NET | {"nodes": [NODE | {"properties": {"a": {}}}]}, r"a: \{\} is a dict, not plain data"),
    (NET | {"outputs": [["out", "node", "left"]]}, r"^output out: %node:left has no such output$"),
    (NET | {"outputs": []}, r"^the architecture has no output$"),
]


@pytest.mark.parametrize(("value", "message"), BROKEN)
def test_what_is_no_architecture_is_refused(value: object, message: str) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    with pytest.raises(ja.ParseError, match=message):
        ja.from_json(text)


OTHER_PROCESS = """
import json, sys
import jarch as ja
from jarch.testing.strategies import Number, Piece, SpaceFunction
for line in sys.stdin:
    space_function, values = json.loads(line)
    net = ja.replay(ja.trace(eval(space_function)), values)
    print(json.dumps([ja.to_json(net), ja.fingerprint(net)]), flush=True)
"""


class Other:
    """A process that replays values and says what they lead to there."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._input: IO[str] = process.stdin
        self._output: IO[str] = process.stdout

    def replay(self, space_function: object, values: tuple[object, ...]) -> tuple[str, str]:
        print(json.dumps([repr(space_function), values]), file=self._input, flush=True)
        written, fingerprint = json.loads(self._output.readline())
        return written, fingerprint


@pytest.fixture(scope="module")
def other() -> Iterator[Other]:
    """Start a process in which strings have other hashes."""
    environment = os.environ | {
        "PYTHONPATH": str(Path(ja.__file__).parent.parent),
        "PYTHONHASHSEED": "12345",
    }
    with subprocess.Popen(
        [sys.executable, "-c", OTHER_PROCESS],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Other(process)
        assert process.stdin is not None
        process.stdin.close()


@given(space_function=strategies.space_functions(), seed=st.integers(0, 2**32))
def test_values_lead_to_the_same_architecture_in_another_process(
    other: Other, space_function: strategies.SpaceFunction, seed: int
) -> None:
    try:
        net = ja.sample(ja.trace(space_function), np.random.default_rng(seed))
    except ja.InvalidArchitecture:
        return
    written, fingerprint = other.replay(space_function, net.values)
    assert written == ja.to_json(net)
    assert ja.from_json(written) == net
    assert fingerprint == ja.fingerprint(net)


def test_json_round_trips_through_another_process(run_python: RunPython) -> None:
    program = """
import sys, jarch as ja
print(ja.to_json(ja.from_json(sys.argv[1])), ja.fingerprint(ja.from_json(sys.argv[1])), sep="\\n")
"""
    net = ja.sample(ja.trace(ja.spaces.mobilenet), np.random.default_rng(0))
    text = ja.to_json(net)
    assert run_python(program, text, seed=7).split("\n")[:2] == [text, ja.fingerprint(net)]
