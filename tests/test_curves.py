"""Extrapolated learning curves, and trainings that end by them."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.evaluate import CurveStopping, extrapolate
from jarch.evaluate.curves import FAMILIES, Extrapolation
from jarch.runs import Evaluation
from jarch.search import Objective, SearchError, WithFidelity, run_search

CURVES: dict[str, Callable[[float], float]] = {
    "power": lambda t: 0.95 - 0.5 * t**-0.7,
    "exponential": lambda t: 0.9 - 0.6 * math.exp(-0.3 * t),
    "hill": lambda t: 0.8 * t / (t + 2),
    "logarithm": lambda t: 0.3 + 0.1 * math.log(t),
    "constant": lambda t: 0.1,
}


@pytest.mark.parametrize("name", FAMILIES)
def test_all_curves_of_a_family_rise(name: str) -> None:
    """The bounds of parameters see to that: no family can predict a fall."""
    family, rng, x = FAMILIES[name], np.random.default_rng(0), np.arange(1.0, 60.0)
    low, high = np.array(family.low), np.array(family.high)
    for _ in range(200):
        p = (low + (high - low) * rng.random(len(low))).tolist()
        values = family.curve(x, p)
        finite = values[np.isfinite(values)]
        assert np.all(np.diff(finite) >= -1e-9)


@pytest.mark.parametrize("name", CURVES)
def test_a_curve_is_foreseen(name: str) -> None:
    rng, curve = np.random.default_rng(0), CURVES[name]
    values = [curve(t) + rng.normal(0, 0.003) for t in range(1, 13)]
    found = extrapolate(values, 40)
    assert found is not None
    assert found.mean == pytest.approx(curve(40), abs=0.05)
    assert found.probability_above(curve(40) - 0.1) > 0.95
    assert found.probability_above(curve(40) + 0.1) < 0.05
    again = extrapolate(values, 40)
    assert again is not None
    assert (again.mean, again.weights.tolist()) == (found.mean, found.weights.tolist())


def test_what_is_seen_of_a_curve_makes_it_certain() -> None:
    few, many = (extrapolate([CURVES["exponential"](t) for t in range(1, n)], 40) for n in (6, 16))
    assert few is not None
    assert many is not None
    assert few.weights @ few.deviations > 2 * (many.weights @ many.deviations)


def test_a_family_needs_more_values_than_parameters() -> None:
    assert extrapolate([0.1, 0.2], 9) is None
    three, five = extrapolate([0.1, 0.2, 0.25], 9), extrapolate([0.1, 0.2, 0.25, 0.27, 0.28], 9)
    assert three is not None
    assert five is not None
    assert len(three.means) == 2
    assert 2 < len(five.means) <= len(FAMILIES)


def test_a_mixture_by_hand() -> None:
    mixture = Extrapolation(np.array([0.5, 0.7]), np.array([0.1, 0.1]), np.array([0.25, 0.75]))
    assert mixture.mean == pytest.approx(0.65)
    above = 0.25 * 0.5 * (1 + math.erf(-1 / math.sqrt(2))) + 0.75 * 0.5 * (
        1 + math.erf(1 / math.sqrt(2))
    )
    assert mixture.probability_above(0.6) == pytest.approx(above)


LOW = [0.1, 0.3, 0.38, 0.4, 0.41, 0.41, 0.412, 0.412]


def test_only_what_cannot_beat_the_best_is_hopeless() -> None:
    stopping = CurveStopping()
    assert not stopping.hopeless(LOW, 20)  # there is no best yet
    stopping.best = 0.9
    assert stopping.hopeless(LOW, 20)
    assert not stopping.hopeless(LOW[:3], 20)  # too early
    assert not stopping.hopeless(LOW, len(LOW))  # all is done
    assert not CurveStopping(best=0.415).hopeless(LOW, 20)
    assert not CurveStopping(best=0.3).hopeless(LOW, 20)
    sparse = CurveStopping(best=0.9, every=3)
    assert [n for n in range(3, 9) if sparse.hopeless(LOW[:n], 20)] == [4, 7]


def test_losses_are_extrapolated_too() -> None:
    loss = Objective("loss", maximize=False)
    falls = [2.0 * 0.8**t + 0.5 for t in range(8)]
    assert CurveStopping(loss, best=0.1).hopeless(falls, 20)
    assert not CurveStopping(loss, best=0.6).hopeless(falls, 20)


def evaluation(index: int, fidelity: int | None, accuracy: float | None) -> Evaluation:
    if accuracy is None:
        return Evaluation(index, 0, (), "", "failed", fidelity=fidelity)
    return Evaluation(index, 0, (), "", "ok", {"accuracy": accuracy}, fidelity=fidelity)


def test_the_best_is_that_of_evaluations_in_full() -> None:
    data = ja.load_data("digits", limit=100)
    stopping = CurveStopping()
    evaluate = ja.TrainingEvaluator(data, ja.TrainConfig(epochs=6), stop_early=stopping)
    seen: list[float | None] = []
    for fidelity, accuracy in ((2, 0.9), (6, 0.4), (None, None), (None, 0.5), (None, 0.3)):
        evaluate.observe(evaluation(len(seen), fidelity, accuracy))
        seen.append(stopping.best)
    assert seen == [None, 0.4, 0.4, 0.5, 0.5]
    ja.TrainingEvaluator(data, ja.TrainConfig()).observe(evaluation(0, None, 0.9))


def test_wrong_options_say_what_is_right() -> None:
    for name, value, message in (
        ("probability", 0.0, "probability is 0"),
        ("minimum", 2, "minimum is 2; use at least 3"),
        ("every", 0, "every is 0; use at least 1"),
        ("noise", 0.0, "noise is 0"),
    ):
        with pytest.raises(SearchError, match=message):
            CurveStopping(**{name: value})  # type: ignore[arg-type]


# Trainings

CONFIG = ja.TrainConfig(epochs=12, schedule="constant", learning_rate=3e-3)


def small(units: int) -> ja.Architecture:
    """A bottleneck of few units: one learns badly however long."""
    return ja.replay(
        ja.trace(lambda: ja.sequential(nn.flatten, nn.dense(units), nn.relu, nn.dense(10))), []
    )


@pytest.fixture(scope="module")
def data() -> ja.Dataset:
    return ja.load_data("digits", limit=400)


def epochs_of(evaluate: ja.TrainingEvaluator) -> int:
    assert evaluate.trained is not None
    return len(evaluate.trained.history)


def test_a_hopeless_training_ends_and_is_judged_as_it_is(data: ja.Dataset) -> None:
    stopping = CurveStopping(best=0.99, probability=0.3)
    evaluate = ja.TrainingEvaluator(data, CONFIG, stop_early=stopping)
    metrics = evaluate(small(1), 0)
    done = epochs_of(evaluate)
    assert stopping.minimum <= done < 12
    shorter = ja.TrainingEvaluator(data, CONFIG).at(small(1), 0, done, None)
    assert metrics == shorter
    stopping.best = 0.05  # which it beats
    evaluate(small(1), 0)
    assert epochs_of(evaluate) == 12


def test_a_trial_ends_at_the_top_alone_with_the_curve_of_all_its_parts(data: ja.Dataset) -> None:
    stopping = CurveStopping(best=0.99, probability=0.3)
    evaluate = ja.TrainingEvaluator(data, CONFIG, stop_early=stopping)
    evaluate.at(small(1), 0, 7, trial=0)
    assert epochs_of(evaluate) == 7  # it would have ended, were it the last rung
    evaluate.at(small(1), 0, 12, trial=0)
    assert epochs_of(evaluate) == 8  # at the first look
    without = ja.TrainingEvaluator(data, CONFIG, stop_early=replace(stopping, minimum=9))
    without.at(small(1), 0, 7, trial=0)
    without.at(small(1), 0, 12, trial=0)
    assert epochs_of(without) == 9


def test_a_metric_without_a_curve_is_told(data: ja.Dataset) -> None:
    stopping = CurveStopping(Objective("parameters", maximize=False))
    evaluate = ja.TrainingEvaluator(data, CONFIG, stop_early=stopping)
    with pytest.raises(ja.TrainConfigError, match=r"'parameters', which is no metric .*accuracy"):
        evaluate(small(1), 0)


def test_a_resumed_search_ends_the_same_trainings(data: ja.Dataset, tmp_path: Path) -> None:
    """The best before the resumption is known again, though nothing of it is evaluated."""
    space = ja.trace(
        lambda: ja.sequential(
            nn.flatten, nn.dense(ja.Discrete([1, 2, 16, 64], name="units")), nn.relu, nn.dense(10)
        )
    )
    lengths: dict[str, list[int]] = {"whole": [], "parts": []}

    def search(name: str, evaluations: int, resume: bool) -> ja.SearchResult:
        stopping = CurveStopping(probability=0.3)
        evaluate = ja.TrainingEvaluator(data, CONFIG, stop_early=stopping)

        def note(found: Evaluation, best: bool) -> None:
            if evaluate.trained is not None:
                lengths[name].append(epochs_of(evaluate))

        searcher = ja.RandomSearcher(space)
        folder = tmp_path / name
        return run_search(
            searcher, evaluate, evaluations, 3, folder=folder, resume=resume, on_evaluation=note
        )

    whole = search("whole", 4, False)
    search("parts", 2, False)
    parts = search("parts", 4, True)
    assert whole.evaluations == parts.evaluations
    assert lengths["whole"] == lengths["parts"][:4]
    assert min(lengths["whole"]) < 12


def test_evaluators_without_observe_need_none() -> None:
    space = ja.trace(lambda: nn.dense(ja.Integer(1, 9, name="width")))
    evaluate = WithFidelity(lambda architecture, seed, fidelity: {"accuracy": 1.0}, full=3)
    assert len(run_search(ja.AshaSearcher(space), evaluate, 3).evaluations) == 3
