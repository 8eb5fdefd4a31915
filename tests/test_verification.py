"""The verifier: valid IR passes, and each thing broken is found."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from rpds import HashTrieMap

import jarch as ja
from jarch import nn
from jarch.ir import OPS, Basic, IndependentHyperparameter, Source
from jarch.ir.scopes import scope
from jarch.ir.state import State


def net() -> ja.Architecture:
    return ja.replay(ja.trace(lambda: ja.residual(nn.dense(features=3, name="a"))), [])


def node(op: str, source: Source, **properties: object) -> Basic:
    return Basic(OPS[op], tuple(properties.items()), (("in", source),))  # type: ignore[arg-type]


with scope("test"):
    OPEN = ja.Bool("open")

IN, A = Source("", "in"), Source("a", "out")
OUT = (("out", A),)

ARCHITECTURES: list[tuple[ja.Architecture, str]] = [
    (replace(net(), nodes=net().nodes[::-1]), "add: input in0: %a is no node before it"),
    (replace(net(), nodes=net().nodes[:1]), "output out: %add is no node before it"),
    (replace(net(), nodes=net().nodes[:1] + net().nodes), "a: two nodes have this key"),
    (replace(net(), inputs=("image",)), "a: input in: @in has no such output"),
    (replace(net(), outputs=()), "the architecture has no output"),
    (
        replace(net(), outputs=(("out", Source("add", "left")),)),
        "output out: %add:left has no such output",
    ),
    (ja.Architecture(("in",), (("", node("relu", IN)),), OUT), ": two nodes have this key"),
    (
        ja.Architecture(("in",), (("a", node("relu", A)),), OUT),
        "a: input in: %a is no node before it",
    ),
    (
        ja.Architecture(("in",), (("a", node("relu", IN, b=1, a=2)),), OUT),
        "a: properties ['b', 'a'] are not sorted by name",
    ),
    (
        ja.Architecture(("in",), (("a", node("relu", IN, b=OPEN)),), OUT),
        "a: b has no value",
    ),
]


@pytest.mark.parametrize(("architecture", "message"), ARCHITECTURES)
def test_broken_architectures_are_found(architecture: ja.Architecture, message: str) -> None:
    ja.verify(net())
    with pytest.raises(ja.SpaceError) as error:
        ja.verify(architecture)
    assert str(error.value) == message


def double(x: int) -> int:
    return 2 * x


def space() -> ja.Fragment:
    """Two decisions now, a third after the next, and a dependent."""

    def grow(twice: int) -> ja.Fragment:
        return nn.dense(features=ja.Discrete([1, 2], name="late"))

    width = ja.Discrete([1, 2], name="width")
    twice = ja.Dependent(double, {"x": width}, name="twice")
    return ja.sequential(
        ja.substitution(grow, {"twice": twice}, name="grow"),
        nn.dense(features=ja.Discrete([1, 2], name="first")),
        nn.dense(features=twice),
        nn.dense(features=width),
    )


def broken(decisions: int, change: Callable[[State], object]) -> ja.Space:
    found = ja.trace(space)
    for _ in range(decisions):
        found = ja.assign(found, 1)
    ja.verify(found)
    state = found.state.copy()
    change(state)
    return ja.Space(found.program, state)


def forget(state: State, key: str) -> None:
    state.pending = state.pending.discard(key)


def unexpand(state: State) -> None:
    state.expanded = HashTrieMap()


def stop_waiting(state: State, key: str) -> None:
    state.pending = state.pending.insert(key, (state.pending[key][0], None))


def wait_for(state: State, key: str, other: str) -> None:
    h, waiters = state.pending[key]
    state.pending = state.pending.insert(key, (h, state.pending[other][1] or waiters))


def assign_nine(state: State) -> None:
    state.environment = state.environment.insert("width", 9).insert("twice", 18)
    state.trail = (None, "width", 9)


def set_attribute(name: str, change: Callable[[State], object]) -> Callable[[State], object]:
    return lambda state: setattr(state, name, change(state))


def stranger() -> IndependentHyperparameter:
    with scope(""):
        return ja.Discrete([1], name="stranger")


SPACES: list[tuple[int, Callable[[State], object], str]] = [
    (0, lambda s: forget(s, "first"), "what is pending is not what the reachable nodes need"),
    (0, lambda s: forget(s, "twice"), "what is pending is not what the reachable nodes need"),
    (
        0,
        lambda s: setattr(s, "pending", s.pending.insert("stranger", (stranger(), None))),
        "what is pending is not what the reachable nodes need",
    ),
    (0, set_attribute("open", lambda s: 7), "the number of open hyperparameters is wrong"),
    (0, set_attribute("queue", lambda s: ()), "open hyperparameters but nothing is next"),
    (0, set_attribute("queue", lambda s: s.queue[::-1]), "the round is not in backward order"),
    (0, set_attribute("queue", lambda s: s.queue[:1]), "the round is not in backward order"),
    (0, lambda s: stop_waiting(s, "twice"), "grow waits for nothing"),
    (0, lambda s: stop_waiting(s, "width"), "twice waits for nothing"),
    (0, lambda s: wait_for(s, "first", "width"), "waits for first in vain"),
    (1, unexpand, "grow has all values but is not expanded"),
    (
        1,
        lambda s: setattr(s, "environment", s.environment.insert("width", 2)),
        "width lost its value",
    ),
    (
        1,
        lambda s: setattr(s, "environment", s.environment.insert("twice", 3)),
        "twice is not what its parents make it",
    ),
    (1, set_attribute("trail", lambda s: None), "width has a value but was never assigned"),
    (
        1,
        set_attribute("trail", lambda s: (s.trail, "width", 1)),
        "a hyperparameter was assigned twice",
    ),
    (
        1,
        assign_nine,
        "width: 9 is not in {1, 2}",
    ),
]


@pytest.mark.parametrize(("decisions", "change", "message"), SPACES)
def test_broken_spaces_are_found(
    decisions: int, change: Callable[[State], object], message: str
) -> None:
    with pytest.raises(ja.SpaceError, match=re.escape(message)):
        ja.verify(broken(decisions, change))


def test_two_nodes_with_one_key_are_found() -> None:
    """Wiring never gives a name twice; a fragment written by hand may."""
    nodes = [
        ("a", node("relu", IN)),
        ("b", node("relu", A)),
        ("a", node("relu", Source("b", "out"))),
    ]
    clash = ja.Fragment(("in",), tuple(nodes), OUT)
    with pytest.raises(ja.SpaceError, match="two nodes have the same key"):
        ja.verify(ja.trace(lambda: clash))


@pytest.mark.parametrize("value", [0, 1, 2])
def test_all_spaces_on_the_way_are_valid(value: int) -> None:
    found = ja.trace(ja.spaces.digits_conv)
    while found.next is not None:
        ja.verify(found)
        found = ja.assign(found, found.next.domain[min(value, len(found.next.domain) - 1)])
    ja.verify(found)
    ja.verify(ja.architecture(found))
