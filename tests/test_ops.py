"""Inference rules by hand-computed numbers, window arithmetic by counting, and what is refused."""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

import jarch as ja
from jarch import nn
from jarch.ir import OPS, Basic, Fragment, Inference, Shape
from jarch.ir.ops.windows import output_length, slide, taps


def node_of(fragment: Fragment) -> Basic:
    ((_, node),) = fragment.nodes
    assert isinstance(node, Basic)
    return node


def infer(fragment: Fragment, *shapes: Shape) -> Inference:
    node = node_of(fragment)
    names = [name for name, _ in node.inputs]
    return node.op.infer(dict(node.properties), dict(zip(names, shapes, strict=True)))  # type: ignore[arg-type]


def parameters(inference: Inference) -> int:
    return sum(prod(variable.shape) for variable in inference.variables)


@pytest.mark.parametrize(
    ("fragment", "shape", "output", "count", "flops"),
    [
        # 3 * 3 * 3 * 16 + 16; 4 * 4 positions see 9, less the zeros beyond the one padded side
        (nn.conv(16, 3, 2), (8, 8, 3), (4, 4, 16), 448, 2 * (4 * 3 - 1) ** 2 * 48 + 256),
        (nn.conv(16, 1), (5, 5, 16), (5, 5, 16), 272, 2 * 25 * 256 + 400),
        (nn.conv(8, 3, padding="VALID"), (10, 4), (8, 8), 104, 2 * 8 * 3 * 4 * 8 + 64),
        (nn.conv(8, 2, groups=4), (2, 2, 2, 4), (2, 2, 2, 8), 72, 2 * 27 * 8 + 64),
        (nn.depthwise_conv(3), (8, 8, 16), (8, 8, 16), 160, 2 * 22**2 * 16 + 1024),
        (nn.depthwise_conv(3, multiplier=2), (3, 4), (3, 8), 32, 2 * 7 * 8 + 24),
        (nn.separable_conv(5, 3), (3, 4), (3, 5), 12 + 20 + 5, 2 * 7 * 4 + 2 * 60 + 15),
        (nn.dense(1000), (16,), (1000,), 17_000, 2 * 16_000 + 1000),
        (nn.dense(2, use_bias=False), (5, 3), (5, 2), 6, 60),
        (nn.embedding(50, 8), (20,), (20, 8), 400, 20 * 14),
        (nn.batch_norm(), (4, 4, 16), (4, 4, 16), 64, 3 * 256 + 32),
        (nn.layer_norm(), (10, 16), (10, 16), 32, 7 * 160 + 40),
        (nn.group_norm(groups=4), (3, 8), (3, 8), 16, 6 * 24 + 12 + 16),
        (nn.dropout(0.5), (7,), (7,), 0, 0),
        (nn.drop_path(0.5), (4, 5, 6), (4, 5, 6), 0, 0),
        (nn.max_pool(2), (5, 4, 3), (2, 2, 3), 0, 12 * 3),
        (nn.avg_pool(3, strides=2, padding="SAME"), (5, 2), (3, 2), 0, 6 * 3),
        (nn.global_avg_pool(), (4, 5, 6), (6,), 0, 120),
        (nn.global_max_pool(), (4, 6), (6,), 0, 18),
        (nn.flatten(), (4, 5, 6), (120,), 0, 0),
        (nn.flatten(), (), (1,), 0, 0),
        (nn.softmax(), (3, 10), (3, 10), 0, 3 * 39),
        (nn.relu(), (3, 10), (3, 10), 0, 30),
        (nn.identity(), (3, 10), (3, 10), 0, 0),
        (nn.zero(), (3, 10), (3, 10), 0, 0),
        # 4 matrices of 16 * 16 and 4 biases; 1,560 of the softmax
        (nn.attention(4), (10, 16), (10, 16), 1088, 4 * 10 * 16 * 33 + 2 * 2 * 1600 + 160 + 1560),
        (nn.squeeze_excite(), (2, 2, 8), (2, 2, 8), 18 + 24, 2 * 32 + 34 + 40 + 2 + 24),
    ],
)
def test_by_hand(fragment: Fragment, shape: Shape, output: Shape, count: int, flops: int) -> None:
    found = infer(fragment, shape)
    assert found.outputs == {"out": output}
    assert parameters(found) == count
    assert found.flops == flops


def test_several_inputs() -> None:
    assert infer(nn.add(3), (2, 3), (2, 3), (2, 3)) == Inference({"out": (2, 3)}, flops=12)
    assert infer(nn.multiply(), (2, 3), (2, 3)) == Inference({"out": (2, 3)}, flops=6)
    assert infer(nn.concatenate(3), (2, 3), (2, 1), (2, 4)) == Inference({"out": (2, 8)})


def test_batch_statistics_are_not_trained() -> None:
    variables = infer(nn.batch_norm(), (8, 4)).variables
    assert [(v.path, v.trainable) for v in variables] == [
        (("scale",), True),
        (("bias",), True),
        (("mean",), False),
        (("var",), False),
    ]


def test_squeeze_excite_keeps_one_feature() -> None:
    assert infer(nn.squeeze_excite(ratio=16), (4, 3)).variables[0].shape == (3, 1)


sizes, small = st.integers(1, 20), st.integers(1, 6)


def positions(size: int, window: int, stride: int, padding: str, dilation: int) -> list[list[int]]:
    """List which elements each position of a window sees, by sliding it."""
    reach = dilation * (window - 1) + 1
    count, before = max(0, (size - reach) // stride + 1), 0
    if padding == "SAME":
        count = -(-size // stride)
        before = max(0, (count - 1) * stride + reach - size) // 2
    starts = range(-before, -before + count * stride, stride)
    return [[i for i in range(at, at + reach, dilation) if 0 <= i < size] for at in starts]


@given(sizes, small, small, st.sampled_from(["SAME", "VALID"]), small)
@example(1, 6, 6, "SAME", 6)
def test_windows_by_sliding(
    size: int, window: int, stride: int, padding: str, dilation: int
) -> None:
    slid = positions(size, window, stride, padding, dilation)
    assert max(0, output_length(size, window, stride, padding, dilation)) == len(slid)
    assert taps(size, window, stride, padding, dilation) == sum(map(len, slid))


@given(sizes, small, small)
def test_same_padding_keeps_a_part_of_the_length(size: int, window: int, dilation: int) -> None:
    assert slide((size,), (window,), (1,), "SAME", (dilation,)) == (size,)
    assert slide((size,), (window,), (2,), "SAME", (dilation,)) == ((size + 1) // 2,)


@given(st.lists(st.tuples(sizes, small, small), min_size=1, max_size=3), small, small)
def test_axes_of_a_convolution_are_independent(
    axes: list[tuple[int, int, int]], channels: int, features: int
) -> None:
    spatial, kernel, strides = map(tuple, zip(*axes, strict=True))
    found = infer(nn.conv(features, kernel, strides), (*spatial, channels))
    lengths = tuple(output_length(n, k, s, "SAME") for n, k, s in axes)
    assert found.outputs["out"] == (*lengths, features)
    assert parameters(found) == (prod(kernel) * channels + 1) * features


@given(sizes, sizes, small, small)
def test_valid_windows_that_do_not_fit_are_refused(a: int, b: int, w: int, stride: int) -> None:
    if min(a, b) >= w:
        output = slide((a, b), (w, w), (stride, stride), "VALID")
        assert all((n - 1) * stride + w <= size for n, size in zip(output, (a, b), strict=True))
    else:
        with pytest.raises(ja.ShapeError, match="does not fit"):
            slide((a, b), (w, w), (stride, stride), "VALID")


@given(small, small, small)
def test_separable_is_depthwise_and_pointwise(kernel: int, multiplier: int, features: int) -> None:
    shape = (9, 7, 3)
    whole = infer(nn.separable_conv(features, kernel, multiplier, strides=2), shape)
    first = infer(nn.depthwise_conv(kernel, multiplier, strides=2, use_bias=False), shape)
    second = infer(nn.conv(features, 1), first.outputs["out"])
    assert whole.outputs == second.outputs
    assert whole.flops == first.flops + second.flops
    assert parameters(whole) == parameters(first) + parameters(second)


@given(small, st.integers(1, 12), st.integers(1, 12))
def test_groups_divide_channels_and_features(groups: int, channels: int, features: int) -> None:
    piece = nn.conv(features, 3, groups=groups)
    if channels % groups or features % groups:
        with pytest.raises(ja.ShapeError, match=f"groups={groups} does not divide"):
            infer(piece, (8, 8, channels))
    else:
        found = infer(piece, (8, 8, channels))
        assert found.variables[0].shape == (3, 3, channels // groups, features)
        one = infer(nn.conv(features, 3, use_bias=False), (8, 8, channels)).flops
        assert found.flops == one // groups + 64 * features


@pytest.mark.parametrize(
    ("fragment", "shapes", "message"),
    [
        (nn.conv(8, (3, 3)), [(28, 4)], r"kernel_size \(3, 3\) has 2 sizes .* 1 spatial axes"),
        (nn.conv(8, 3), [(28,)], r"shape \(28,\), without a spatial axis"),
        (nn.conv(8, 3), [(2, 2, 2, 2, 3)], "4 spatial axes; convolutions take one, two or three"),
        (nn.depthwise_conv(3), [(28,)], "without a spatial axis"),
        (nn.separable_conv(3, 3), [()], "without a spatial axis"),
        (
            nn.conv(8, 5, padding="VALID", dilation=2),
            [(8, 8, 4)],
            r"window of \(5, 5\), spread to \(9, 9\) by dilation .* fit into \(8, 8\).*'SAME'",
        ),
        (nn.max_pool(3), [(2, 2, 4)], r"window of \(3, 3\) does not fit into \(2, 2\)"),
        (nn.avg_pool((2, 2)), [(8, 4)], r"window \(2, 2\) has 2 sizes"),
        (nn.global_avg_pool(), [(8,)], "without a spatial axis"),
        (nn.dense(3), [()], r"shape \(\), without a channel axis"),
        (nn.softmax(), [()], "without a channel axis"),
        (nn.group_norm(groups=3), [(8, 8)], r"groups=3 does not divide the 8 channels of .*\(8, 8"),
        (nn.attention(3), [(10, 16)], r"num_heads=3 does not divide the 16 features .*\(10, 16\)"),
        (nn.attention(3), [(4, 4, 16)], r"shape \(4, 4, 16\); attention takes \(length, channels"),
        (nn.add(), [(8, 8, 16), (8, 8, 32)], r"in0 has shape \(8, 8, 16\) but in1 has \(8, 8, 32"),
        (nn.multiply(), [(8, 8, 16), (16,)], r"in0 has shape \(8, 8, 16\) but in1 has \(16,\)"),
        (nn.concatenate(), [(8, 8, 16), (4, 4, 16)], "all axes but the last must be the same"),
        (nn.concatenate(), [(8, 16), (16,)], "all axes but the last must be the same"),
        (nn.concatenate(), [(), ()], "without a last axis"),
    ],
)
def test_shapes_that_do_not_fit(fragment: Fragment, shapes: list[Shape], message: str) -> None:
    with pytest.raises(ja.ShapeError, match=message):
        infer(fragment, *shapes)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.conv(0, 3), "conv: features is 0; it must be an integer of at least 1"),
        (lambda: nn.conv(8.0, 3), "conv: features is 8.0; it must be an integer"),
        (lambda: nn.conv(True, 3), "conv: features is True; it must be an integer"),
        (lambda: nn.conv(8, 0), "conv: kernel_size is 0; .* a tuple of one for each spatial axis"),
        (lambda: nn.conv(8, ()), r"conv: kernel_size is \(\)"),
        (lambda: nn.conv(8, (3, 0)), r"conv: kernel_size is \(3, 0\)"),
        (lambda: nn.conv(8, 3, padding="same"), "padding is 'same'; .*one of 'SAME', 'VALID'"),
        (lambda: nn.conv(8, 3, use_bias="no"), "use_bias is 'no'; it must be True or False"),
        (lambda: nn.dropout(1.0), "rate is 1.0; it must be a number of at least 0 and below 1"),
        (lambda: nn.dropout(-0.1), "rate is -0.1"),
        (lambda: nn.batch_norm(momentum=1.5), r"momentum is 1.5; it must be a number in 0..1"),
        (lambda: nn.layer_norm(epsilon=0), "epsilon is 0; it must be a number above 0"),
        (lambda: nn.max_pool(2, strides=0), "strides is 0; it must be None, or an integer"),
        (lambda: nn.activation("rellu"), "function is 'rellu'; it must be one of 'relu', "),
        (lambda: nn.leaky_relu("0.1"), "negative_slope is '0.1'; it must be a number"),
        (lambda: nn.add(0), "add: n is 0; it must be an integer of at least 1"),
        (lambda: nn.dense(ja.Discrete([8, 0], "width")), r"features \(width\) is 0; it must"),
        (lambda: nn.dense(ja.Integer(0, 8, name="w")), r"dense: features \(w\) is 0; it must"),
        (lambda: nn.dropout(ja.Float(0, 1, name="r")), r"dropout: rate \(r\) is 1.0; it must"),
        (lambda: nn.conv(8, ja.Permutation(3)), r"kernel_size \(permutation\) is \(0, 1, 2\)"),
    ],
)
def test_wrong_properties_are_refused_when_the_space_is_traced(
    make: Callable[[], Fragment], message: str
) -> None:
    with pytest.raises(ja.SpaceError, match=message):
        ja.trace(make)


def test_a_wrong_dependent_property_is_refused_when_its_value_is_known() -> None:
    def half(width: int) -> float:
        return width / 2

    def space() -> Fragment:
        return nn.dense(ja.Dependent(half, {"width": ja.Discrete([8, 9], "width")}))

    net = ja.replay(ja.trace(space), [8])
    with pytest.raises(ja.ShapeError, match=r"features is 4\.0; it must be an integer"):
        ja.analyze(net, {"in": (3,)})


def test_missing_and_unknown_properties_are_refused() -> None:
    with pytest.raises(ja.ShapeError, match=r"has the properties \['features'\]; give it"):
        OPS["dense"].infer({"features": 3}, {"in": (3,)})
    with pytest.raises(ja.ShapeError, match="'color'"):
        OPS["relu"].infer({"color": 3}, {"in": (3,)})
    with pytest.raises(ja.ShapeError, match=r"takes one input but has 2: \['a', 'b'\]"):
        OPS["relu"].infer({}, {"a": (3,), "b": (3,)})
    with pytest.raises(ja.ShapeError, match="has no inputs"):
        OPS["add"].infer({}, {})


REQUIRED: Mapping[str, Mapping[str, Any]] = {
    "attention": {"num_heads": 2},
    "avg_pool": {"window": 2},
    "conv": {"features": 4, "kernel_size": 2},
    "dense": {"features": 4},
    "depthwise_conv": {"kernel_size": 2},
    "drop_path": {"rate": 0.5},
    "dropout": {"rate": 0.5},
    "embedding": {"num_embeddings": 5, "features": 4},
    "group_norm": {"groups": 2},
    "max_pool": {"window": 2},
    "separable_conv": {"features": 4, "kernel_size": 2},
}


def make(name: str) -> Fragment:
    """Return the piece of an operation, with all defaults."""
    piece: Fragment = getattr(nn, name)(**REQUIRED.get(name, {}), name="here")
    return piece


@pytest.mark.parametrize("name", OPS)
def test_every_operation_has_a_constructor_that_writes_out_all_properties(name: str) -> None:
    fragment = make(name)
    node = node_of(fragment)
    assert (fragment.nodes[0][0], node.op.name) == ("here", name)
    assert infer(fragment, *[(4, 8)] * len(node.inputs)).outputs


def refusal(fragment: Fragment, shape: Shape) -> str | None:
    try:
        infer(fragment, *[shape] * len(fragment.inputs))
    except ja.ShapeError as error:
        return str(error)
    return None


@given(st.sampled_from(sorted(OPS)), st.lists(st.integers(1, 6), max_size=5).map(tuple))
def test_any_shape_is_inferred_or_refused_in_words(name: str, shape: Shape) -> None:
    message = refusal(make(name), shape)
    if message is None:
        found = infer(make(name), *[shape] * len(make(name).inputs))
        assert all(size >= 1 for size in found.outputs["out"])
        assert found.flops >= 0
    else:
        assert str(shape) in message or str(shape[:-1]) in message
