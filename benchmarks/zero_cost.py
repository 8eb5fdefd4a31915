"""How zero-cost proxies rank NAS-Bench-201: `python -m benchmarks.zero_cost --table FILE …`."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from math import inf
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, NamedTuple

import numpy as np
import tyro
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import spearmanr

import jarch as ja
from jarch.surrogates.zero_cost import PROXIES
from jarch.tabular.published import from_arch_string

PUBLISHED: Mapping[str, str] = {"naswot": "c10_nwot", "parameters": "c10_params"}
"""The names of the published scores where they are not `c10_` and ours."""

_MEAN = np.array([0.4914, 0.4822, 0.4465], np.float32)  # of CIFAR-10's channels
_DEVIATION = np.array([0.247, 0.2435, 0.2616], np.float32)


class Row(NamedTuple):
    """An architecture in both tables.

    Attributes:
        arch: Its name.
        accuracy: On the test images, in percent.
        published: Scores by the names that proxies have here.
    """

    arch: str
    accuracy: float
    published: Mapping[str, float]


class Correlation(NamedTuple):
    """How a proxy ranks the same architectures.

    Attributes:
        proxy: Its name.
        rho: Spearman's coefficient of our scores and the accuracy.
        published_rho: That of the published scores.
        agreement: That of our scores and the published ones.
        architectures: How many.
    """

    proxy: str
    rho: float
    published_rho: float
    agreement: float
    architectures: int


def main(
    table: Path,
    published: Path,
    images: Path,
    architectures: int = 50,
    cells: int = 1,
    channels: int = 16,
    batch_size: int = 64,
    proxies: str = "",
    accuracy: str = "c10_test_200",
    seed: int = 0,
    seconds: float = inf,
    json_file: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
) -> None:
    """Score architectures drawn from the benchmark, and print how that ranks them.

    The published scores are of the whole network, 5 cells a stage and 16 channels. Fewer cells
    take less time to compile, which is nearly all of it; both are on the same accuracies.

    Args:
        table: CSV file of the benchmark with the columns index, arch and that of the accuracy.
        published: CSV file of published scores, joined by its column index.
        images: CIFAR-10 as JPEG files in an .npz file, as described in benchmarks/README.md.
        architectures: How many, drawn from those that have published scores.
        cells: In each of the three stages.
        channels: Of the first stage.
        batch_size: Images that are measured on.
        proxies: Names with commas between; all by default.
        accuracy: The column to rank.
        seed: Of the draw, the batch and the weights.
        seconds: Begin with no architecture after so many, and print what those before give.
        json_file: Where to write the table, as a list of objects.
    """
    names = proxies.split(",") if proxies else list(PROXIES)
    rows = drawn(read_rows(table, published, accuracy), architectures, seed)
    batch = read_images(images, batch_size, seed)
    found: list[Mapping[str, float]] = []
    start = perf_counter()
    for row in rows:
        begin = perf_counter()
        if begin - start > seconds:
            break
        found.append(score(row.arch, batch, names, cells, channels, seed))
        took = perf_counter() - begin
        print(f"{len(found)}/{len(rows)} {row.arch}: {took:.1f} s", file=sys.stderr, flush=True)
    made = correlations(rows[: len(found)], found, names)
    print(f"{len(found)} architectures, {cells} cells a stage, {channels} channels\n")
    print(markdown_table(made))
    if json_file is not None:
        text = json.dumps([each._asdict() for each in made], indent=2)
        json_file.write_text(text + "\n", encoding="utf-8")


def read_rows(table: Path, published: Path, accuracy: str) -> list[Row]:
    """Return the architectures that are in both tables and have all scores there."""
    columns = {name: PUBLISHED.get(name, f"c10_{name}") for name in PROXIES}
    scores = {line["index"]: line for line in _lines(published)}
    return [
        Row(
            line["arch"],
            float(line[accuracy]),
            {name: float(scores[line["index"]][column]) for name, column in columns.items()},
        )
        for line in _lines(table)
        if line["index"] in scores
    ]


def _lines(path: Path) -> list[dict[str, str]]:
    opened = gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open()
    with opened as file:
        return list(csv.DictReader(file))


def drawn(rows: Sequence[Row], count: int, seed: int) -> list[Row]:
    """Return so many rows drawn without replacement."""
    chosen = np.random.default_rng(seed).choice(len(rows), min(count, len(rows)), replace=False)
    return [rows[i] for i in chosen]


def read_images(path: Path, count: int, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return training images, normalised: float32 (N, 32, 32, 3), and their classes.

    Args:
        path: Of an .npz file: image i is the JPEG file `header` + `data[offset[i]:offset[i + 1]]`,
            its class `label[i]`, and the first `n_train` are for training.
        count: How many, drawn by the seed.
        seed: Of the draw.
    """
    with np.load(path) as held:
        header, data, offset, label = (held[n] for n in ("header", "data", "offset", "label"))
        total = int(held["n_train"])
    chosen = np.random.default_rng(seed).choice(total, count, replace=False)
    files = [header.tobytes() + data[offset[i] : offset[i + 1]].tobytes() for i in chosen]
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(file)).convert("RGB")) for file in files])
    x = (pixels.astype(np.float32) / np.float32(255) - _MEAN) / _DEVIATION
    return x, label[chosen].astype(np.int32)


def score(
    arch: str,
    batch: tuple[NDArray[Any], NDArray[Any]],
    names: Sequence[str],
    cells: int,
    channels: int,
    seed: int,
) -> Mapping[str, float]:
    """Return the scores of an architecture by its name in the benchmark."""
    space = ja.trace(partial(ja.spaces.nasbench201, cells=cells, channels=channels))
    network = ja.replay(space, from_arch_string(arch))
    return ja.zero_cost_scores(network, batch, names, batch_size=len(batch[0]), seed=seed)


def correlations(
    rows: Sequence[Row], found: Sequence[Mapping[str, float]], names: Sequence[str]
) -> list[Correlation]:
    """Return how each proxy ranks the rows."""
    accuracy = [row.accuracy for row in rows]
    made: list[Correlation] = []
    for name in names:
        ours = [each[name] for each in found]
        theirs = [row.published[name] for row in rows]
        rhos = rho(ours, accuracy), rho(theirs, accuracy), rho(ours, theirs)
        made.append(Correlation(name, *rhos, len(rows)))
    return made


def rho(some: Sequence[float], others: Sequence[float]) -> float:
    """Return Spearman's rank correlation; minus infinity ranks last."""
    result: Any = spearmanr(_ranks(some), _ranks(others))
    return float(result.statistic)


def _ranks(values: Sequence[float]) -> NDArray[np.float64]:
    """Return finite numbers in the order of the values."""
    return np.unique(values, return_inverse=True)[1].astype(np.float64)


def markdown_table(made: Sequence[Correlation]) -> str:
    """Return a table with a row for each proxy."""
    lines = [
        ["proxy", "rho with accuracy", "rho of published scores", "rho of both"],
        ["---"] * 4,
    ]
    for each in made:
        figures = (each.rho, each.published_rho, each.agreement)
        lines.append([f"`{each.proxy}`", *[f"{figure:.3f}" for figure in figures]])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    tyro.cli(main)
