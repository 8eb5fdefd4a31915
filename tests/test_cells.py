"""The space of NAS-Bench-201."""

from itertools import product

import numpy as np
import pytest

import jarch as ja
from jarch.spaces.cells import CELL_DECISIONS, CELL_OPERATIONS
from jarch.spaces.unpadding import UNPAD_AVERAGE, border_factors

IMAGE = {"in": (32, 32, 3)}


def network(*operations: str, cells: int = 5, channels: int = 16) -> ja.Architecture:
    space = ja.trace(ja.spaces.nasbench201, cells=cells, channels=channels)
    return ja.replay(space, dict(zip(CELL_DECISIONS, operations, strict=True)))


@pytest.mark.parametrize("counts", [(0, 0), (1, 0), (0, 1), (2, 3), (6, 0), (0, 6)])
def test_trainable_parameters_are_those_of_the_benchmark(counts: tuple[int, int]) -> None:
    ones, threes = counts
    rest = ["none", "skip_connect", "avg_pool_3x3", "none", "avg_pool_3x3", "none"]
    cell = ["nor_conv_1x1"] * ones + ["nor_conv_3x3"] * threes + rest[ones + threes :]
    analysis = ja.analyze(network(*cell), IMAGE)
    assert analysis.trainable_parameters == 73_306 + 28_000 * ones + 243_040 * threes
    assert analysis.outputs == {"out": (10,)}


def test_the_cell_has_the_decisions_of_the_network() -> None:
    cell, whole = ja.trace(ja.spaces.nasbench201_cell), ja.trace(ja.spaces.nasbench201)
    assert ja.count(cell) == ja.count(whole) == 5**6
    found = ja.sample(cell, np.random.default_rng(0))
    assert set(dict(found.decisions)) == set(CELL_DECISIONS)
    assert ja.replay(whole, dict(found.decisions)).values == found.values


def test_cells_without_pooling_all_differ() -> None:
    cell = ja.trace(ja.spaces.nasbench201_cell)
    kinds = product(("none", "skip_connect"), repeat=6)
    nets = [ja.replay(cell, dict(zip(CELL_DECISIONS, kind, strict=True))) for kind in kinds]
    assert len({ja.fingerprint(net) for net in nets}) == 2**6


def test_cells_of_a_stage_have_weights_of_their_own() -> None:
    net = network(*["nor_conv_1x1"] * 6, cells=2, channels=4)
    convolutions = [key for key, node in net.nodes if node.op.name == "conv"]
    assert len(convolutions) == len(set(convolutions)) == 1 + 2 * 3 * 6 + 2 * 3
    shapes = ja.analyze(net, IMAGE).shapes
    assert shapes["stage0_cell1/node3/add"] == (32, 32, 4)
    assert shapes["stage2_cell0/node3/add"] == (8, 8, 16)


def test_padding_does_not_count_in_means() -> None:
    space = ja.trace(ja.spaces.nasbench201_cell, channels=2)
    cell = ["none", "none", "none", "avg_pool_3x3", "none", "none"]
    net = ja.replay(space, dict(zip(CELL_DECISIONS, cell, strict=True)))
    x = np.random.default_rng(0).normal(size=(1, 5, 4, 2)).astype(np.float32)
    found = ja.lower(net).apply({}, x)
    expected = np.empty_like(x)
    for i, j in np.ndindex(5, 4):
        window = x[0, max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2]
        expected[0, i, j] = window.mean(axis=(0, 1))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_factors_of_short_axes() -> None:
    assert border_factors((1,)).tolist() == [[3.0]]
    assert border_factors((2,)).tolist() == [[1.5], [1.5]]
    assert border_factors((4, 1)).shape == (4, 1, 1)


def test_means_of_no_windows_are_shape_errors() -> None:
    net = ja.replay(ja.trace(lambda: ja.basic(UNPAD_AVERAGE, {})), [])
    with pytest.raises(ja.ShapeError, match="axes before the channels"):
        ja.analyze(net, {"in": (3,)})


def test_pooled_cells_survive_json() -> None:
    net = network(*["avg_pool_3x3"] * 6, cells=1)
    assert ja.from_json(ja.to_json(net)) == net


@pytest.mark.slow
def test_the_network_trains() -> None:
    data = ja.load_data("digits", limit=200)
    net = network(*CELL_OPERATIONS, "nor_conv_3x3", cells=1, channels=8)
    trained = ja.fit(net, data, ja.TrainConfig(epochs=12, batch_size=32, learning_rate=0.01))
    assert trained.validation["accuracy"] > 0.5
