"""Draws the curves of what searches found by when; needs matplotlib."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .standings import Point


def matplotlib_figure() -> Any:
    """Return the class of matplotlib's figures.

    Raises:
        SystemExit: matplotlib is not installed.
    """
    try:
        return importlib.import_module("matplotlib.figure").Figure
    except ImportError as error:
        raise SystemExit("the plot needs matplotlib: pip install matplotlib") from error


def plot_curves(path: Path, points: Sequence[Point]) -> None:
    """Draw test accuracies over evaluations and over simulated seconds, for each data set.

    Args:
        path: Of the file; its suffix says the format.
        points: The curves.
    """
    shown = [point for point in points if point.split == "test"]
    datasets = list(dict.fromkeys(point.dataset for point in shown))
    figure = matplotlib_figure()(figsize=(9, 3 * len(datasets)), layout="constrained")
    axes = figure.subplots(len(datasets), 2, squeeze=False)
    for i, dataset in enumerate(datasets):
        for j, axis in enumerate(("evaluations", "seconds")):
            axes[i, j].set(xlabel=axis, ylabel=f"{dataset} test, %")
            _draw(axes[i, j], [p for p in shown if (p.dataset, p.axis) == (dataset, axis)])
    axes[0, 0].legend()
    figure.savefig(path)


def _draw(plot: Any, points: Sequence[Point]) -> None:
    for name in dict.fromkeys((point.searcher, point.signal) for point in points):
        line = [point for point in points if (point.searcher, point.signal) == name]
        plot.plot([p.at for p in line], [p.mean for p in line], label=", ".join(name))
