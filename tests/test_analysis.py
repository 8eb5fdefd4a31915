"""Totals, per-node records and shapes of architectures; errors that say where and why."""

import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, strategies as st

import jarch as ja
from jarch import nn
from jarch.ir import (
    Architecture,
    Fragment,
    Inference,
    Op,
    Properties,
    Shapes,
    analysis as analysis_module,
    totals,
    totals_for,
)
from jarch.testing import strategies


def decide(fragment: Fragment) -> Architecture:
    """Return a piece without hyperparameters as an architecture."""
    return ja.replay(ja.trace(lambda: fragment), [])


def test_totals_and_records() -> None:
    net = decide(ja.sequential(nn.conv(4, 3), nn.batch_norm, nn.relu, nn.flatten, nn.dense(10)))
    analysis = ja.analyze(net, {"in": (8, 8, 1)})
    assert analysis.parameters == 40 + 16 + 2570
    assert analysis.trainable_parameters == 40 + 8 + 2570
    assert analysis.flops == (2 * 22**2 * 4 + 256) + (3 * 256 + 8) + 256 + (2 * 2560 + 10)
    assert analysis.activation_bytes == 4 * (4 * 256 + 10)
    assert analysis.shapes == {
        "conv": (8, 8, 4),
        "batch_norm": (8, 8, 4),
        "relu": (8, 8, 4),
        "flatten": (256,),
        "dense": (10,),
    }
    assert analysis.outputs == {"out": (10,)}
    assert [(n.key, n.op.name, n.parameters, n.trainable_parameters) for n in analysis.nodes] == [
        ("conv", "conv", 40, 40),
        ("batch_norm", "batch_norm", 16, 8),
        ("relu", "relu", 0, 0),
        ("flatten", "flatten", 0, 0),
        ("dense", "dense", 2570, 2570),
    ]
    assert [variable.path for variable in analysis.nodes[0].variables] == [("kernel",), ("bias",)]
    assert str(analysis).startswith("2,626 parameters (2,618 trainable), ")


def test_a_node_used_twice_counts_once() -> None:
    wiring = ja.Wiring()
    hidden = wiring.add(nn.dense(4), {"in": wiring.input()})["out"]
    both = wiring.add(nn.add(), {"in0": hidden, "in1": hidden})["out"]
    analysis = ja.analyze(decide(wiring.build({"out": both, "hidden": hidden})), {"in": (4,)})
    assert analysis.parameters == 20
    assert analysis.outputs == {"out": (4,), "hidden": (4,)}


def test_several_inputs() -> None:
    wiring = ja.Wiring(["image", "label"])
    label = wiring.add(nn.embedding(10, 3), {"in": wiring.input("label")})["out"]
    image = wiring.add(nn.flatten(), {"in": wiring.input("image")})["out"]
    both = wiring.add(nn.concatenate(), {"in0": image, "in1": label})["out"]
    net = decide(wiring.build({"out": both}))
    assert ja.analyze(net, {"image": (2, 2), "label": ()}).outputs == {"out": (7,)}


def test_an_input_may_be_the_output() -> None:
    analysis = ja.analyze(decide(ja.identity()), {"in": (5, 4)})
    assert (analysis.parameters, analysis.nodes, analysis.outputs) == (0, (), {"out": (5, 4)})


def split(properties: Properties, shapes: Shapes) -> Inference:
    (shape,) = shapes.values()
    return Inference({"left": shape[:1], "right": shape[1:]})


def test_a_node_of_several_outputs() -> None:
    piece = ja.basic(Op("test:split", split), {}, outputs=("left", "right"))
    wiring = ja.Wiring()
    ends = wiring.add(piece, {"in": wiring.input()})
    end = wiring.add(nn.dense(3), {"in": ends["right"]})["out"]
    net = decide(wiring.build({"left": ends["left"], "right": end}))
    analysis = ja.analyze(net, {"in": (5, 4)})
    assert analysis.shapes == {"split:left": (5,), "split:right": (4,), "dense": (3,)}
    assert analysis.outputs == {"left": (5,), "right": (3,)}


def test_a_rule_that_forgets_an_output_is_named() -> None:
    net = decide(ja.basic(Op("test:split", split), {}))
    with pytest.raises(ja.ShapeError, match=r"^split: .*gives the outputs \['left', 'right'\]"):
        ja.analyze(net, {"in": (5, 4)})


def test_what_a_rule_raises_says_where() -> None:
    def fail(properties: Properties, shapes: Shapes) -> Inference:
        raise ZeroDivisionError("by 0")

    net = decide(ja.basic(Op("test:odd", fail), {}, name="here"))
    with pytest.raises(ZeroDivisionError) as caught:
        ja.analyze(net, {"in": (5, 4)})
    assert caught.value.__notes__ == [
        "raised by the inference rule of %here (test:odd, of in (5, 4))"
    ]


def test_redefined_operations_are_not_confused() -> None:
    """Two operations of one name are equal, but each is inferred by its own rule."""

    def op(size: int) -> Op:
        return Op("test:same", lambda properties, shapes: Inference({"out": (size,)}))

    for size in (3, 4):
        assert ja.analyze(decide(ja.basic(op(size), {})), {"in": (5,)}).outputs["out"] == (size,)


@pytest.mark.parametrize("kernel_size", [3, (3,)])
def test_equal_values_of_other_types_are_not_confused(kernel_size: int | tuple[int]) -> None:
    """1 == 1.0 == True, also inside tuples; what was inferred for one says nothing of the other."""
    right = nn.conv(1, kernel_size)
    ja.analyze(decide(right), {"in": (4, 1)})
    ((_, node),) = right.nodes
    for name, wrong in (("features", 1.0), ("features", True), ("kernel_size", (3.0,))):
        properties = {**dict(node.properties), name: wrong}
        net = decide(ja.basic(ja.ir.OPS["conv"], properties))
        with pytest.raises(ja.ShapeError, match=name):
            ja.analyze(net, {"in": (4, 1)})


def test_an_error_names_node_shapes_and_decisions() -> None:
    def space() -> Fragment:
        strides = ja.Discrete([1, 2], "strides")
        body = ja.sequential(nn.conv(4, 3, strides), nn.relu, name="body")
        return ja.sequential(nn.conv(4, 1), ja.residual(body))

    traced = ja.trace(space)
    assert ja.analyze(ja.replay(traced, [1]), {"in": (8, 8, 1)}).outputs["out"] == (8, 8, 4)
    with pytest.raises(ja.ShapeError) as caught:
        ja.analyze(ja.replay(traced, [2]), {"in": (8, 8, 1)})
    assert str(caught.value) == (
        "add: input in0 has shape (4, 4, 4) but in1 has (8, 8, 4); make them the same, for example "
        "with the same features and strides in both branches\n"
        "  the node: %add = add(in0=%body/relu, in1=%conv)\n"
        "  it gets: in0 (4, 4, 4) from %body/relu, in1 (8, 8, 4) from %conv\n"
        "  decisions: strides=2"
    )


def test_an_error_after_many_decisions_is_short() -> None:
    def space() -> Fragment:
        optionals = [ja.optional(nn.relu, ja.Bool()) for _ in range(100)]
        return ja.sequential(*optionals, nn.conv(4, 3))

    net = ja.sample(ja.trace(space), np.random.default_rng(0))
    with pytest.raises(ja.ShapeError, match=r"decisions: bool-\d+=.*, and 60 more$") as caught:
        ja.analyze(net, {"in": (8,)})
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, r"shapes are given for the inputs \[\], but the architecture takes \['in'\]"),
        ({"in": (8,), "x": (8,)}, r"inputs \['in', 'x'\], but the architecture takes \['in'\]"),
        ({"in": (0, 8)}, r"input 'in' has shape \(0, 8\); all sizes .* \(leave out the batch axis"),
        ({"in": (8.0,)}, r"shape \(8.0,\); all sizes must be integers"),
        ({"in": (None, 8)}, r"shape \(None, 8\); all sizes must be integers"),
        ({"in": (True,)}, r"shape \(True,\); all sizes must be integers"),
        ({"in": 8}, r"input 'in' has shape 8; give a tuple"),
    ],
)
def test_wrong_inputs(inputs: Shapes, message: str) -> None:
    with pytest.raises(ja.ShapeError, match=message):
        ja.analyze(decide(nn.dense(3)), inputs)


@given(strategies.spaces(), st.integers(0, 2**32))
def test_records_add_up(space: ja.Space, seed: int) -> None:
    try:
        net = ja.sample(space, np.random.default_rng(seed))
    except ja.InvalidArchitecture:
        return
    analysis = ja.analyze(net, dict.fromkeys(net.inputs, (strategies.WIDTH,)))
    assert [node.key for node in analysis.nodes] == [key for key, _ in net.nodes]
    assert analysis.parameters == sum(node.parameters for node in analysis.nodes)
    assert analysis.flops == sum(node.flops for node in analysis.nodes)
    assert set(analysis.outputs) == {name for name, _ in net.outputs}
    assert totals(net, dict.fromkeys(net.inputs, (strategies.WIDTH,))) == analysis.totals


def test_analysis_takes_a_look_up_a_node() -> None:
    """0.2 ms for 60 nodes on an idle machine; the bound here is for a busy one."""
    block = ja.sequential(nn.depthwise_conv(3), nn.batch_norm, nn.relu, nn.conv(16, 1), nn.relu)
    net = decide(ja.sequential(nn.conv(16, 3), *[block] * 11, nn.global_avg_pool, nn.dense(10)))
    assert len(net.nodes) == 58
    times: list[float] = []
    for _ in range(50):
        start = time.perf_counter()
        ja.analyze(net, {"in": (64, 64, 3)})
        times.append(time.perf_counter() - start)
    assert min(times) < 0.5e-3


SHAPE = {"in": (8, 8, 1)}


@pytest.mark.parametrize("space", [ja.spaces.digits_conv, ja.spaces.mobilenet])
@given(seed=st.integers(0, 2**32))
def test_totals_are_those_of_the_analysis(space: Callable[[], Fragment], seed: int) -> None:
    net = ja.sample(ja.trace(space), np.random.default_rng(seed))
    analysis = ja.analyze(net, SHAPE)
    assert totals(net, SHAPE) == analysis.totals
    names = ("flops", "parameters")
    assert totals_for(SHAPE, names)(net) == (analysis.flops, analysis.parameters)
    parsed = ja.from_json(ja.to_json(net))  # whose nodes are other objects
    assert totals_for(SHAPE, names)(parsed) == (analysis.flops, analysis.parameters)
    assert ja.analyze(parsed, SHAPE) == analysis


def test_nodes_that_architectures_share_are_told_apart_by_what_feeds_them() -> None:
    space = ja.trace(
        lambda: ja.sequential(nn.dense(ja.Discrete([2, 3], name="width")), nn.relu, nn.dense(10))
    )
    found = totals_for({"in": (4,)}, ["parameters"])
    narrow, wide = (ja.replay(space, [width]) for width in (2, 3))
    for _ in range(3):
        assert (found(narrow), found(wide)) == ((2 * 5 + 10 * 3,), (3 * 5 + 10 * 4,))
    assert totals(narrow, {"in": (8,)}).parameters == 2 * 9 + 10 * 3


def test_what_is_remembered_of_nodes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis_module, "PLAN_LIMIT", 7)
    space, rng = ja.trace(ja.spaces.digits_conv), np.random.default_rng(0)
    for _ in range(50):
        net = ja.from_json(ja.to_json(ja.sample(space, rng)))
        assert totals(net, SHAPE) == ja.analyze(net, SHAPE).totals
    assert len(vars(analysis_module)["_plans"]) <= 7


def test_errors_are_the_same_each_time() -> None:
    net = decide(ja.sequential(nn.max_pool(window=9), nn.flatten))
    found = totals_for(SHAPE, ["flops"])
    with pytest.raises(ja.ShapeError, match="max_pool") as first:
        ja.analyze(net, SHAPE)
    for _ in range(2):
        with pytest.raises(ja.ShapeError) as again:
            found(net)
        assert str(again.value) == str(first.value)


def test_totals_that_there_are_not() -> None:
    with pytest.raises(ja.SpaceError, match="'latency' is not among parameters"):
        totals_for(SHAPE, ["latency"])
    with pytest.raises(ja.ShapeError, match="give one for each"):
        totals_for({"image": (8, 8, 1)}, ["flops"])(decide(nn.flatten()))


def test_analyses_are_compared_node_by_node() -> None:
    relu, tanh = (ja.analyze(decide(each()), SHAPE) for each in (nn.relu, nn.tanh))
    assert relu == ja.analyze(decide(nn.relu()), SHAPE)
    assert relu != tanh
    assert relu != "relu"
