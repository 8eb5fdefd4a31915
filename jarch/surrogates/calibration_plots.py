"""Draws how well surrogates predict; needs matplotlib."""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

from .calibration import LEVELS, Calibration
from .surrogate import SurrogateError

# colours that people who see fewer tell apart (Okabe and Ito 2008), and markers for who sees none
_COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#8C6BB1",
)
_MARKERS = "osD^vPX*"
_PANELS = (
    ("kendall", "Kendall's τ", "Order: higher is better"),
    ("calibration_error", "calibration error", "Doubt: lower is better"),
    ("nll", "negative log likelihood", "Both: lower is better"),
)
_SHOWN_NLL = 4.0  # above, the axis of likelihoods is logarithmic
_GREY = "#666666"


def plot_calibration(path: Path, found: Sequence[Calibration], title: str = "") -> None:
    """Draw order, doubt and likelihood over the number of observations, and the coverage.

    Bands are the standard error of the mean over repeats. The coverage is that at the largest
    number of observations.

    Args:
        path: Of the file; its suffix says the format.
        found: What to draw.
        title: Stands above.

    Raises:
        SurrogateError: matplotlib is not installed, or knows no such format.
    """
    figure: Any = matplotlib_figure()(figsize=(11, 8.2), layout="constrained")
    axes: Any = figure.subplots(2, 2)
    names = list(dict.fromkeys(one.surrogate for one in found))
    styles = dict(zip(names, zip(cycle(_COLOURS), cycle(_MARKERS), strict=False), strict=False))
    for plot, (measure, label, heading) in zip(axes.flat, _PANELS, strict=False):
        for name in names:
            _draw_line(plot, [one for one in found if one.surrogate == name], measure, styles[name])
        _finish(plot, found, label, heading)
    _scale_likelihoods(axes[1, 0], [one.mean.nll for one in found])
    _draw_coverage(axes[1, 1], found, styles)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(names), 8))
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise SurrogateError(f"the plot {path} cannot be written: {error}") from error


def _draw_line(
    plot: Any, line: Sequence[Calibration], measure: str, style: tuple[str, str]
) -> None:
    line = sorted(line, key=lambda one: one.observations)
    at = [one.observations for one in line]
    mean = [getattr(one.mean, measure) for one in line]
    error = [getattr(one.std, measure) / math.sqrt(one.repeats) for one in line]
    colour, marker = style
    low, high = zip(*[(m - e, m + e) for m, e in zip(mean, error, strict=True)], strict=True)
    plot.fill_between(at, low, high, color=colour, alpha=0.13, lw=0)
    plot.plot(at, mean, color=colour, marker=marker, ms=5, lw=1.6, label=line[0].surrogate)


def _finish(plot: Any, found: Sequence[Calibration], label: str, heading: str) -> None:
    sizes = sorted({one.observations for one in found})
    plot.set_xscale("log")
    plot.set_xticks(sizes, [f"{size:,}" for size in sizes])
    plot.set_xticks([], minor=True)
    plot.set_xlabel("observations")
    plot.set_ylabel(label)
    plot.set_title(heading, loc="left", fontsize=11)
    _clear(plot)


def _scale_likelihoods(plot: Any, means: Sequence[float]) -> None:
    """Mark what needs no architecture, and let few large values not hide the others."""
    trivial = 0.5 * math.log(2 * math.pi * math.e)
    plot.axhline(trivial, color=_GREY, lw=1, ls=":", zorder=0)
    text: dict[str, Any] = {
        "xytext": (-2, 3),
        "textcoords": "offset points",
        "ha": "right",
        "color": _GREY,
    }
    text["bbox"] = {"facecolor": "white", "alpha": 0.7, "lw": 0, "pad": 0.5}
    at = (1, trivial)
    plot.annotate(
        "mean and deviation alone", at, xycoords=plot.get_yaxis_transform(), fontsize=9, **text
    )
    if max(means) <= _SHOWN_NLL:
        return
    plot.set_yscale("symlog", linthresh=2)
    lowest, highest = min(*means, trivial) - 0.3, max(means) * 1.3
    steps = [
        sign * step * 10**power for power in range(7) for step in (1, 2, 5) for sign in (1, -1)
    ]
    ticks = [step for step in sorted({0, *steps}) if lowest <= step <= highest]
    plot.set_ylim(lowest, highest)
    plot.set_yticks(ticks, [f"{tick:,}" for tick in ticks])
    plot.set_yticks([], minor=True)


def _draw_coverage(
    plot: Any, found: Sequence[Calibration], styles: dict[str, tuple[str, str]]
) -> None:
    largest = max(one.observations for one in found)
    plot.plot([0, 1], [0, 1], color=_GREY, lw=1, ls=":", zorder=0)
    for one in found:
        if one.observations == largest:
            colour, marker = styles[one.surrogate]
            plot.plot(LEVELS, one.coverage, color=colour, marker=marker, ms=4, lw=1.6, markevery=3)
    plot.text(0.03, 0.95, "too unsure", color=_GREY, va="top", fontsize=9)
    plot.text(0.97, 0.05, "too sure", color=_GREY, ha="right", fontsize=9)
    plot.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    plot.set(
        xlabel="central interval of this probability …", ylabel="… holds so much of the scores"
    )
    plot.set_title(f"Coverage with {largest:,} observations", loc="left", fontsize=11)
    _clear(plot)


def _clear(plot: Any) -> None:
    plot.grid(color="#dddddd", lw=0.6)
    plot.set_axisbelow(True)
    plot.spines[["top", "right"]].set_visible(False)


def matplotlib_figure() -> Any:
    """Return the class of matplotlib's figures.

    Raises:
        SurrogateError: matplotlib is not installed.
    """
    try:
        return importlib.import_module("matplotlib.figure").Figure
    except ImportError as error:
        raise SurrogateError("the plot needs matplotlib: pip install matplotlib") from error
