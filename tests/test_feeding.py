"""Data that do not fit on the device are sent there batch by batch, and it makes no difference."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import jarch as ja
from jarch import lowering, nn
from jarch.lowering.training import feeding
from jarch.lowering.training.feeding import fed, overruled_place, place_of
from jarch.lowering.training.steps import Epoch
from jarch.lowering.training.ways import overruled_way

DATA = ja.load_data("digits", limit=230)
CONFIG = ja.TrainConfig(epochs=3, batch_size=16)


def net() -> ja.Architecture:
    pieces = nn.conv(4, 3), nn.batch_norm, nn.relu, nn.flatten, nn.dropout(0.3), nn.dense(10)
    return ja.replay(ja.trace(lambda: ja.sequential(*pieces)), [])


def leaves(trained: ja.Trained) -> list[Any]:
    found: list[Any] = jax.tree.leaves(trained.variables)
    return found


def assert_same(one: ja.Trained, other: ja.Trained) -> None:
    assert one.validation == other.validation
    for a, b in zip(leaves(one), leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("way", ["whole", "segments"])
def test_wherever_data_lie_the_result_is_the_same_bit_for_bit(way: Any) -> None:
    with overruled_way(way):
        expected = ja.fit(net(), DATA, CONFIG)
        with overruled_place("host"):
            assert_same(ja.fit(net(), DATA, CONFIG), expected)


def test_a_part_may_end_within_an_epoch_and_go_on_elsewhere() -> None:
    with overruled_place("host"):
        part = lowering.fit_partly(net(), DATA, CONFIG, steps=13)
    rest = lowering.fit_partly(net(), DATA, CONFIG, checkpoint=part.checkpoint)
    assert_same(rest.trained, ja.fit(net(), DATA, CONFIG))


def test_regression_from_a_file_that_is_mapped(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", rng.normal(size=(120, 5)).astype(np.float32))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    y = np.asarray(mapped).sum(axis=1)
    data = ja.from_arrays(mapped, y, task="regression")
    linear = ja.replay(ja.trace(lambda: ja.sequential(nn.dense(1))), [])
    expected = ja.fit(linear, data, CONFIG)
    with overruled_place("host"):
        assert_same(ja.fit(linear, data, CONFIG), expected)


def test_a_time_limit_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with overruled_place("host"):
        part = lowering.fit_partly(net(), DATA, CONFIG, seconds=0.0)
    assert part.ended == "seconds"
    assert 0 < part.checkpoint.steps < 3 * 11


def test_the_place_goes_by_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    size = DATA.x_train.nbytes + DATA.y_train.nbytes + DATA.x_validation.nbytes
    for free, place in ((2 * size, "device"), (2 * size - 1, "host"), (None, "device")):
        monkeypatch.setattr(feeding, "available_bytes", lambda free=free: free)
        other = ja.load_data("digits", limit=230)
        assert place_of(other) == place
        monkeypatch.setattr(feeding, "available_bytes", lambda: 0)
        assert place_of(other) == place  # it stays where it is


def test_batches_come_in_order_and_few_are_under_way() -> None:
    order = np.random.default_rng(1).permutation(180).astype(np.int32)[:176].reshape(11, 16)
    waited: list[int] = []
    came: list[Any] = []
    with overruled_place("host"):
        epoch = Epoch(order, np.ones(11, np.float32))
        for given in fed(DATA, 16, epoch, 2, 9, lambda: waited.append(len(came)), ahead=3):
            came.append(np.asarray(given.y)[np.asarray(given.epoch.order[2 + len(came)])])
    np.testing.assert_array_equal(np.stack(came), DATA.y_train[order[2:9]])
    assert waited == [2, 5]
