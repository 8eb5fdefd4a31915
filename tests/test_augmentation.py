# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import jarch as ja
from jarch import augment
from jarch.augment import KINDS, Augmentation, Crop, CutMix, Cutout, Flip, Mixup, RandAugment
from jarch.lowering.augmentation.applying import augment_batch
from jarch.lowering.augmentation.kinds import (
    as_augmentations,
    describe_augmentation,
    numbers_in,
    read_augmentation,
    without_numbers,
)
from jarch.lowering.augmentation.mixtures import Mixture
from jarch.lowering.augmentation.rand_augment import OPERATIONS, apply_operation
from jarch.lowering.training.losses import mean_loss

# JAX does not say the types of these.
jit = cast(Callable[[Callable[..., Any]], Callable[..., Any]], jax.jit)
vmap = cast(Callable[..., Callable[..., Any]], jax.vmap)

SHAPE = (6, 7, 9, 3)
SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=15, deadline=None)


@lru_cache
def program(kinds: tuple[Augmentation, ...]) -> Callable[..., Any]:
    """Return what augments a batch; of the numbers of `kinds` nothing is in it."""
    return jit(partial(augment_batch, kinds))


def batch(seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).random(SHAPE, np.float32)


def augmented(*kinds: Augmentation, seed: int = 0, images: Any = None) -> tuple[Any, Any]:
    values = np.array([n for each in kinds for n in numbers_in(each)], np.float32)
    images = batch(seed) if images is None else images
    run = program(tuple(without_numbers(each) for each in kinds))
    made, targets = run(values, jax.random.key(seed), images, np.arange(len(images)))
    return np.asarray(made), jax.tree.map(np.asarray, targets)


@few
@given(SEEDS)
def test_flipping_twice_is_the_identity(seed: int) -> None:
    images = batch(seed)
    once, targets = augmented(Flip(1.0), seed=seed)
    assert (once == images[:, :, ::-1]).all()
    assert (augmented(Flip(1.0), seed=seed, images=once)[0] == images).all()
    assert (targets == np.arange(len(images))).all()


@few
@given(SEEDS)
def test_each_image_is_flipped_by_itself(seed: int) -> None:
    images = batch(seed)
    made, _ = augmented(Flip(0.5), seed=seed)
    for one, before in zip(made, images, strict=True):
        assert (one == before).all() or (one == before[:, ::-1]).all()


def test_images_are_flipped_as_often_as_is_said() -> None:
    images = np.tile(np.array([0, 1], np.float32)[None, None, :, None], (4000, 1, 1, 1))
    made, _ = augmented(Flip(0.3), images=images)
    assert 0.26 < made[:, 0, 0, 0].mean() < 0.34


@few
@given(SEEDS, st.sampled_from(["reflect", "zero"]), st.integers(0, 6))
def test_a_crop_is_a_window_of_the_padded_image(seed: int, mode: Any, padding: int) -> None:
    images = batch(seed)
    made, _ = augmented(Crop(padding, mode), seed=seed)
    how: dict[str, Any] = {"mode": "reflect" if mode == "reflect" else "constant"}
    for one, before in zip(made, images, strict=True):
        padded = np.pad(before, [(padding, padding), (padding, padding), (0, 0)], **how)
        windows = np.lib.stride_tricks.sliding_window_view(padded, one.shape)[:, :, 0]
        assert (windows == one).all(axis=(2, 3, 4)).any()


@few
@given(SEEDS, st.integers(0, 7))
def test_the_hole_of_cutout_is_a_square_cut_off_at_the_edges(seed: int, size: int) -> None:
    images = batch(seed) + 1
    made, _ = augmented(Cutout(size), seed=seed, images=images)
    for one, before in zip(made, images, strict=True):
        rows, columns = np.nonzero((one == 0).all(-1))
        assert ((one == before) | (one == 0)).all()
        if size == 0:
            assert not len(rows)
            continue
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert len(rows) == height * width
        assert size // 2 <= height <= size
        assert size // 2 <= width <= size
        inside = rows.min() > 0 and rows.max() < 6 and columns.min() > 0 and columns.max() < 8
        assert not inside or height == width == size


@few
@given(SEEDS, st.floats(0, 5))
def test_mixup_is_a_convex_combination_of_images_and_of_targets(seed: int, alpha: float) -> None:
    images = batch(seed)
    made, targets = augmented(Mixup(alpha), seed=seed)
    weights, labels = targets.weights, targets.labels
    assert (weights >= 0).all()
    assert weights.sum(1) == pytest.approx(1)
    assert (np.ptp(weights, axis=0) == 0).all()  # drawn once for a batch
    expected = sum(weights[0, k] * images[labels[:, k]] for k in range(2))
    np.testing.assert_allclose(made, expected, atol=1e-6)


@few
@given(SEEDS, st.floats(0.1, 5))
def test_targets_of_cutmix_go_by_area(seed: int, alpha: float) -> None:
    images = batch(seed)
    made, targets = augmented(CutMix(alpha), seed=seed)
    partners = images[targets.labels[:, 1]]
    other = (made != images).any(-1)
    assert (made[other] == partners[other]).all()
    assert targets.weights.sum(1) == pytest.approx(1)
    assert other.mean((1, 2)) == pytest.approx(targets.weights[:, 1])
    for mask in other:
        rows, columns = np.nonzero(mask)
        assert not len(rows) or mask.sum() == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)


@few
@given(SEEDS, st.floats(0, 10), st.floats(0, 1))
def test_randaugment_stays_in_range(seed: int, magnitude: float, probability: float) -> None:
    images = 4 * batch(seed) - 2
    kind = RandAugment(magnitude, probability=probability, low=-2.0, high=2.0)
    made, _ = augmented(kind, seed=seed, images=images)
    assert made.shape == images.shape
    assert -2 <= made.min() <= made.max() <= 2


STRENGTHS: dict[str, Augmentation] = {
    "crop": Crop(0),
    "cutmix": CutMix(0.0),
    "cutout": Cutout(0),
    "flip": Flip(0.0),
    "mixup": Mixup(0.0),
    "randaugment": RandAugment(10, probability=0.0),
}


@pytest.mark.parametrize("kind", KINDS)
def test_without_strength_nothing_changes(kind: str) -> None:
    made, targets = augmented(STRENGTHS[kind], seed=3)
    assert (made == batch(3)).all()
    if KINDS[kind].mixes:
        assert (targets.weights == [[1, 0]]).all()
    assert not (augmented(KINDS[kind](), seed=3)[0] == batch(3)).all()


def test_cutmix_of_probability_0_mixes_nothing() -> None:
    assert (augmented(CutMix(probability=0.0))[0] == batch(0)).all()


SOME = (Crop(2), RandAugment(5, layers=1), CutMix(probability=0.5), Mixup(0.3))


def test_the_same_key_gives_the_same_and_another_does_not() -> None:
    images = batch(0)
    first, again, other = (augmented(*SOME, seed=seed, images=images) for seed in (1, 1, 2))
    assert (first[0] == again[0]).all()
    assert (first[1].weights == again[1].weights).all()
    assert not (first[0] == other[0]).all()
    assert first[1].labels.shape == (6, 4)
    assert first[1].weights.sum(1) == pytest.approx(1)


@pytest.mark.slow
def test_under_vmap_it_is_the_same_as_alone() -> None:
    kinds = tuple(without_numbers(each) for each in SOME)
    values = np.array([n for each in SOME for n in numbers_in(each)], np.float32)
    both = np.stack([values, values * np.float32(0.5)])
    both[:, 3:5] = [0, 1]  # RandAugment's range
    images, targets = batch(0), np.arange(6)

    def run(values: Any, seed: Any) -> Any:
        return augment_batch(kinds, values, jax.random.key(seed), images, targets)

    together, _ = jit(vmap(run))(both, jnp.arange(2))
    alone = jit(run)
    for i in range(2):
        np.testing.assert_allclose(together[i], alone(both[i], i)[0], atol=1e-6)


class TestOperations:
    """Against dm-pix where it is installed, and against what is known."""

    run = staticmethod(jit(apply_operation))

    def made(self, name: str, strength: float, sign: float, image: Any) -> Any:
        choice = np.int32(OPERATIONS.index(name))
        return np.asarray(self.run(choice, np.float32(strength), np.float32(sign), image))

    @pytest.mark.parametrize("name", OPERATIONS)
    def test_at_strength_0_only_what_has_none_changes_an_image(self, name: str) -> None:
        image = batch(1)[0]
        same = np.allclose(self.made(name, 0, 1, image), image, atol=1e-6)
        assert same == (name not in ("autocontrast", "equalize"))

    @pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "identity"])
    def test_at_strength_1_it_changes(self, name: str) -> None:
        image = 0.2 + 0.6 * batch(2)[0]
        for sign in (-1.0, 1.0):
            assert np.abs(self.made(name, 1, sign, image) - image).max() > 0.01

    def test_some_are_as_in_dm_pix(self) -> None:
        pix: Any = pytest.importorskip("dm_pix")
        image = batch(3)[0]
        known = {
            "solarize": pix.solarize(image, 0.5 + 1e-6),
            "brightness": np.clip(image * 1.45, 0, 1),
        }
        for name, expected in known.items():
            np.testing.assert_allclose(self.made(name, 0.5, 1, image), expected, atol=1e-5)
        large = np.random.default_rng(0).random((16, 16, 1), np.float32)
        turned = pix.rotate(large, np.deg2rad(15), order=1, mode="constant")
        inside = np.s_[4:12, 4:12]  # at the edges dm-pix interpolates otherwise
        ours = self.made("rotate", 0.5, -1, large)
        np.testing.assert_allclose(ours[inside], turned[inside], atol=1e-5)

    def test_equalized_values_are_spread_evenly(self) -> None:
        image = np.random.default_rng(0).random((32, 32, 1), np.float32) ** 2
        made = self.made("equalize", 0, 1, image)
        order = np.argsort(image.ravel(), kind="stable")
        assert (np.diff(made.ravel()[order]) >= -1e-6).all()
        assert np.histogram(made, 4, (0, 1))[0] == pytest.approx(256, abs=60)

    def test_posterized_images_have_few_levels(self) -> None:
        image = np.linspace(0, 1, 1024, dtype=np.float32).reshape(32, 32, 1)
        assert len(np.unique(self.made("posterize", 1, 1, image))) == 16


class TestLoss:
    def test_of_mixed_targets_it_is_the_mean_of_both_losses(self) -> None:
        outputs = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
        labels = np.array([[0, 1], [1, 1], [2, 0], [3, 2], [0, 3]])
        weights = np.full((5, 2), [0.3, 0.7], np.float32)
        for smoothing in (0.0, 0.2):
            mixed = mean_loss("classification", outputs, Mixture(labels, weights), smoothing)
            each = [mean_loss("classification", outputs, labels[:, k], smoothing) for k in (0, 1)]
            assert float(mixed) == pytest.approx(float(0.3 * each[0] + 0.7 * each[1]), rel=1e-5)


class TestConfiguration:
    @given(
        st.sampled_from(
            [Flip(0.1), Crop(1, "zero"), Cutout(2), Mixup(1.0), CutMix(0.5, 0.5), RandAugment(3, 1)]
        )
    )
    def test_augmentations_come_back_from_plain_data(self, kind: Augmentation) -> None:
        assert read_augmentation(describe_augmentation(kind)) == kind
        assert without_numbers(without_numbers(kind)) == without_numbers(kind)

    def test_names_stand_for_them(self) -> None:
        config = ja.TrainConfig(augment=("flip", "crop=2", augment.Cutout(3)))
        assert config.augment == (Flip(), Crop(2), Cutout(3))

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            (lambda: Flip(1.5), "flip: probability is 1.5; it must be a number of 0 to 1"),
            (lambda: Flip(True), "probability is True"),
            (lambda: Crop(-1), "crop: padding is -1; it must be a whole number of at least 0"),
            (lambda: Crop(1, cast(Any, "wrap")), "mode is 'wrap'; it must be 'reflect' or 'zero'"),
            (lambda: Cutout(cast(Any, 2.5)), "size is 2.5; it must be a whole number"),
            (lambda: Mixup(float("nan")), "alpha is nan"),
            (lambda: RandAugment(11), "magnitude is 11; it must be a number of 0 to 10"),
            (lambda: RandAugment(low=1.0), "low less than high"),
            (lambda: RandAugment(layers=0), "layers must be 1 or more"),
            (lambda: as_augmentations(["blur"]), "there is no augmentation 'blur'; there are"),
            (lambda: as_augmentations(["cutout=big"]), "write cutout=NUMBER, its size"),
            (lambda: as_augmentations([cast(Any, 3)]), "augment has 3; give a name"),
            (lambda: ja.TrainConfig(augment=cast(Any, "flip")), "give a tuple, such as"),
            (lambda: read_augmentation({"kind": "blur"}), "there is no augmentation 'blur'"),
        ],
    )
    def test_what_is_wrong_is_said(self, wrong: Callable[[], object], message: str) -> None:
        with pytest.raises(ja.TrainConfigError, match=message.replace("(", r"\(")):
            wrong()
