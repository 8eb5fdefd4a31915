"""What a candidate is worth: trained on one split, judged on another, blind to the third."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

import math
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import jarch as ja
from jarch import lowering
from jarch.evaluate import LimitExceeded, merge_validation, train_final

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
    assert metrics["activation_bytes"] == analysis.activation_bytes
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


class TestFidelities:
    LONG = ja.TrainConfig(epochs=4, batch_size=32)

    def test_a_trial_goes_on_and_comes_to_the_same(self, data: ja.Dataset) -> None:
        whole = ja.TrainingEvaluator(data, self.LONG)(SMALL, 3)
        epochs: list[int] = []
        evaluate = ja.TrainingEvaluator(data, self.LONG, lambda r: epochs.append(r.epoch))
        first = evaluate.at(SMALL, 3, 1, trial=0)
        assert first != whole
        assert evaluate.at(SMALL, 3, 4, trial=0) == whole
        assert epochs == [1, 2, 3, 4]

    def test_what_is_not_kept_is_trained_again_to_the_same(self, data: ja.Dataset) -> None:
        kept, forgetful = (ja.TrainingEvaluator(data, self.LONG, keep=keep) for keep in (9, 0))
        for evaluate in (kept, forgetful):
            evaluate.at(SMALL, 3, 1, trial=0)
            evaluate.at(SMALL, 4, 1, trial=1)
            evaluate.retain([0, 1])
        assert kept.at(SMALL, 3, 2, trial=0) == forgetful.at(SMALL, 3, 2, trial=0)

    def test_checkpoints_are_on_disk_as_long_as_they_may_be_of_use(
        self, data: ja.Dataset, tmp_path: Path
    ) -> None:
        def names() -> set[str]:
            return {path.name for path in tmp_path.iterdir()}

        evaluate = ja.TrainingEvaluator(data, self.LONG, folder=tmp_path, keep=2)
        for trial in range(3):
            evaluate.at(SMALL, trial, 1, trial)
        assert names() == {"trial-0", "trial-1", "trial-2"}
        evaluate.retain([2, 1, 0])
        assert names() == {"trial-1", "trial-2"}
        epochs: list[int] = []
        again = ja.TrainingEvaluator(
            data, self.LONG, lambda r: epochs.append(r.epoch), folder=tmp_path
        )
        assert again.at(SMALL, 2, 4, 2) == ja.TrainingEvaluator(data, self.LONG)(SMALL, 2)
        assert epochs == [2, 3, 4]
        assert names() == {"trial-1"}
        (tmp_path / "trial-notes").mkdir()
        again.retain([])
        assert names() == {"trial-notes"}

    def test_an_interrupted_trial_goes_on_where_it_was(
        self, data: ja.Dataset, tmp_path: Path
    ) -> None:
        epochs: list[int] = []

        def on_epoch(report: ja.EpochReport) -> None:
            epochs.append(report.epoch)
            if epochs == [1, 2]:
                signal.raise_signal(signal.SIGINT)

        def evaluator() -> ja.TrainingEvaluator:
            return ja.TrainingEvaluator(data, self.LONG, on_epoch, folder=tmp_path)

        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with pytest.raises(KeyboardInterrupt):
                evaluator().at(SMALL, 3, 4, trial=0)
        finally:
            signal.signal(signal.SIGINT, before)
        whole = ja.TrainingEvaluator(data, self.LONG)(SMALL, 3)
        assert evaluator().at(SMALL, 3, 4, trial=0) == whole
        assert epochs == [1, 2, 3, 4]

    def test_a_checkpoint_of_something_else_or_too_far_is_not_used(
        self, data: ja.Dataset, tmp_path: Path
    ) -> None:
        evaluate = ja.TrainingEvaluator(data, self.LONG, folder=tmp_path)
        fresh = ja.TrainingEvaluator(data, self.LONG).at(SMALL, 1, 2, None)
        evaluate.at(SMALL, 0, 1, 0)
        assert evaluate.at(SMALL, 1, 2, 0) == fresh
        evaluate.at(SMALL, 1, 3, 0)
        assert evaluate.at(SMALL, 1, 2, 0) == fresh

    def test_more_epochs_than_there_are_is_an_error(self, data: ja.Dataset) -> None:
        with pytest.raises(
            ja.TrainConfigError, match="epochs is 5; it must be an integer in 1 to 4"
        ):
            ja.TrainingEvaluator(data, self.LONG).at(SMALL, 0, 5, None)

    def test_seconds_end_a_training_and_it_is_judged(self, data: ja.Dataset) -> None:
        config = replace(self.LONG, epochs=100_000)
        evaluate = ja.TrainingEvaluator(data, config, seconds=0.5)
        assert "accuracy" in evaluate(SMALL, 0)
        assert evaluate.trained is not None
        assert len(evaluate.trained.history) < 100_000


class TestBudgets:
    LONG = ja.TrainConfig(epochs=4, batch_size=64)

    def test_steps_end_a_training_within_an_epoch(self, data: ja.Dataset) -> None:
        per_epoch = len(data.x_train) // 64
        few, more, all_of_it = (
            ja.TrainingEvaluator(data, self.LONG, steps=steps) for steps in (1, per_epoch + 1, 999)
        )
        assert few(SMALL, 0)["loss"] > more(SMALL, 0)["loss"]
        assert few.trained is not None
        assert few.trained.history == ()
        assert more.trained is not None
        assert len(more.trained.history) == 1
        assert all_of_it(SMALL, 0) == ja.TrainingEvaluator(data, self.LONG)(SMALL, 0)

    def test_steps_bound_all_fidelities_together(self, data: ja.Dataset) -> None:
        per_epoch = len(data.x_train) // 64
        evaluate = ja.TrainingEvaluator(data, self.LONG, steps=2 * per_epoch)
        assert evaluate.at(SMALL, 0, 1, trial=0) != evaluate.at(SMALL, 0, 2, trial=0)
        assert evaluate.at(SMALL, 0, 4, trial=0) == evaluate.at(SMALL, 0, 2, trial=1)

    def test_limits_that_cannot_be_are_errors(self, data: ja.Dataset) -> None:
        wrong: Any
        for wrong in (0, 1.5, "1"):
            with pytest.raises(ja.TrainConfigError, match=f"steps is {wrong!r}; it must be an int"):
                ja.TrainingEvaluator(data, self.LONG, steps=wrong)
        for wrong in (-1, math.nan, "1"):
            with pytest.raises(ja.TrainConfigError, match=f"seconds is {wrong!r}; it must be a nu"):
                ja.TrainingEvaluator(data, self.LONG, seconds=wrong)

    def test_a_plateau_ends_a_training(self, data: ja.Dataset) -> None:
        config = replace(self.LONG, learning_rate=0.0, early_stopping_patience=2, epochs=50)
        evaluate = ja.TrainingEvaluator(data, config)
        evaluate(SMALL, 0)
        assert evaluate.trained is not None
        assert len(evaluate.trained.history) == 3  # the first, and two that are no better


class TestMemory:
    def test_what_cannot_fit_is_refused_before_anything_compiles(self, data: ja.Dataset) -> None:
        evaluate = ja.TrainingEvaluator(
            data, CONFIG, memory_limit=1000, costs=["latency_ms"], limits={"peak_bytes": 1.0}
        )
        net = ja.sample(SPACE, np.random.default_rng(9))
        before = lowering.program_counts()
        with pytest.raises(ja.TrainingFailed, match="of memory"):
            evaluate(net, 0)
        with pytest.raises(ja.TrainingFailed, match="of memory"):
            evaluate.at(net, 0, 1, trial=0)
        assert lowering.program_counts() == before

    def test_a_candidate_that_cannot_fit_is_refused_before_it_runs(self, data: ja.Dataset) -> None:
        def space() -> ja.Fragment:
            width = ja.Discrete([8, 10**9], name="width")
            return ja.sequential(ja.nn.flatten, ja.nn.dense(width), ja.nn.dense(10))

        result = ja.random_search(space, ja.TrainingEvaluator(data, CONFIG), 2)
        status = {e.values: e.status for e in result.evaluations}
        assert status == {(8,): "ok", (10**9,): "failed"}
        assert "of memory, more than" in result.failed[0].reason

    def test_the_limit_can_be_given_and_lifted(self, data: ja.Dataset) -> None:
        with pytest.raises(
            ja.TrainingFailed, match="kB of memory, more than 1 kB; lower batch_size"
        ):
            ja.TrainingEvaluator(data, CONFIG, memory_limit=1000)(SMALL, 0)
        assert ja.TrainingEvaluator(data, CONFIG, memory_limit=math.inf)(SMALL, 0)

    def test_a_training_that_surely_cannot_fit_is_not_begun(self, data: ja.Dataset) -> None:
        layers = ja.nn.dense(10**6), ja.nn.dense(10**6), ja.nn.dense(10)
        huge = ja.replay(ja.trace(lambda: ja.sequential(ja.nn.flatten, *layers)), [])
        for train in (ja.fit, ja.fit_partly, train_final):
            with pytest.raises(
                ja.TrainingFailed, match=r"take some 12 TB of memory, more than .*B;"
            ):
                train(huge, data, CONFIG)
            with pytest.raises(ja.TrainingFailed, match="memory, more than 10 bytes; take a small"):
                train(SMALL, data, CONFIG, memory_limit=10)

    def test_what_may_fit_is_tried(self, data: ja.Dataset) -> None:
        analysis = ja.analyze(SMALL, {"in": data.input_shape})
        least = 3 * 4 * analysis.parameters  # by Adam
        assert least < lowering.training_bytes(analysis, CONFIG)
        assert ja.fit(SMALL, data, CONFIG, memory_limit=least).validation
        with pytest.raises(ja.TrainingFailed, match="of memory"):
            ja.fit(SMALL, data, CONFIG, memory_limit=least - 1)
        momentum: dict[str, Any] = {"momentum": 0.9, "accumulator_dtype": "bfloat16"}
        half = replace(CONFIG, optimizer="sgd", optimizer_options=momentum)
        assert ja.fit(SMALL, data, half, memory_limit=6 * analysis.parameters).validation
        assert ja.fit(SMALL, data, CONFIG, memory_limit=math.inf).validation

    def test_the_estimate_is_of_the_order_of_what_the_compiler_says(self) -> None:
        space = ja.trace(ja.spaces.digits_conv)
        for seed in range(3):
            net = ja.sample(space, np.random.default_rng(seed))
            analysis = ja.analyze(net, {"in": (8, 8, 1)})
            found = lowering.training_bytes(analysis, ja.TrainConfig(batch_size=64))
            assert 0.3 < found / compiled_bytes(net, 64) < 3

    def test_what_is_available_is_a_number_of_bytes(self) -> None:
        found = lowering.available_bytes()
        assert found is None or 10**7 < found < 10**15


def compiled_bytes(net: ja.Architecture, batch: int) -> int:
    """Return what the compiler reserves for a gradient, with three more copies of the weights."""
    model = ja.lower(net)
    x = jax.numpy.zeros((batch, 8, 8, 1))
    variables: Any = model.init(0, x)

    def loss(params: Any) -> Any:
        outputs: Any = model.apply({**variables, "params": params}, x, train=False)
        return (outputs**2).mean()

    compiled: Any = jax.jit(jax.grad(loss)).lower(variables["params"]).compile()
    weights: int = sum(leaf.nbytes for leaf in jax.tree.leaves(variables))
    temporary: int = compiled.memory_analysis().temp_size_in_bytes
    return 4 * weights + temporary


def with_dropout(rate: float, outputs: int = 10) -> ja.Architecture:
    pieces = ja.nn.flatten, ja.nn.dense(8), ja.nn.dropout(rate), ja.nn.dense(outputs)
    return ja.replay(ja.trace(lambda: ja.sequential(*pieces)), [])


@pytest.mark.parametrize("steps", [None, 5])
def test_suggestions_that_are_evaluated_together_are_judged_as_alone(
    data: ja.Dataset, steps: int | None
) -> None:
    nets = [with_dropout(0.1), with_dropout(0.4), SMALL, with_dropout(0.2, outputs=3)]
    config = replace(CONFIG, optimizer="sgd", learning_rate=0.05)
    evaluate = ja.TrainingEvaluator(data, config, steps=steps, limits={"parameters": 2_000})
    assert lowering.group_by_program(nets[:2], data, config) == [[0, 1]]
    found = evaluate.together(nets, [5, 6, 7, 8])
    for net, seed, together in zip(nets[:2], (5, 6), found[:2], strict=True):
        assert together == pytest.approx(evaluate(net, seed), abs=1e-4)
    assert isinstance(found[2], LimitExceeded)
    assert "parameters" in str(found[2])
    assert isinstance(found[3], ja.ShapeError)
    with pytest.raises(ja.TrainConfigError, match="4 architectures and 1 seeds"):
        evaluate.together(nets, [1])


class TestRepeated:
    def test_means_are_of_the_seed_and_others_that_follow_from_it(self, data: ja.Dataset) -> None:
        evaluate = ja.TrainingEvaluator(data, CONFIG)
        repeated = ja.RepeatedEvaluator(evaluate, 3)
        found = repeated(SMALL, 7)
        assert found == repeated(SMALL, 7) != repeated(SMALL, 8)
        assert evaluate.trained is not None
        assert evaluate.trained.config.seed == 8
        assert ja.RepeatedEvaluator(evaluate, 1)(SMALL, 7)["loss"] == evaluate(SMALL, 7)["loss"]
        with pytest.raises(ja.TrainConfigError, match="times is 0"):
            ja.RepeatedEvaluator(evaluate, 0)

    def test_a_deviation_may_be_an_objective(self, data: ja.Dataset) -> None:
        repeated = ja.RepeatedEvaluator(ja.TrainingEvaluator(data, CONFIG), 2)
        found = ja.random_search(SPACE, repeated, 2, objective="loss_std", maximize=False)
        assert found.best is not None
        with pytest.raises(ja.search.SearchError, match="latency_ms"):
            ja.random_search(SPACE, repeated, 2, objective="latency_ms")
