"""Steps in a loop within the program: the same steps, in as many calls as there need be."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pytest

import jarch as ja
from jarch import lowering, nn
from jarch.lowering.training import ways
from jarch.lowering.training.feeding import overruled_place
from jarch.lowering.training.preparation import Run, prepare
from jarch.lowering.training.probes import forget_choices, overruled_choice
from jarch.lowering.training.stepping import Looped, Whole, measured
from jarch.lowering.training.ways import LOOP, overruled_way, steps_of

DIGITS = ja.load_data("digits", limit=300)
SEQUENCES = ja.from_arrays(
    np.random.default_rng(0).normal(size=(300, 6, 4)).astype(np.float32), np.arange(300) % 10
)
SGD = ja.TrainConfig(epochs=2, batch_size=16, optimizer="sgd", learning_rate=0.05)


@pytest.fixture(autouse=True)
def many_steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let all trainings be long enough for loops, and leave no choice behind."""
    monkeypatch.setattr(ways, "MOST_STEPS", 0)
    with overruled_way("whole"):
        yield
    forget_choices()


def built(*pieces: Any) -> ja.Architecture:
    return ja.replay(ja.trace(lambda: ja.sequential(*pieces)), [])


def dense() -> ja.Architecture:
    return built(nn.flatten, nn.dense(16), nn.batch_norm, nn.relu, nn.dropout(0.3), nn.dense(10))


def attentive() -> ja.Architecture:
    pieces = nn.layer_norm, nn.attention(2), nn.global_avg_pool, nn.dense(10)
    return built(*pieces)


def convolutional() -> ja.Architecture:
    return built(nn.conv(4, 3), nn.relu, nn.depthwise_conv(3), nn.global_avg_pool, nn.dense(10))


WIDE = nn.conv(64, 7), nn.global_avg_pool, nn.dense(10)  # too much work for a loop on a CPU


def in_way(name: str, net: ja.Architecture, data: Any, config: ja.TrainConfig) -> ja.Trained:
    with overruled_choice(LOOP, name):
        return ja.fit(net, data, config)


def assert_close(one: ja.Trained, other: ja.Trained, tolerance: float) -> None:
    first: list[Any] = jax.tree.leaves(one.variables)
    second: list[Any] = jax.tree.leaves(other.variables)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("net", "data"), [(dense(), DIGITS), (attentive(), SEQUENCES), (convolutional(), DIGITS)]
)
def test_a_loop_comes_to_the_same(net: ja.Architecture, data: Any) -> None:
    one, other = (in_way(name, net, data, SGD) for name in ("steps", "loop"))
    assert_close(one, other, 1e-5)
    for before, after in zip(one.history, other.history, strict=True):
        assert before.train_loss == pytest.approx(after.train_loss, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(5, 7, 1), (8, 6, 3)])
def test_augmentation_and_regularisers_do_in_a_loop_what_they_do_outside(
    shape: tuple[int, ...],
) -> None:
    """On images that are not square, in gray and in colour; given as bytes, they are scaled."""
    pixels = np.random.default_rng(0).integers(0, 256, (120, *shape), dtype=np.uint8)
    data = ja.from_arrays(pixels, np.arange(120) % 10)
    block = ja.residual(lambda: ja.sequential(nn.dense(8), nn.drop_path(0.2)))
    net = built(nn.flatten, nn.dense(8), nn.relu, block, nn.dense(10))
    augment = ("flip", "crop=1", "cutout=2", "mixup", "cutmix", "randaugment")
    config = replace(SGD, augment=augment, ema_decay=0.9, clip_norm=1.0)
    one, other = (in_way(name, net, data, config) for name in ("steps", "loop"))
    assert data.x_train.dtype == np.float32
    assert_close(one, other, 1e-5)


def test_however_a_training_is_divided_it_is_the_same_bit_for_bit() -> None:
    with overruled_choice(LOOP, "loop"):
        expected = ja.fit(dense(), DIGITS, SGD)
        part = lowering.fit_partly(dense(), DIGITS, SGD, steps=11)
        timed = lowering.fit_partly(dense(), DIGITS, SGD, seconds=0.0)
        assert 0 < timed.checkpoint.steps < 30
        for before in (part, timed):
            rest = lowering.fit_partly(dense(), DIGITS, SGD, checkpoint=before.checkpoint)
            assert_close(rest.trained, expected, 0.0)
            assert rest.trained.validation == expected.validation


def test_a_member_alone_is_as_fit_has_it() -> None:
    with overruled_choice(LOOP, "loop"):
        (alone,) = ja.fit_population([dense()], DIGITS, SGD)
        assert isinstance(alone, ja.Trained)
        assert_close(alone, ja.fit(dense(), DIGITS, SGD), 0.0)


def test_what_is_faster_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Run] = []

    def known(run: Run) -> Mapping[str, float]:
        asked.append(run)
        return {"steps": 2.0, "loop": 1.0}

    monkeypatch.setattr(ways, "measured", known)
    monkeypatch.setenv("JARCH_CACHE", "off")
    forget_choices()
    assert isinstance(steps_of(prepare(dense(), DIGITS, SGD)), Looped)
    assert isinstance(steps_of(prepare(dense(), DIGITS, SGD)), Looped)
    assert len(asked) == 1


def test_where_there_is_no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    with overruled_choice(LOOP, "loop"):
        assert type(steps_of(prepare(convolutional(), DIGITS, SGD))) is Looped
        assert type(steps_of(prepare(built(nn.conv(64, 7), *WIDE), DIGITS, SGD))) is Whole
        with overruled_place("host"):
            assert type(steps_of(prepare(dense(), DIGITS, SGD))) is Whole
        monkeypatch.setattr(ways, "MOST_STEPS", 30)
        assert type(steps_of(prepare(dense(), DIGITS, SGD))) is Whole


def test_the_measurement_runs_both_and_changes_nothing() -> None:
    run = prepare(dense(), DIGITS, SGD)
    found = measured(run)
    assert found.keys() == {"steps", "loop"}
    assert all(seconds > 0 for seconds in found.values())
