"""What a candidate is worth: trained on one split, judged on another, blind to the third."""

from dataclasses import replace

import numpy as np
import pytest

import jarch as ja
from jarch.evaluate import merge_validation, train_final

SPACE = ja.trace(ja.spaces.digits_dense)
SMALL = ja.replay(SPACE, [SPACE.next.domain[0], 32, "relu"] if SPACE.next else [])
CONFIG = ja.TrainConfig(epochs=2)


@pytest.fixture(scope="module")
def data() -> ja.Dataset:
    return ja.load_data("digits", limit=300)


def test_metrics_are_those_of_the_validation_split_and_the_counts(data: ja.Dataset) -> None:
    evaluate = ja.TrainingEvaluator(data, CONFIG)
    metrics = evaluate(SMALL, seed=3)
    trained = ja.fit(SMALL, data, replace(CONFIG, seed=3))
    analysis = ja.analyze(SMALL, {"in": data.input_shape})
    assert metrics["accuracy"] == trained.validation["accuracy"]
    assert metrics["parameters"] == analysis.parameters
    assert metrics["flops"] == analysis.flops
    assert evaluate.trained is not None
    assert evaluate.trained.architecture == SMALL


def test_the_test_split_is_never_looked_at(data: ja.Dataset) -> None:
    blind = replace(data, x_test=data.x_test[:0], y_test=data.y_test[:0])
    seeing, unseeing = (ja.TrainingEvaluator(each, CONFIG)(SMALL, 0) for each in (data, blind))
    assert seeing == unseeing


def test_a_seed_decides_all(data: ja.Dataset) -> None:
    evaluate = ja.TrainingEvaluator(data, CONFIG)
    first, again, other = (evaluate(SMALL, seed)["loss"] for seed in (1, 1, 2))
    assert first == again != other


def test_each_epoch_is_reported_and_cannot_stop_the_training(data: ja.Dataset) -> None:
    epochs: list[int] = []

    def on_epoch(report: ja.EpochReport) -> bool:
        epochs.append(report.epoch)
        return True

    ja.TrainingEvaluator(data, replace(CONFIG, epochs=4), on_epoch)(SMALL, 0)
    assert epochs == [1, 2, 3, 4]


def test_a_loss_that_is_not_finite_is_a_failure_and_the_search_goes_on(data: ja.Dataset) -> None:
    evaluate = ja.TrainingEvaluator(data, ja.TrainConfig(epochs=1, learning_rate=1e30))

    def space() -> ja.Fragment:
        layers = [ja.nn.dense(ja.Discrete([16, 32])), ja.nn.relu(), ja.nn.dense(16), ja.nn.relu()]
        return ja.sequential(ja.nn.flatten, *layers, ja.nn.dense(10))

    result = ja.random_search(space, evaluate, 2)
    assert [e.status for e in result.evaluations] == ["failed"] * 2
    assert "loss" in result.evaluations[0].reason
    assert evaluate.trained is None


def test_shapes_that_do_not_fit_are_invalid_and_nothing_compiles(data: ja.Dataset) -> None:
    def space() -> ja.Fragment:
        return ja.sequential(ja.nn.max_pool(window=9), ja.nn.flatten, ja.nn.dense(10))

    result = ja.random_search(space, ja.TrainingEvaluator(data, CONFIG), 1)
    assert result.evaluations[0].status == "invalid"
    assert "max_pool" in result.evaluations[0].reason


def test_several_inputs_are_refused(data: ja.Dataset) -> None:
    wiring = ja.Wiring(["left", "right"])
    ends = {"in0": wiring.input("left"), "in1": wiring.input("right")}
    both = wiring.build({"out": wiring.add(ja.nn.add(2), ends)["out"]})
    with pytest.raises(ja.ShapeError, match="2 inputs"):
        ja.TrainingEvaluator(data, CONFIG)(ja.replay(ja.trace(lambda: both), []), 0)


def test_the_last_training_uses_all_but_the_test_split(data: ja.Dataset) -> None:
    merged = merge_validation(data)
    assert len(merged.x_train) == len(data.x_train) + len(data.x_validation)
    assert len(merged.x_validation) == 0
    np.testing.assert_array_equal(merged.x_test, data.x_test)
    patient = replace(CONFIG, early_stopping_patience=1, seed=5)
    trained = train_final(SMALL, data, patient)
    assert len(trained.history) == CONFIG.epochs
    assert trained.validation == {}
