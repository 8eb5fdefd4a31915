"""How well surrogates order architectures, and whether their doubt says how far off they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import kendalltau, spearmanr

from jarch.ir import Architecture

from .surrogate import FloatArray, Prediction, Surrogate, SurrogateError, informed

LEVELS: tuple[float, ...] = tuple(round(0.05 * i, 2) for i in range(1, 20))
"""The central intervals whose coverage is looked at, by the probability that they ought to hold."""

SIZES = (20, 50, 100, 200)
"""Numbers of observations, if nothing else is said."""

LEAST_HELD_OUT = 10
"""So many architectures at least a surrogate is judged by."""

_FLOOR = 1e-3  # of a deviation, relative to that of all scores: else one certain error counts all
_NINETY = LEVELS.index(0.9)

Show: TypeAlias = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Judgement:
    """How one fit did on architectures that it had not seen.

    Attributes:
        kendall: Kendall's tau of predictions and scores, from -1 to 1: in how many pairs of
            architectures the better is foreseen, less those in which it is not. 0 where all
            predictions are equal.
        spearman: Spearman's rho, the correlation of the ranks; likewise.
        coverage90: The part of the scores that are in the central interval of 90 %.
        calibration_error: How far the coverage of central intervals is from what it ought to be,
            on average over `LEVELS`; at most about 0.5.
        nll: The mean negative logarithm of the density that is predicted at the scores, where these
            have a deviation of 1: less is better, 1.42 is that of knowing mean and deviation of all
            scores and nothing else. A deviation below a thousandth of that of all scores counts as
            that.
        fit_seconds: What the fit took, on a clock on the wall.
        predict_seconds: What predicting took.

    Example:
        >>> scores = np.linspace(0.0, 1.0, 20)
        >>> sure = Prediction(scores + 0.1, np.full(20, 0.01))  # in order, but far too sure
        >>> judgement, _ = judge(sure, scores, float(scores.std()))
        >>> judgement.kendall, judgement.coverage90
        (1.0, 0.0)
    """

    kendall: float
    spearman: float
    coverage90: float
    calibration_error: float
    nll: float
    fit_seconds: float
    predict_seconds: float


MEASURES: tuple[str, ...] = tuple(Judgement.__dataclass_fields__)
"""The names of what is measured."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a surrogate did with so many observations, over repeats with others.

    Attributes:
        surrogate: Its name.
        observations: How many it was fitted to.
        repeats: How often.
        mean: Over the repeats.
        std: Over the repeats; 0 for one.
        coverage: Of the central intervals at each of `LEVELS`, on average.

    Example:
        >>> import jarch as ja
        >>> from jarch.surrogates import RidgeSurrogate
        >>> nets = list(ja.enumerate_architectures(ja.trace(ja.spaces.digits_dense)))
        >>> widths = np.array([net.values[1] for net in nets], float)
        >>> (found,) = calibrate({"ridge": RidgeSurrogate()}, nets, widths, (20,), repeats=2)
        >>> found.surrogate, found.observations, found.mean.kendall > 0.5
        ('ridge', 20, True)
    """

    surrogate: str
    observations: int
    repeats: int
    mean: Judgement
    std: Judgement
    coverage: tuple[float, ...]

    def row(self) -> dict[str, str | int | float]:
        """Return all but the coverage as a flat row, for a table."""
        found: dict[str, str | int | float] = {
            "surrogate": self.surrogate,
            "observations": self.observations,
            "repeats": self.repeats,
        }
        for name in MEASURES:
            found[name] = getattr(self.mean, name)
            found[f"{name}_std"] = getattr(self.std, name)
        return found


def calibrate(
    surrogates: Mapping[str, Surrogate],
    architectures: Sequence[Architecture],
    scores: FloatArray,
    sizes: Sequence[int] = SIZES,
    *,
    repeats: int = 5,
    held_out: int = 300,
    seed: int = 0,
    maximize: bool = True,
    show: Show | None = None,
) -> list[Calibration]:
    """Judge surrogates by architectures whose scores they were not told.

    In each repeat all surrogates see the same observations, drawn at random; the smaller sets are
    part of the larger ones; and all are judged by the same architectures.

    Scores as they are count, with their noise, but a surrogate's deviation is that of what it
    predicts, without noise: where scores are noisy, it looks too sure of itself.

    Args:
        surrogates: By the names to report them under.
        architectures: All different.
        scores: Of these, of shape (n,).
        sizes: Numbers of observations; those that leave too few to judge by are left out.
        repeats: How often, each time with others.
        held_out: Judge by so many, or by what is left.
        seed: Of all randomness.
        maximize: Whether more is better; some surrogates make use of it.
        show: Is told the name and the number of observations before each fit.

    Raises:
        SurrogateError: There are no scores enough, or a number is below 1.

    Reference:
        Kuleshov, Fenner and Ermon 2018, "Accurate uncertainties for deep learning using calibrated
        regression", ICML, for the coverage and its error. Gneiting and Raftery 2007, "Strictly
        proper scoring rules, prediction, and estimation", JASA 102, for the likelihood.

    Example:
        >>> import jarch as ja
        >>> from jarch.surrogates import calibrate, make_surrogate
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> nets = list(ja.enumerate_architectures(space))
        >>> sizes = np.array([ja.analyze(a, {"in": (8, 8, 1)}).parameters for a in nets], float)
        >>> found = calibrate({"ridge": make_surrogate("ridge")}, nets, np.log(sizes), (20,))
        >>> found[0].mean.kendall > 0.6
        True
    """
    usable = usable_sizes(len(scores), sizes)
    if min(repeats, held_out) < 1:
        raise SurrogateError("repeats and held_out must be at least 1")
    judged: dict[tuple[str, int], list[tuple[Judgement, FloatArray]]] = {}
    for repeat in range(repeats):
        order = np.random.default_rng((seed, repeat)).permutation(len(scores))
        rest = order[max(usable) :][:held_out]
        for size in usable:
            for name, surrogate in surrogates.items():
                if show is not None:
                    show(name, size)
                rng = np.random.default_rng((seed, repeat, size))
                learner = informed(surrogate, maximize)
                found = _judge(learner, architectures, scores, order[:size], rest, rng)
                judged.setdefault((name, size), []).append(found)
    return [_gathered(name, size, found) for (name, size), found in judged.items()]


def usable_sizes(scores: int, sizes: Sequence[int]) -> list[int]:
    """Return the sizes, in rising order, that leave enough of so many scores to judge by.

    Raises:
        SurrogateError: None does, or one is below 2.

    Example:
        >>> usable_sizes(100, [20, 200, 50])
        [20, 50]
    """
    if min(sizes, default=0) < 2:
        raise SurrogateError(f"sizes are {tuple(sizes)}; give at least one, none below 2")
    usable = sorted({size for size in sizes if size + LEAST_HELD_OUT <= scores})
    if not usable:
        raise SurrogateError(
            f"{scores} scores are too few for {min(sizes)} observations and {LEAST_HELD_OUT} to "
            "judge by; give more scores or smaller sizes"
        )
    return usable


def judge(prediction: Prediction, scores: FloatArray, scale: float) -> tuple[Judgement, FloatArray]:
    """Return how good a prediction is, without times, and the coverage at each of `LEVELS`.

    Args:
        prediction: Of n scores.
        scores: As they are: shape (n,).
        scale: The deviation that counts as 1.
    """
    errors = scores - prediction.mean
    deviations = np.maximum(prediction.std, _FLOOR * scale)
    with np.errstate(divide="ignore", invalid="ignore"):
        away = np.where(errors == 0, 0.0, np.abs(errors) / prediction.std)
    widths = ndtri((1 + np.array(LEVELS)) / 2)
    coverage: FloatArray = (away <= widths[:, None]).mean(axis=1)
    density = 0.5 * np.square(errors / deviations) + np.log(deviations / scale)
    judgement = Judgement(
        kendall=_or_nothing(_kendall(prediction.mean, scores)),
        spearman=_or_nothing(_spearman(prediction.mean, scores)),
        coverage90=float(coverage[_NINETY]),
        calibration_error=float(np.abs(coverage - LEVELS).mean()),
        nll=float(density.mean()) + 0.5 * math.log(2 * math.pi),
        fit_seconds=0.0,
        predict_seconds=0.0,
    )
    return judgement, coverage


def _judge(
    surrogate: Surrogate,
    architectures: Sequence[Architecture],
    scores: FloatArray,
    seen: NDArray[np.int64],
    rest: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[Judgement, FloatArray]:
    """Fit a surrogate to some scores and judge it by others."""
    known = _some(architectures, seen)
    unknown = _some(architectures, rest)
    begin = perf_counter()
    fitted = surrogate.fit(known, scores[seen], rng)
    between = perf_counter()
    prediction = fitted.predict(unknown)
    end = perf_counter()
    judgement, coverage = judge(prediction, scores[rest], float(scores.std()) or 1.0)
    times = {"fit_seconds": between - begin, "predict_seconds": end - between}
    return Judgement(**{**_values(judgement), **times}), coverage


def _some(architectures: Sequence[Architecture], which: NDArray[np.int64]) -> list[Architecture]:
    places: list[int] = which.tolist()
    return [architectures[i] for i in places]


def _gathered(name: str, size: int, found: Sequence[tuple[Judgement, FloatArray]]) -> Calibration:
    table = np.array([list(_values(judgement).values()) for judgement, _ in found])
    coverage = cast(FloatArray, np.array([covered for _, covered in found]).mean(axis=0))
    return Calibration(
        name,
        size,
        len(found),
        Judgement(*_floats(table.mean(axis=0))),
        Judgement(*_floats(table.std(axis=0))),
        tuple(_floats(coverage)),
    )


def _floats(row: Any) -> list[float]:
    return [float(value) for value in row]


def _values(judgement: Judgement) -> dict[str, float]:
    return {name: getattr(judgement, name) for name in MEASURES}


def _kendall(first: FloatArray, second: FloatArray) -> float:
    found = cast(Any, kendalltau(first, second))
    return float(found[0])


def _spearman(first: FloatArray, second: FloatArray) -> float:
    """Return Spearman's rho; SciPy warns of input that is constant."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return math.nan
    found = cast(Any, spearmanr(first, second))
    return float(found[0])


def _or_nothing(correlation: float) -> float:
    return 0.0 if math.isnan(correlation) else correlation
