# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import jarch as ja
from jarch import augment, nn
from jarch.data import Dataset
from jarch.lowering import fit_population, program_key
from jarch.lowering.training.averages import averaged
from jarch.lowering.training.optimizers import clipped

DATA = ja.load_data("digits", limit=160)
ALL = ja.TrainConfig(
    epochs=4,
    batch_size=32,
    learning_rate=5e-3,
    label_smoothing=0.1,
    augment=("flip", "crop=1", "cutout=2", "mixup", "cutmix=0.5"),
    ema_decay=0.9,
    clip_norm=1.0,
)


def net() -> ja.Architecture:
    pieces = nn.flatten, nn.dense(16), nn.batch_norm, nn.relu, nn.dropout(0.1), nn.dense(10)
    return ja.replay(ja.trace(lambda: ja.sequential(*pieces)), [])


NET = net()


def leaves(trained: ja.Trained) -> list[Any]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(dict(trained.variables))]


def assert_same(one: ja.Trained, other: ja.Trained) -> None:
    for a, b in zip(leaves(one), leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)


class TestTogether:
    def test_a_training_with_all_of_them_learns(self) -> None:
        trained = ja.fit(
            NET, ja.load_data("digits", limit=600), replace(ALL, epochs=12, learning_rate=2e-2)
        )
        losses = [report.train_loss for report in trained.history]
        assert losses[-1] < losses[0]
        assert trained.validation["accuracy"] > 0.4

    def test_going_on_from_a_checkpoint_is_as_not_having_stopped(self, tmp_path: Path) -> None:
        whole = ja.fit(NET, DATA, ALL)
        part = ja.fit_partly(NET, DATA, ALL, steps=5)
        ja.save_checkpoint(part.checkpoint, tmp_path / "c")
        read = ja.load_checkpoint(tmp_path / "c")
        rest = ja.fit_partly(NET, DATA, ALL, checkpoint=read)
        assert_same(rest.trained, whole)
        assert rest.trained.validation == whole.validation

    def test_the_seed_decides_all_that_is_random(self) -> None:
        one, again, other = (ja.fit(NET, DATA, replace(ALL, seed=seed)) for seed in (1, 1, 2))
        assert_same(one, again)
        assert one.validation != other.validation

    def test_a_saved_model_has_the_averages_and_the_configuration(self, tmp_path: Path) -> None:
        trained = ja.fit(NET, DATA, ALL)
        read = ja.load(ja.save(trained, tmp_path, new_process=False))
        assert read.config == trained.config
        assert read.config.augment[1] == augment.Crop(1)
        assert_same(read, trained)
        accuracy = read.evaluate(DATA.x_validation, DATA.y_validation)["accuracy"]
        assert accuracy == pytest.approx(trained.validation["accuracy"])

    @pytest.mark.slow
    def test_members_of_a_population_are_as_trained_alone(self) -> None:
        config = replace(ALL, optimizer="sgd", epochs=2)
        other = replace(config, augment=("flip=0.1", "crop=2", "cutout=1", "mixup=0.4", "cutmix"))
        configs = [config, replace(other, ema_decay=0.5, clip_norm=0.1)]
        together = fit_population(NET, DATA, configs, executor="vmap")
        for member, each in zip(together, configs, strict=True):
            assert isinstance(member, ja.Trained)
            for a, b in zip(leaves(member), leaves(ja.fit(NET, DATA, each)), strict=True):
                np.testing.assert_allclose(a, b, atol=1e-5)


class TestProgram:
    def test_strengths_do_not_shape_it(self) -> None:
        one = replace(ALL, augment=(augment.Flip(0.1), augment.RandAugment(3)))
        other = replace(
            ALL,
            augment=(augment.Flip(0.9), augment.RandAugment(7, probability=0.5)),
            ema_decay=0.99,
            clip_norm=7.0,
        )
        assert program_key(NET, DATA, one) == program_key(NET, DATA, other)

    def test_what_there_is_does(self) -> None:
        plain = ja.TrainConfig()
        changes: list[dict[str, Any]] = [
            {},
            {"ema_decay": 0.9},
            {"clip_norm": 1.0},
            {"augment": ("flip",)},
            {"augment": ("crop=2",)},
            {"augment": (augment.Crop(2, "zero"),)},
            {"augment": ("flip", "crop=2")},
            {"augment": ("crop=2", "flip")},
            {"augment": (augment.RandAugment(layers=1),)},
            {"augment": (augment.RandAugment(layers=3),)},
        ]
        keys = {program_key(NET, DATA, replace(plain, **each)) for each in changes}
        assert len(keys) == len(changes)


class TestAverages:
    def test_they_are_those_of_the_formula(self) -> None:
        average: Any = {"w": np.float32(1.0), "n": np.int32(3)}
        for step, value in enumerate((2.0, 4.0, 0.0)):
            now = {"w": np.float32(value), "n": np.int32(step)}
            expected = average["w"] + (1 - min(0.15, (1 + step) / (10 + step))) * (
                value - average["w"]
            )
            average = averaged(average, now, 0.15, step)
            assert float(average["w"]) == pytest.approx(float(expected))
            assert int(average["n"]) == step

    def test_a_decay_of_0_keeps_the_last_weights(self) -> None:
        config = ja.TrainConfig(epochs=2, optimizer="sgd")
        without = ja.fit(NET, DATA, config)
        averages = ja.fit(NET, DATA, replace(config, ema_decay=0.0))
        assert averages.validation == pytest.approx(without.validation, rel=1e-5)
        for a, b in zip(leaves(averages), leaves(without), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)

    def test_weights_and_statistics_are_averaged(self) -> None:
        config = ja.TrainConfig(epochs=2, learning_rate=0.1, schedule="constant")
        without = ja.fit(NET, DATA, config)
        averages = ja.fit(NET, DATA, replace(config, ema_decay=0.999))
        for a, b in zip(leaves(averages), leaves(without), strict=True):
            assert not np.allclose(a, b)


class TestClipping:
    @pytest.mark.parametrize("norm", [0.5, 5.0, 50.0])
    def test_gradients_keep_their_direction(self, norm: float) -> None:
        gradients = {"a": np.array([3.0, 0.0], np.float32), "b": np.array([[4.0]], np.float32)}
        made: Any = clipped(gradients, np.float32(norm))
        scale = min(1.0, norm / 5)
        np.testing.assert_allclose(made["a"], scale * gradients["a"], rtol=1e-6)
        np.testing.assert_allclose(made["b"], scale * gradients["b"], rtol=1e-6)

    def test_no_gradient_stays_none(self) -> None:
        made: Any = clipped({"a": np.zeros(3, np.float32)}, np.float32(1.0))
        assert (made["a"] == 0).all()

    def test_a_step_is_no_longer_than_that(self) -> None:
        config = ja.TrainConfig(
            epochs=1, batch_size=1000, optimizer="sgd", learning_rate=1.0, schedule="constant"
        )
        before = ja.lower(NET).init(config.seed, DATA.x_train[:1])["params"]
        for norm in (0.01, 0.1):
            after = ja.fit(NET, DATA, replace(config, clip_norm=norm)).variables["params"]
            pairs = zip(jax.tree.leaves(after), jax.tree.leaves(before), strict=True)
            length = np.sqrt(sum(float(np.sum((a - b) ** 2)) for a, b in pairs))
            assert length == pytest.approx(norm, rel=1e-2)


def of(inputs: Any, targets: Any = None) -> Dataset:
    inputs = np.asarray(inputs, np.float32)
    classes = [*range(10)] * (len(inputs) // 10)
    return ja.from_arrays(inputs, classes if targets is None else targets)


class TestErrors:
    @pytest.mark.parametrize(
        ("data", "kinds", "message"),
        [
            (of(np.zeros((40, 6))), ("flip",), "which is for images: .height, width, channels."),
            (of(np.zeros((40, 4, 4, 1))), ("crop",), "padding is 4 but images are 4 by 4"),
            (of(np.zeros((40, 4, 4, 1))), ("cutout=5",), "size is 5 but images are 4 by 4"),
            (of(np.full((40, 4, 4, 1), 3)), ("randaugment",), "not of 0 to 1; say it by low and"),
            (
                of(np.zeros((40, 4, 4, 1)), np.arange(40) / 7),
                ("cutmix",),
                "'cutmix', which mixes classes, but the data is for regression",
            ),
        ],
    )
    def test_what_does_not_fit_the_data_is_said(
        self, data: Dataset, kinds: tuple[str, ...], message: str
    ) -> None:
        with pytest.raises(ja.TrainConfigError, match=message):
            ja.fit(NET, data, ja.TrainConfig(augment=kinds))

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"ema_decay": 1.0}, "ema_decay is 1.0; it must be None, or a number in"),
            ({"clip_norm": 0.0}, "clip_norm is 0.0; it must be None, or a number above 0"),
        ],
    )
    def test_what_is_out_of_range_is_said(self, wrong: dict[str, Any], message: str) -> None:
        with pytest.raises(ja.TrainConfigError, match=message):
            ja.TrainConfig(**wrong)
