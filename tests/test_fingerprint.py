"""Law 6: equal models have equal fingerprints, and only those."""

import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, strategies as st

import jarch as ja
from jarch import nn
from jarch.ir import OPS, Basic, Constant, Source
from jarch.testing import strategies

RunPython = Callable[..., str]

Nodes = tuple[tuple[str, Basic], ...]


def drawn(space: ja.Space, seed: int) -> ja.Architecture:
    return ja.sample_uniform(space, np.random.default_rng(seed))


def rewired(node: Basic, rename: Callable[[Source], Source]) -> Basic:
    inputs = tuple((name, rename(source)) for name, source in node.inputs)
    return Basic(node.op, node.properties, inputs, node.outputs)


def renamed(net: ja.Architecture, chance: random.Random) -> ja.Architecture:
    """The same with other keys, names of inputs and outputs (in their order), and node order."""
    keys = [key for key, _ in net.nodes]
    others = dict(
        zip(keys, chance.sample([f"n{i}" for i in range(len(keys))], len(keys)), strict=True)
    )
    inputs = {name: f"z{i}" for i, name in enumerate(net.inputs)}

    def rename(source: Source) -> Source:
        if source.node:
            return Source(others[source.node], source.output)
        return Source("", inputs[source.output])

    left = {others[key]: rewired(node, rename) for key, node in net.nodes}
    nodes: dict[str, Basic] = {}
    while left:
        ready = [
            key
            for key, node in left.items()
            if all(source.node in nodes or not source.node for _, source in node.inputs)
        ]
        key = chance.choice(ready)
        nodes[key] = left.pop(key)
    outputs = tuple((f"y{i}", rename(source)) for i, (_, source) in enumerate(net.outputs))
    return ja.Architecture(tuple(inputs.values()), tuple(nodes.items()), outputs)


@given(strategies.spaces(max_leaves=8), st.integers(0, 2**32), st.randoms(use_true_random=False))
def test_names_and_order_do_not_count(space: ja.Space, seed: int, chance: random.Random) -> None:
    net = drawn(space, seed)
    other = renamed(net, chance)
    ja.verify(other)
    assert ja.fingerprint(other) == ja.fingerprint(net)


def changed_op(node: Basic) -> Basic:
    op = OPS["tanh"] if node.op == OPS["relu"] else OPS["relu"]
    return Basic(op, node.properties, node.inputs, node.outputs)


def changed_property(node: Basic, value: Constant) -> Basic:
    properties = dict(node.properties) | {"extra": value}
    return Basic(node.op, tuple(sorted(properties.items())), node.inputs, node.outputs)


def changed_input_name(node: Basic) -> Basic:
    inputs = tuple((f"{name}x", source) for name, source in node.inputs)
    return Basic(node.op, node.properties, inputs, node.outputs)


def changed_output_name(node: Basic) -> Basic:
    return Basic(node.op, node.properties, node.inputs, (*node.outputs, "more"))


CHANGES: list[Callable[[Basic], Basic]] = [
    changed_op,
    lambda node: changed_property(node, 1),
    changed_input_name,
    changed_output_name,
]


@given(strategies.spaces(max_leaves=8), st.integers(0, 2**32), st.data())
def test_every_change_of_a_node_counts(space: ja.Space, seed: int, data: st.DataObject) -> None:
    net = drawn(space, seed)
    if not net.nodes:
        return
    index = data.draw(st.integers(0, len(net.nodes) - 1))
    change = data.draw(st.sampled_from(CHANGES))
    nodes = list(net.nodes)
    nodes[index] = nodes[index][0], change(nodes[index][1])
    other = ja.Architecture(net.inputs, tuple(nodes), net.outputs)
    assert ja.fingerprint(other) != ja.fingerprint(net)


def typed(value: Constant) -> ja.Architecture:
    return ja.replay(ja.trace(lambda: ja.basic(OPS["relu"], {"a": value})), [])


def test_types_and_values_of_properties_count() -> None:
    values: list[Constant] = [
        0,
        False,
        0.0,
        -0.0,
        None,
        "",
        "0",
        (),
        (0,),
        ((0,),),
        (0, 0),
        1,
        True,
    ]
    found = {ja.fingerprint(typed(value)) for value in values}
    assert len(found) == len(values)


def chain(*edges: str, outputs: str = "c") -> ja.Architecture:
    """Nodes a, b, c, each an addition; an edge `xy` feeds one of two inputs, `@` is the input."""
    nodes: list[tuple[str, Basic]] = []
    for key, feeds in zip("abc", edges, strict=True):
        sources = [Source("", "in") if feed == "@" else Source(feed, "out") for feed in feeds]
        inputs = tuple((f"in{i}", source) for i, source in enumerate(sources))
        nodes.append((key, Basic(OPS["add"], (), inputs)))
    ends = tuple((f"out{i}", Source(key, "out")) for i, key in enumerate(outputs))
    net = ja.Architecture(("in",), tuple(nodes), ends)
    ja.verify(net)
    return net


def test_edges_count() -> None:
    nets = [
        chain("@@", "aa", "bb"),
        chain("@@", "aa", "ab"),
        chain("@@", "aa", "ba"),  # inputs are ordered
        chain("@@", "a@", "bb"),
        chain("@@", "@a", "bb"),
        chain("@@", "@@", "ab"),
        chain("@@", "@@", "aa"),  # a shared node is not a node computed twice
        chain("@@", "aa", "bb", outputs="cb"),
        chain("@@", "aa", "bb", outputs="bc"),  # outputs are ordered
        chain("@@", "aa", "bb", outputs="cc"),
        chain("@", "a", "b"),
    ]
    assert len({ja.fingerprint(net) for net in nets}) == len(nets)


def test_nodes_that_no_output_needs_do_not_count() -> None:
    assert ja.fingerprint(chain("@@", "aa", "@@", outputs="b")) == ja.fingerprint(
        chain("@@", "aa", "ab", outputs="b")
    )


def two_inputs(first: str, second: str, names: tuple[str, ...] = ("a", "b")) -> ja.Architecture:
    feeds = (("in0", Source("", first)), ("in1", Source("", second)))
    node = Basic(OPS["concatenate"], (), feeds)
    return ja.Architecture(names, (("node", node),), (("out", Source("node", "out")),))


def test_which_input_and_how_many_count() -> None:
    found = [
        ja.fingerprint(net)
        for net in (
            two_inputs("a", "b"),
            two_inputs("b", "a"),
            two_inputs("a", "a"),
            two_inputs("a", "b", ("a", "b", "c")),
        )
    ]
    assert len(set(found)) == 4
    assert ja.fingerprint(two_inputs("x", "y", ("x", "y"))) == found[0]


def test_which_output_of_a_node_counts() -> None:
    def net(output: str) -> ja.Architecture:
        node = Basic(OPS["relu"], (), (("in", Source("", "in")),), ("p", "q"))
        return ja.Architecture(("in",), (("node", node),), (("out", Source("node", output)),))

    assert ja.fingerprint(net("p")) != ja.fingerprint(net("q"))


PINNED = "bfc9d1a2b9627c40235c74ffc6966c0313fe2893330bbbcf2095247e5340a333"


def test_the_fingerprint_is_the_same_in_all_processes_and_versions(run_python: RunPython) -> None:
    """Stores keep fingerprints: change how they are made only with a new format for all that."""
    values = [2, 0, 1, 16, 3, 2, 1, 1, 1, 1, 3, 2, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1]
    net = ja.replay(ja.trace(ja.spaces.mobilenet_blog), values)
    assert ja.fingerprint(net) == PINNED
    program = f"""
import jarch as ja
print(ja.fingerprint(ja.replay(ja.trace(ja.spaces.mobilenet_blog), {values})))
"""
    assert {run_python(program, seed=seed) for seed in (3, 4)} == {f"{PINNED}\n"}


def test_all_architectures_of_a_space_without_symmetries_differ() -> None:
    nets = list(ja.enumerate_architectures(ja.trace(ja.spaces.digits_dense)))
    assert len({ja.fingerprint(net) for net in nets}) == len(nets)


@pytest.mark.parametrize("first", [nn.relu, lambda: ja.sequential(nn.relu, name="deep/er")])
def test_where_a_piece_was_made_does_not_count(first: Callable[[], ja.Fragment]) -> None:
    wrapped = ja.replay(ja.trace(lambda: ja.repeat(first, ja.Discrete([1]))), [1])
    assert ja.fingerprint(wrapped) == ja.fingerprint(ja.replay(ja.trace(nn.relu), []))
