import gzip
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from jarch.data import DataError, Dataset, from_arrays, load_data

MNIST = Path(__file__).parents[2] / "shared" / "data" / "mnist.npz"
FASHION = Path("/usr/share/datasets/fashion-mnist")


def blobs(examples: int = 60, classes: int = 3) -> dict[str, npt.NDArray[Any]]:
    rng = np.random.default_rng(0)
    return {
        "x_train": rng.normal(size=(examples, 4)),
        "y_train": np.arange(examples) % classes,
        "x_test": rng.normal(size=(classes, 4)),
        "y_test": np.arange(classes),
    }


def saved(folder: Path, **arrays: npt.ArrayLike) -> Path:
    path = folder / "blobs.npz"
    np.savez(path, allow_pickle=True, **{name: np.asarray(x) for name, x in arrays.items()})
    return path


def idx(array: npt.NDArray[Any], code: int = 0x08) -> bytes:
    header = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def idx_folder(folder: Path, pack: Callable[[bytes], bytes] = bytes, suffix: str = "") -> Path:
    rng = np.random.default_rng(0)
    for part, size in (("train", 40), ("t10k", 20)):
        images = rng.integers(0, 256, (size, 5, 6), np.uint8)
        labels = (np.arange(size) % 4).astype(np.uint8)
        (folder / f"{part}-images-idx3-ubyte{suffix}").write_bytes(pack(idx(images)))
        (folder / f"{part}-labels-idx1-ubyte{suffix}").write_bytes(pack(idx(labels)))
    return folder


def image_folder(folder: Path, per_class: int = 5, mode: str = "L") -> Path:
    for number, name in enumerate(("ant", "bee")):
        (folder / name).mkdir(parents=True)
        for i in range(per_class):
            Image.new(mode, (4, 3), number if mode == "L" else (number, 0, 255)).save(
                folder / name / f"{i}.png"
            )
    return folder


def everything(data: Dataset) -> list[npt.NDArray[Any]]:
    return [array for pair in data.splits.values() for array in pair]


class TestDigits:
    def test_shapes_scale_and_types(self) -> None:
        data = load_data("digits")
        assert data.input_shape == (8, 8, 1)
        assert data.num_classes == 10
        assert (data.x_train.min(), data.x_train.max()) == (0, 1)
        assert {array.dtype for array in everything(data)} == {np.dtype("f4"), np.dtype("i4")}
        assert sum(len(y) for _, y in data.splits.values()) == 1797

    def test_classes_are_equally_frequent_in_all_splits(self) -> None:
        for _, y in load_data("digits").splits.values():
            shares = np.bincount(y) / len(y)
            assert np.abs(shares - 0.1).max() < 0.02

    def test_the_seed_decides_validation_and_not_test(self) -> None:
        first, again, other = load_data("digits"), load_data("digits"), load_data("digits", 1)
        for a, b in zip(everything(first), everything(again), strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(first.x_test, other.x_test)
        assert not np.array_equal(first.x_validation, other.x_validation)

    @pytest.mark.parametrize("validation", [0.0, 0.1, 0.5])
    def test_neither_validation_nor_limit_touch_the_test_split(self, validation: float) -> None:
        plain = load_data("digits")
        data = load_data("digits", 3, validation, limit=200)
        np.testing.assert_array_equal(plain.x_test, data.x_test)
        assert len(data.x_validation) == round(200 * validation)
        assert len(data.x_train) + len(data.x_validation) == 200

    def test_no_example_is_in_two_splits(self) -> None:
        x = np.arange(100.0)[:, None]
        data = from_arrays(x, np.arange(100) % 5)
        parts = [x for x, _ in data.splits.values()]
        np.testing.assert_array_equal(np.sort(np.concatenate(parts), axis=0), x)
        assert [len(part) for part in parts] == [64, 16, 20]

    def test_a_rare_class_stays_in_the_training_split(self) -> None:
        y = np.array([0] * 50 + [1])
        for seed in range(20):
            data = from_arrays(np.zeros((51, 2)), y, seed=seed, validation=0.5)
            assert 1 in data.y_train

    def test_says_what_it_holds(self) -> None:
        assert str(load_data("digits")).startswith("digits: (8, 8, 1), 10 classes; 1,150 train")


class TestArrays:
    def test_bytes_are_pixels(self) -> None:
        data = from_arrays(np.full((10, 6, 7), 255, np.uint8), np.arange(10) % 2)
        assert data.input_shape == (6, 7, 1)
        assert data.x_train.max() == 1

    def test_other_numbers_stay_as_they_are(self) -> None:
        tokens = np.arange(40).reshape(10, 4)
        assert from_arrays(tokens, np.arange(10) % 2).x_train.dtype == np.int32
        floats = from_arrays(np.full((10, 6, 7), 300.0), np.arange(10) % 2)
        assert floats.input_shape == (6, 7)
        assert floats.x_train.max() == 300

    def test_a_column_of_labels_is_labels(self) -> None:
        data = from_arrays(np.zeros((10, 2)), (np.arange(10) % 2)[:, None])
        assert data.y_train.shape == (len(data.x_train),)

    @pytest.mark.parametrize("outputs", [(), (3,)])
    def test_floats_are_regression_targets(self, outputs: tuple[int, ...]) -> None:
        data = from_arrays(np.zeros((20, 2)), np.random.default_rng(0).normal(size=(20, *outputs)))
        assert data.num_classes is None
        assert data.y_train.shape[1:] == outputs
        assert from_arrays(np.zeros((20, 2)), np.arange(20), task="regression").num_classes is None

    def test_splits_of_regression_depend_on_the_seed_only_in_validation(self) -> None:
        x, y = np.arange(50.0)[:, None], np.arange(50.0)
        a, b = from_arrays(x, y, seed=0), from_arrays(x, y, seed=1)
        np.testing.assert_array_equal(a.y_test, b.y_test)
        assert not np.array_equal(a.y_validation, b.y_validation)


class TestFiles:
    def test_npz_with_and_without_a_test_split(self, tmp_path: Path) -> None:
        arrays = blobs()
        whole = load_data(saved(tmp_path, **arrays))
        assert (whole.name, len(whole.x_test)) == ("blobs", 3)
        del arrays["x_test"], arrays["y_test"]
        assert len(load_data(saved(tmp_path, **arrays)).x_test) == 12

    @pytest.mark.parametrize(
        ("pack", "suffix"), [(bytes, ""), (gzip.compress, ".gz")], ids=["plain", "gzip"]
    )
    def test_idx(self, tmp_path: Path, pack: Callable[[bytes], bytes], suffix: str) -> None:
        data = load_data(idx_folder(tmp_path, pack, suffix))
        assert data.input_shape == (5, 6, 1)
        assert [len(x) for x, _ in data.splits.values()] == [32, 8, 20]
        assert data.x_test.max() <= 1
        assert data.num_classes == 4

    def test_idx_of_floats_keeps_byte_order(self, tmp_path: Path) -> None:
        idx_folder(tmp_path)
        values = np.linspace(-1, 1, 80, dtype=np.float32).reshape(40, 2)
        (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(values, 0x0D))
        (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(values[:20], 0x0D))
        np.testing.assert_array_equal(load_data(tmp_path).x_test, values[:20])

    def test_images_by_class(self, tmp_path: Path) -> None:
        data = load_data(image_folder(tmp_path))
        assert data.class_names == ("ant", "bee")
        assert data.input_shape == (3, 4, 1)
        np.testing.assert_allclose(data.x_train[:, 0, 0, 0] * 255, data.y_train)

    def test_images_in_train_and_test(self, tmp_path: Path) -> None:
        image_folder(tmp_path / "train", mode="RGB")
        image_folder(tmp_path / "test", per_class=2)
        (tmp_path / "train" / "ant" / "notes.txt").write_text("not an image")
        data = load_data(tmp_path)
        assert data.input_shape == (3, 4, 3)
        assert (len(data.x_train) + len(data.x_validation), len(data.x_test)) == (10, 4)

    @pytest.mark.skipif(not MNIST.exists(), reason=f"{MNIST} is not here")
    def test_mnist(self) -> None:
        data = load_data(MNIST, limit=1000)
        assert str(data) == "mnist: (28, 28, 1), 10 classes; 800 train, 200 validation, 10,000 test"

    @pytest.mark.skipif(not FASHION.exists(), reason="dataset-fashion-mnist is not installed")
    def test_fashion_mnist_as_debian_installs_it(self) -> None:
        data = load_data("fashion-mnist", limit=1000)
        assert (data.input_shape, data.num_classes, len(data.x_test)) == ((28, 28, 1), 10, 10_000)
        np.testing.assert_array_equal(np.bincount(data.y_test), 1000)


def wrong(**changes: Any) -> dict[str, Any]:
    return {**blobs(), **changes}


def test_what_is_not_finite_is_numbered_as_it_was_given() -> None:
    x = np.zeros((60, 4))
    x[37, 2] = np.nan
    with pytest.raises(DataError, match="in 1 of 60 examples, first in example 37"):
        from_arrays(x, np.arange(60) % 3)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (wrong(x_train=np.zeros(60)), "x_train has shape"),
        (wrong(x_test=np.zeros((3, 5))), "x_test holds examples of shape"),
        (wrong(x_train=np.zeros((60, 4, 0)), x_test=np.zeros((3, 4, 0))), "are empty"),
        (wrong(y_train=np.arange(59) % 3), "60 inputs but 59 targets"),
        (wrong(y_test=np.arange(2)), "x_test has 3 examples and y_test has 2"),
        (wrong(x_train=np.full((60, 4), np.nan)), "NaN or infinity in"),
        (wrong(x_test=np.full((3, 4), np.inf)), "x_test holds NaN or infinity in 3 of 3"),
        (wrong(x_train=np.full((60, 4), 1e300)), "NaN or infinity"),
        (wrong(y_train=np.full(60, np.nan), y_test=np.zeros(3)), "y_train holds NaN"),
        (wrong(y_train=np.eye(3, dtype=int)[np.arange(60) % 3]), "np.argmax"),
        (wrong(y_train=np.array(["a", "b"])[np.arange(60) % 2]), "return_inverse"),
        (wrong(y_train=np.arange(60) % 3 - 1), "label -1, outside"),
        (wrong(y_test=np.array([0, 1, 3])), "label 3, outside 0 to 2"),
        (wrong(y_train=np.zeros(60, int), y_test=np.zeros(3, int)), "all labels are 0"),
        (
            wrong(y_train=np.arange(60) % 3 * 2, y_test=np.zeros(3, int)),
            r"no training example: \[1",
        ),
        (wrong(x_train=np.full((60, 4), "a")), "convert it to numbers"),
        (wrong(x_train=np.ones((60, 4)) * 1j), "complex"),
        (wrong(x_train=np.zeros((0, 4)), y_train=np.zeros(0, int)), "no training examples"),
        (
            wrong(y_train=np.zeros((60, 2, 2)), y_test=np.zeros((3, 2, 2))),
            "regression targets have",
        ),
    ],
)
def test_wrong_arrays_are_refused(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_data(saved(tmp_path, **arrays))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation": 1.0}, "validation is 1.0"),
        ({"validation": -0.1}, "validation is -0.1"),
        ({"limit": 5}, "limit is 5"),
        ({"task": "ranking"}, "neither"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_data("digits", **options)


def test_floats_are_no_labels() -> None:
    with pytest.raises(DataError, match="labels are integers"):
        from_arrays(np.zeros((4, 2)), np.array([0.0, 1.0, 0.5, 1.0]), task="classification")


def test_test_inputs_need_test_targets() -> None:
    with pytest.raises(DataError, match="given together"):
        from_arrays(np.zeros((4, 2)), np.arange(4) % 2, x_test=np.zeros((4, 2)))


def test_a_data_set_is_checked_when_it_is_changed() -> None:
    data = load_data("digits")
    with pytest.raises(DataError, match="class names"):
        replace(data, class_names=("zero", "one"))
    with pytest.raises(DataError, match="training split is empty"):
        replace(data, x_train=data.x_train[:0], y_train=data.y_train[:0])


class TestUnreadableSources:
    def test_nothing_there(self) -> None:
        with pytest.raises(DataError, match="there is no data 'digit'; give 'digits'"):
            load_data("digit")

    def test_npz_without_a_key(self, tmp_path: Path) -> None:
        arrays = blobs()
        with pytest.raises(DataError, match=r"no array 'y_train', only \['x_train'\]"):
            load_data(saved(tmp_path, x_train=arrays["x_train"]))
        del arrays["y_test"]
        with pytest.raises(DataError, match="no array 'y_test'"):
            load_data(saved(tmp_path, **arrays))

    def test_npz_that_is_none(self, tmp_path: Path) -> None:
        path = tmp_path / "one.npy"
        np.save(path, np.zeros(3))
        with pytest.raises(DataError, match="is no"):
            load_data(path)
        whole = saved(tmp_path, **blobs()).read_bytes()
        (tmp_path / "blobs.npz").write_bytes(whole.replace(b"NUMPY", b"NUMPI"))
        with pytest.raises(DataError, match="cannot be read as"):
            load_data(tmp_path / "blobs.npz")

    def test_npz_of_objects(self, tmp_path: Path) -> None:
        objects = np.array([{}] * 60, object)
        with pytest.raises(DataError, match="cannot be read as"):
            load_data(saved(tmp_path, **wrong(x_train=objects)))

    def test_idx_with_a_file_missing(self, tmp_path: Path) -> None:
        (idx_folder(tmp_path) / "t10k-labels-idx1-ubyte").unlink()
        with pytest.raises(DataError, match="no file named t10k-labels"):
            load_data(tmp_path)
        (tmp_path / "t10k-images-idx3-ubyte").unlink()
        assert len(load_data(tmp_path).x_test) == 8

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "does not begin"),
            (b"PNG!", "does not begin"),
            (b"\0\0\x08\x03\0\0", "does not fit its shape"),
            (idx(np.zeros((40, 5, 6), np.uint8))[:-1], "does not fit its shape"),
            (idx(np.zeros((40, 5, 6), np.uint8)) + b"\0", "does not fit its shape"),
            (gzip.compress(b"x" * 1000, mtime=0)[:-9], "damaged gzip"),
        ],
    )
    def test_idx_that_is_damaged(self, tmp_path: Path, content: bytes, message: str) -> None:
        (idx_folder(tmp_path) / "train-images-idx3-ubyte").write_bytes(content)
        with pytest.raises(DataError, match=message):
            load_data(tmp_path)

    def test_folder_of_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="neither IDX files nor folders of images"):
            load_data(tmp_path)

    def test_class_without_images(self, tmp_path: Path) -> None:
        (image_folder(tmp_path) / "cat").mkdir()
        with pytest.raises(DataError, match="cat: the class has no images"):
            load_data(tmp_path)

    def test_class_that_is_only_in_test(self, tmp_path: Path) -> None:
        image_folder(tmp_path / "train")
        (image_folder(tmp_path / "test") / "cat").mkdir()
        with pytest.raises(DataError, match="class 'cat' is not in train"):
            load_data(tmp_path)

    def test_images_of_two_sizes(self, tmp_path: Path) -> None:
        Image.new("L", (9, 3)).save(image_folder(tmp_path) / "bee" / "9.png")
        with pytest.raises(DataError, match=r"9\.png has 9 by 3 pixels .* 4 by 3"):
            load_data(tmp_path)

    def test_image_that_is_damaged(self, tmp_path: Path) -> None:
        (image_folder(tmp_path) / "bee" / "9.png").write_bytes(b"hello")
        with pytest.raises(DataError, match=r"9\.png is no image"):
            load_data(tmp_path)

    def test_image_of_16_bits(self, tmp_path: Path) -> None:
        deep = Image.fromarray(np.zeros((3, 4), np.uint16))
        deep.save(image_folder(tmp_path) / "bee" / "9.png")
        with pytest.raises(DataError, match="more than 8 bits"):
            load_data(tmp_path)
