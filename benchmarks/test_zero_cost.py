"""The ranking by zero-cost proxies, on a few architectures with figures that are made up."""

from __future__ import annotations

import gzip
import io
from math import inf
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jarch.surrogates.zero_cost import PROXIES
from jarch.tabular import to_arch_string

from .zero_cost import PUBLISHED, main, read_images, read_rows, rho


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three architectures, one of which has no published scores, and ten images."""
    cells = [["skip_connect"] * 6, ["nor_conv_1x1"] * 6, ["avg_pool_3x3"] * 6]
    table = [f"{i},{to_arch_string(cell)},{90 + i}" for i, cell in enumerate(cells)]
    lines = "\n".join(["index,arch,c10_test_200", *table])
    (tmp_path / "table.csv").write_text(lines, encoding="utf-8")
    columns = [PUBLISHED.get(name, f"c10_{name}") for name in PROXIES]
    scores = [",".join([str(i), *[str(i / 10)] * len(columns)]) for i in range(2)]
    text = "\n".join([",".join(["index", *columns]), *scores])
    (tmp_path / "scores.csv.gz").write_bytes(gzip.compress(text.encode()))
    write_images(tmp_path / "images.npz")
    return tmp_path


def write_images(path: Path) -> None:
    files: list[bytes] = []
    for i in range(10):
        file = io.BytesIO()
        Image.new("RGB", (32, 32), (20 * i, 0, 0)).save(file, "jpeg")
        files.append(file.getvalue())
    shared = 2  # bytes that all files begin with
    bodies = [np.frombuffer(file[shared:], np.uint8) for file in files]
    np.savez(
        path,
        header=np.frombuffer(files[0][:shared], np.uint8),
        data=np.concatenate(bodies),
        offset=np.cumsum([0, *map(len, bodies)]),
        label=np.arange(10, dtype=np.uint8),
        n_train=8,
    )


def test_rows_are_those_of_both_tables(folder: Path) -> None:
    rows = read_rows(folder / "table.csv", folder / "scores.csv.gz", "c10_test_200")
    assert [row.accuracy for row in rows] == [90, 91]
    assert rows[1].published == dict.fromkeys(PROXIES, 0.1)


def test_images_are_training_images_with_their_classes(folder: Path) -> None:
    x, y = read_images(folder / "images.npz", 8, 0)
    assert x.shape == (8, 32, 32, 3)
    assert sorted(y) == list(range(8))
    red = x[np.argsort(y), 0, 0, 0] * 0.247 + 0.4914
    np.testing.assert_allclose(red, 20 * np.arange(8) / 255, atol=0.02)


def test_what_has_no_score_ranks_last() -> None:
    assert rho([-inf, 1, 2], [0, 5, 7]) == pytest.approx(1)
    assert rho([2, 1, -inf], [0, 5, 7]) == pytest.approx(-1)


def test_the_command_prints_a_row_a_proxy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(
        folder / "table.csv",
        folder / "scores.csv.gz",
        folder / "images.npz",
        architectures=2,
        channels=4,
        batch_size=4,
        proxies="naswot,parameters",
        json_file=folder / "figures.json",
    )
    printed = capsys.readouterr().out
    assert "| `parameters` | 1.000 | 1.000 | 1.000 |" in printed
    assert "| `naswot` |" in printed
    assert (folder / "figures.json").exists()
