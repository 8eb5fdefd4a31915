"""The spaces that come with jarch, and the published example decision for decision."""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

import jarch as ja
from jarch.ir import Fragment

PUBLISHED = (2, 0, 1, 16, 3, 2, 1, 1, 1, 1, 3, 2, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1)

KEYS = (
    "num_reductions",
    "drop_opt",
    "bn_opt",
    "initial_filters",
    "initial_kernel_size",
    "strides",
    "block_chain/repeats-1",
    "filter_multiplier",
    "block_chain/kernel_size-1",
    "block_chain/strides-3",
    "kernel_size",
    "block_chain/strides-2",
    "block_chain/repeats",
    "block_chain/kernel_size",
    "block_chain/strides-1",
    "block_chain/strides",
    "block_chain/repeat-1/kernel_size",
    "block_chain/repeat-1/strides-1",
    "block_chain/repeat-1/strides",
    "block_chain/repeat/kernel_size",
    "block_chain/repeat/strides-1",
    "block_chain/repeat/strides",
)


@pytest.fixture(scope="module")
def published() -> ja.Architecture:
    return ja.replay(ja.trace(ja.spaces.mobilenet_blog), PUBLISHED)


def test_the_published_values_replay_in_22_transitions(published: ja.Architecture) -> None:
    spaces = [ja.trace(ja.spaces.mobilenet_blog)]
    for value in PUBLISHED:
        spaces.append(ja.assign(spaces[-1], value))
        ja.verify(spaces[-1])
    assert len(spaces) == 23
    assert all(space.next is not None for space in spaces[:-1])
    assert spaces[-1].next is None
    assert ja.architecture(spaces[-1]) == published
    assert published.values == PUBLISHED
    assert tuple(key for key, _ in published.decisions) == KEYS
    assert all(a != b for a, b in pairwise(spaces))


def test_the_published_numbers(published: ja.Architecture) -> None:
    analysis = ja.analyze(published, {"in": (224, 224, 3)})
    assert analysis.parameters == 19_752
    assert analysis.trainable_parameters == 19_464
    by_op: dict[str, list[int]] = {}
    for node in analysis.nodes:
        by_op.setdefault(node.op.name, []).append(node.parameters)
    assert by_op == {
        "conv": [448, 272, 272, 272, 272],
        "depthwise_conv": [160] * 4,
        "batch_norm": [64] * 9,
        "relu": [0] * 9,
        "global_avg_pool": [0],
        "dense": [17_000],
    }
    heights = [n.outputs["out"][0] for n in analysis.nodes if n.op.name == "depthwise_conv"]
    assert analysis.shapes["stem/conv"] == (112, 112, 16)
    assert heights == [56, 56, 28, 28]
    assert analysis.outputs == {"out": (1000,)}


def test_the_published_space_holds_8640_architectures() -> None:
    assert ja.count(ja.trace(ja.spaces.mobilenet_blog)) == 8640
    assert ja.count(ja.trace(ja.spaces.mobilenet)) == 8640


def idiomatic(decisions: dict[str, object]) -> dict[str, object]:
    """Return the decisions of `mobilenet` that lead to the model of those of `mobilenet_blog`."""
    names = {
        "num_reductions": "reductions",
        "drop_opt": "drop",
        "bn_opt": "normalize",
        "drop_rate": "drop_rate",
        "initial_filters": "filters",
        "initial_kernel_size": "stem_kernel_size",
        "filter_multiplier": "multiplier",
        "kernel_size": "kernel_size",
        "block_chain/repeats": "stages/stage0_repeats",
        "block_chain/repeats-1": "stages/stage1_repeats",
        "block_chain/repeats-2": "stages/stage2_repeats",
    }
    found = {names[key]: value for key, value in decisions.items() if key in names}
    return {k: bool(v) if k in ("drop", "normalize") else v for k, v in found.items()}


def test_the_two_mobilenets_describe_the_same_models() -> None:
    blog = ja.trace(ja.spaces.mobilenet_blog, num_classes=10)
    own = ja.trace(ja.spaces.mobilenet)
    rng = np.random.default_rng(0)
    reductions: Counter[object] = Counter()
    for _ in range(100):
        net = ja.sample(blog, rng)
        twin = ja.replay(own, idiomatic(dict(net.decisions)))
        assert ja.fingerprint(twin) == ja.fingerprint(net)
        assert len(twin.values) < len(net.values)
        reductions[dict(net.decisions)["num_reductions"]] += 1
    assert set(reductions) == {2, 3}


BUILT_IN = [
    ja.spaces.mobilenet,
    ja.spaces.mobilenet_blog,
    ja.spaces.digits_dense,
    ja.spaces.digits_conv,
    ja.spaces.nasbench201,
]


@pytest.mark.parametrize("function", BUILT_IN)
@pytest.mark.parametrize("classes", [2, 10])
def test_every_architecture_has_logits(function: Callable[..., Fragment], classes: int) -> None:
    space = ja.trace(function, num_classes=classes)
    ja.verify(space)
    rng = np.random.default_rng(0)
    for _ in range(50):
        net = ja.sample(space, rng)
        assert net.inputs == ("in",)
        assert ja.analyze(net, {"in": (8, 8, 1)}).outputs == {"out": (classes,)}


@pytest.mark.parametrize("function", [ja.spaces.mobilenet, ja.spaces.mobilenet_blog])
@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 9, 2), (28, 28, 1), (224, 224, 3)])
def test_mobilenets_take_any_image(
    function: Callable[..., Fragment], shape: tuple[int, ...]
) -> None:
    space = ja.trace(function)
    rng = np.random.default_rng(0)
    for _ in range(10):
        assert ja.analyze(ja.sample(space, rng), {"in": shape}).parameters > 1000


def test_small_spaces_can_be_enumerated() -> None:
    """All models of the dense space differ."""
    nets = list(ja.enumerate_architectures(ja.trace(ja.spaces.digits_dense)))
    assert len(nets) == len({ja.fingerprint(net) for net in nets}) == 36
    assert ja.count(ja.trace(ja.spaces.digits_conv)) == 4608
