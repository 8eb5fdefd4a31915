# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false
# (the annotations of JAX, optax and scikit-learn are partial)

from dataclasses import replace
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.datasets import load_diabetes
from sklearn.metrics import log_loss, mean_absolute_error, r2_score, top_k_accuracy_score

import jarch as ja
from jarch import lowering, nn
from jarch.lowering.training import stepping, steps
from jarch.lowering.training.batches import device_data
from jarch.lowering.training.losses import mean_loss
from jarch.lowering.training.metrics import METRICS
from jarch.lowering.training.optimizers import NUMERIC_OPTIONS, make_optimizer
from jarch.lowering.training.statistics import warm_momenta
from jarch.lowering.training.ways import overruled_way

from .training_nets import built, equal, leaves, linear, no_cache as no_cache, noisy

DIGITS = ja.load_data("digits")
SMALL = ja.load_data("digits", limit=150)


def convolutional() -> ja.Architecture:
    def block(features: int) -> ja.Fragment:
        return ja.sequential(nn.conv(features, 3), nn.batch_norm, nn.relu)

    pool = nn.max_pool(2)
    return built(block(16), pool, block(32), pool, nn.flatten, nn.dropout(0.2), nn.dense(10))


class TestLearning:
    def test_a_small_net_reads_digits(self) -> None:
        config = ja.TrainConfig(epochs=12, learning_rate=5e-3)
        trained = ja.fit(convolutional(), DIGITS, config)
        assert trained.validation["accuracy"] >= 0.95
        assert trained.evaluate(DIGITS.x_test, DIGITS.y_test)["accuracy"] >= 0.95
        assert trained.history[-1].train_loss < trained.history[0].train_loss / 4

    def test_a_linear_relation_is_found(self) -> None:
        rng = np.random.default_rng(0)
        weights = rng.normal(size=(5, 2))
        x = rng.normal(size=(500, 5))
        data = ja.from_arrays(x, x @ weights + 3)
        config = ja.TrainConfig(epochs=60, learning_rate=0.1, metrics=("mse", "mae", "r2"))
        trained = ja.fit(built(nn.dense(2)), data, config)
        assert trained.validation["r2"] > 0.999
        kernel = trained.variables["params"]["dense"]["kernel"]
        np.testing.assert_allclose(kernel, weights, atol=0.02)
        assert trained.predict(data.x_test).shape == (100, 2)

    def test_diabetes_is_learned_as_well_as_linear_regression_does(self) -> None:
        x, y = cast(Any, load_diabetes(return_X_y=True))
        data = ja.from_arrays(x / x.std(axis=0), (y - y.mean()) / y.std())
        config = ja.TrainConfig(epochs=30, batch_size=32, learning_rate=1e-2)
        trained = ja.fit(built(nn.dense(1)), data, config)
        found = trained.evaluate(data.x_test, data.y_test)
        assert found["r2"] > 0.35
        assert found["mse"] == found["loss"]
        assert trained.predict(data.x_test).shape == data.y_test.shape

    def test_tokens_can_be_inputs(self) -> None:
        tokens = np.random.default_rng(0).integers(0, 20, (300, 6))
        data = ja.from_arrays(tokens, (tokens[:, 0] >= 10).astype(int))
        net = built(nn.embedding(20, 8), nn.flatten, nn.dense(2))
        trained = ja.fit(net, data, ja.TrainConfig(epochs=20, learning_rate=2e-2))
        assert trained.validation["accuracy"] > 0.95

    def test_half_precision_computes_in_it_and_reports_in_float32(self) -> None:
        trained = ja.fit(linear(), SMALL, ja.TrainConfig(epochs=1, dtype="bfloat16"))
        outputs = trained.outputs(SMALL.x_test)
        assert outputs.dtype == np.float32
        wide = ja.lower(linear()).apply(trained.variables, SMALL.x_test)
        np.testing.assert_allclose(outputs, wide, atol=0.05)
        assert not np.array_equal(outputs, wide)
        assert {leaf.dtype for leaf in leaves(trained)} == {np.dtype("f4")}

    @pytest.mark.slow
    def test_line_searches_are_optimisers_too(self) -> None:
        config = ja.TrainConfig(epochs=10, optimizer=optax.lbfgs())
        history = ja.fit(linear(), SMALL, config).history
        assert history[-1].train_loss < history[0].train_loss / 2

    def test_optimisers_may_hold_a_generator(self) -> None:
        optimizer = optax.noisy_sgd(0.1, key=jax.random.key(3))
        history = ja.fit(linear(), SMALL, ja.TrainConfig(epochs=10, optimizer=optimizer)).history
        assert history[-1].train_loss < history[0].train_loss


class TestSeeds:
    def test_equal_seeds_give_equal_weights(self) -> None:
        config = ja.TrainConfig(epochs=3, seed=7)
        first, second = ja.fit(noisy(), SMALL, config), ja.fit(noisy(), SMALL, config)
        assert equal(first, second)
        assert [r.train_loss for r in first.history] == [r.train_loss for r in second.history]

    def test_another_seed_gives_others(self) -> None:
        config = ja.TrainConfig(epochs=1)
        assert not equal(
            ja.fit(noisy(), SMALL, config), ja.fit(noisy(), SMALL, replace(config, seed=1))
        )

    def test_the_seed_decides_dropout(self) -> None:
        program = steps.Program(ja.lower(noisy()).module, "classification", "adam", ())
        data = device_data(SMALL, 64)
        epoch = steps.Epoch(np.arange(64, dtype=np.int32)[None], np.full(1, 0.1, np.float32))

        def kernel(seed: int) -> Any:
            variables = ja.lower(noisy()).init(0, SMALL.x_train[:1])
            state = steps.start(program, variables)
            numbers = steps.Numbers(np.float32(0), np.float32(0), np.uint32(seed))
            take = steps.make_step(program, state, data.x, data.y, epoch, numbers)
            return steps.variables_of(program.module, take(state))["params"]["dense"]["kernel"]

        np.testing.assert_array_equal(kernel(0), kernel(0))
        assert not np.array_equal(kernel(0), kernel(1))


class TestPrograms:
    @overruled_way("whole")
    def test_numbers_and_equal_architectures_do_not_trace_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        traces: list[object] = []
        original = lowering.ArchitectureModule.apply

        def counted(module: Any, *arguments: Any, **named: Any) -> Any:
            traces.append(module)
            return original(module, *arguments, **named)

        monkeypatch.setattr(lowering.ArchitectureModule, "apply", counted)
        lowering.forget_programs()
        ja.fit(noisy(), SMALL, ja.TrainConfig(epochs=2))
        assert len(traces) == 2  # the step and the outputs
        other = ja.TrainConfig(
            epochs=3,
            learning_rate=0.5e-3,
            schedule="linear",
            weight_decay=0.1,
            label_smoothing=0.1,
            seed=3,
            early_stopping_patience=2,
        )
        trained = ja.fit(noisy(), SMALL, other)
        trained.evaluate(SMALL.x_test, SMALL.y_test)
        assert len(traces) == 2

    def test_data_goes_to_the_device_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        data = replace(SMALL)
        ja.fit(linear(), data, ja.TrainConfig(epochs=1))
        sent: list[int] = []
        original = jax.device_put

        def spy(tree: Any, *rest: Any, **named: Any) -> Any:
            sent.extend(np.size(leaf) for leaf in jax.tree.leaves(tree))
            return original(tree, *rest, **named)

        monkeypatch.setattr(jax, "device_put", spy)
        ja.fit(linear(), data, ja.TrainConfig(epochs=2))
        assert sent
        assert max(sent) < data.x_train.size / 10


class TestStep:
    """One step on one batch against the formulas."""

    def one_step(self, **changes: Any) -> tuple[Any, Any, ja.Trained]:
        n = len(SMALL.x_train)
        config = ja.TrainConfig(epochs=1, batch_size=n, schedule="constant", **changes)
        start = ja.lower(linear()).init(0, SMALL.x_train[:1])
        trained = ja.fit(linear(), SMALL, config, variables=start)
        return start["params"]["dense"], trained.variables["params"]["dense"], trained

    def test_sgd_with_decoupled_decay_of_kernels_alone(self) -> None:
        before, plain, _ = self.one_step(optimizer="sgd", learning_rate=0.1)
        _, decayed, _ = self.one_step(optimizer="sgd", learning_rate=0.1, weight_decay=0.5)
        expected = plain["kernel"] - 0.1 * 0.5 * before["kernel"]
        np.testing.assert_allclose(decayed["kernel"], expected, atol=1e-6)
        np.testing.assert_allclose(decayed["bias"], plain["bias"], atol=1e-6)
        assert np.abs(decayed["kernel"] - plain["kernel"]).max() > 1e-3

    def test_adam_with_decay_is_adamw(self) -> None:
        _, adam, _ = self.one_step(optimizer="adam", learning_rate=0.1, weight_decay=0.5)
        _, adamw, _ = self.one_step(optimizer="adamw", learning_rate=0.1, weight_decay=0.5)
        _, without, _ = self.one_step(optimizer="adamw", learning_rate=0.1)
        np.testing.assert_allclose(adam["kernel"], adamw["kernel"], atol=1e-6)
        assert np.abs(adam["kernel"] - without["kernel"]).max() > 1e-3

    def test_the_step_is_that_of_optax(self) -> None:
        model = ja.lower(linear())
        before, after, trained = self.one_step(
            optimizer="sgd", learning_rate=0.1, label_smoothing=0.2
        )

        def loss(params: Any) -> Any:
            outputs = model.apply({"params": {"dense": params}}, SMALL.x_train)
            labels = optax.smooth_labels(jax.nn.one_hot(SMALL.y_train, 10), 0.2)
            return optax.softmax_cross_entropy(outputs, labels).mean()

        value, gradients = jax.value_and_grad(loss)(before)
        np.testing.assert_allclose(trained.history[0].train_loss, value, rtol=1e-5)
        expected = before["kernel"] - 0.1 * gradients["kernel"]
        np.testing.assert_allclose(after["kernel"], expected, atol=1e-6)

    @pytest.mark.parametrize("name", NUMERIC_OPTIONS)
    def test_options_that_are_numbers_in_a_program_do_what_constants_do(self, name: str) -> None:
        values = dict(zip(sorted(NUMERIC_OPTIONS[name]), (0.9, 0.75, 0.5, 0.25, 0.6), strict=False))
        kernel = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)

        def trained(options: dict[str, Any]) -> Any:
            optimizer = make_optimizer(name, tuple(options.items()), 0.1, 0.01)
            after: Any = kernel
            state = optimizer.init(after)
            for _ in range(2):
                updates, state = optimizer.update(jnp.sin(7 * after), state, after)
                after = optax.apply_updates(after, updates)
            return after

        found = jax.jit(trained)(values)
        np.testing.assert_allclose(found, jax.jit(lambda: trained(values))(), 1e-5, 1e-6)
        assert not np.allclose(found, kernel)

    @pytest.mark.parametrize(
        "optimizer",
        [optax.sgd(0.1, momentum=0.9), lambda learning_rate: optax.sgd(learning_rate, 0.9)],
        ids=["transformation", "factory"],
    )
    def test_optimisers_may_be_objects(self, optimizer: Any) -> None:
        options = {"momentum": 0.9}
        _, named, _ = self.one_step(optimizer="sgd", learning_rate=0.1, optimizer_options=options)
        _, given, _ = self.one_step(optimizer=optimizer, learning_rate=0.1)
        np.testing.assert_allclose(given["kernel"], named["kernel"], atol=1e-7)

    def test_smoothing_of_zero_is_the_integer_loss(self) -> None:
        logits = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
        labels = np.arange(8) % 4
        found = jax.jit(lambda: mean_loss("classification", jnp.asarray(logits), labels, 0.0))()
        np.testing.assert_allclose(found, METRICS["cross_entropy"].function(logits, labels), 1e-6)

    def test_starting_weights_are_left_alone(self) -> None:
        start = ja.lower(noisy()).init(0, SMALL.x_train[:1])
        copies = jax.tree.map(np.array, start)
        ja.fit(noisy(), SMALL, ja.TrainConfig(epochs=2), variables=start)
        jax.tree.map(np.testing.assert_array_equal, start, copies)
        on_device = jax.device_put(start)
        ja.fit(noisy(), SMALL, ja.TrainConfig(epochs=1), variables=on_device)
        jax.tree.map(np.testing.assert_array_equal, on_device, copies)


class TestBatchStatistics:
    def test_they_are_those_of_the_data_after_few_steps(self) -> None:
        x = np.random.default_rng(0).normal(5, 3, size=(400, 4)).astype(np.float32)
        data = ja.from_arrays(x, np.arange(400) % 2)
        trained = ja.fit(built(nn.batch_norm, nn.dense(2)), data, ja.TrainConfig(epochs=4))
        found = trained.variables["batch_stats"]["batch_norm"]
        np.testing.assert_allclose(found["mean"], 5, atol=0.5)
        np.testing.assert_allclose(found["var"], 9, rtol=0.2)

    def test_late_steps_use_the_momentum_of_the_node(self) -> None:
        net = built(nn.batch_norm(momentum=0.9))
        for step, momentum in ((0, 0.1), (71, 72 / 81), (90, 0.9)):
            made = warm_momenta(net, {"batch_norm": {"momentum": 0.9}}, step)
            np.testing.assert_allclose(made["batch_norm"]["momentum"], momentum, rtol=1e-6)


class TestEarlyStopping:
    def test_stops_and_keeps_the_best(self) -> None:
        config = ja.TrainConfig(
            epochs=60,
            learning_rate=0.3,
            schedule="constant",
            metrics=("cross_entropy",),
            early_stopping_patience=2,
        )
        trained = ja.fit(noisy(), SMALL, config)
        losses = [report.validation["cross_entropy"] for report in trained.history]
        best = int(np.argmin(losses))
        assert len(losses) == best + 1 + 2 < 60
        assert trained.validation == trained.history[best].validation
        assert losses[-1] > losses[best]
        again = trained.evaluate(SMALL.x_validation, SMALL.y_validation)
        assert again == pytest.approx(trained.validation)

    def test_the_first_metric_is_watched_in_its_direction(self) -> None:
        config = ja.TrainConfig(
            epochs=8,
            learning_rate=0.1,
            schedule="constant",
            metrics=("accuracy", "cross_entropy"),
            early_stopping_patience=8,
        )
        trained = ja.fit(noisy(), SMALL, config)
        accuracies = [report.validation["accuracy"] for report in trained.history]
        assert len(accuracies) == 8
        assert trained.validation["accuracy"] == max(accuracies) > accuracies[0]

    def test_the_callback_sees_each_epoch_and_may_stop(self) -> None:
        seen: list[ja.EpochReport] = []

        def stop_after_two(report: ja.EpochReport) -> bool:
            seen.append(report)
            return report.epoch == 2

        config = ja.TrainConfig(epochs=5)
        trained = ja.fit(linear(), SMALL, config, on_epoch=stop_after_two)
        assert tuple(seen) == trained.history
        assert [report.epoch for report in seen] == [1, 2]
        assert seen[0].seconds >= seen[0].compile_seconds > 0 == seen[1].compile_seconds

    def test_it_needs_validation(self) -> None:
        data = ja.load_data("digits", validation=0, limit=150)
        with pytest.raises(ja.TrainConfigError, match="needs a validation split"):
            ja.fit(linear(), data, ja.TrainConfig(early_stopping_patience=1))
        assert ja.fit(linear(), data, ja.TrainConfig(epochs=1)).validation == {}


class TestMetrics:
    def test_they_are_those_of_scikit_learn(self) -> None:
        rng = np.random.default_rng(0)
        logits, labels = rng.normal(size=(50, 8)), rng.integers(0, 8, 50)
        exact = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        numbers, targets = rng.normal(size=(50, 3)), rng.normal(size=(50, 3))
        every = np.arange(8)
        expected = {
            "accuracy": top_k_accuracy_score(labels, logits, k=1, labels=every),
            "top5": top_k_accuracy_score(labels, logits, k=5, labels=every),
            "cross_entropy": log_loss(labels, exact, labels=every),
        }
        for name, value in expected.items():
            assert METRICS[name].function(logits, labels) == pytest.approx(value), name
        for name, function in (("mae", mean_absolute_error), ("r2", r2_score)):
            value = METRICS[name].function(numbers, targets)
            assert value == pytest.approx(function(targets, numbers)), name
        assert METRICS["mse"].function(numbers, targets) == pytest.approx(
            np.square(numbers - targets).mean()
        )

    def test_r2_of_constant_targets(self) -> None:
        zeros = np.zeros((4, 1))
        assert METRICS["r2"].function(zeros, zeros) == 1
        assert METRICS["r2"].function(zeros + 1, zeros) == 0

    def test_all_are_reported_and_users_may_add_theirs(self) -> None:
        def worst(outputs: Any, targets: Any) -> float:
            return float(np.min(outputs))

        metrics = ("accuracy", "top5", "cross_entropy", lowering.Metric("worst", worst))
        trained = ja.fit(linear(), SMALL, ja.TrainConfig(epochs=1, metrics=metrics))
        assert list(trained.validation) == ["loss", "accuracy", "top5", "cross_entropy", "worst"]
        assert trained.validation["loss"] == trained.validation["cross_entropy"]
        assert trained.validation["top5"] >= trained.validation["accuracy"]


class TestTrained:
    def test_padding_leaves_no_trace(self) -> None:
        trained = ja.fit(noisy(), SMALL, ja.TrainConfig(epochs=1))
        whole = trained.outputs(SMALL.x_test)
        assert whole.shape == (len(SMALL.x_test), 10)
        np.testing.assert_allclose(trained.outputs(SMALL.x_test[5:6]), whole[5:6], atol=1e-6)
        assert trained.outputs(SMALL.x_test[:0]).shape == (0, 10)
        np.testing.assert_array_equal(trained.predict(SMALL.x_test), whole.argmax(axis=1))
        expected = ja.lower(noisy()).apply(trained.variables, SMALL.x_test)
        np.testing.assert_allclose(whole, expected, atol=1e-5)

    @pytest.mark.parametrize(
        ("x", "message"),
        [
            (np.zeros((8, 8, 1), np.float32), r"add a batch axis"),
            (np.zeros((2, 28, 28, 1), np.float32), r"takes \(examples, 8, 8, 1\)"),
            (np.zeros((2, 8, 8, 1), np.uint8), "of type uint8"),
        ],
    )
    def test_inputs_must_be_like_those_of_training(self, x: Any, message: str) -> None:
        trained = ja.fit(linear(), SMALL, ja.TrainConfig(epochs=1))
        with pytest.raises(ja.InputError, match=message):
            trained.predict(x)

    @pytest.mark.parametrize("y", [np.zeros(3, int), np.zeros(2), np.array([0, 10])])
    def test_labels_must_fit(self, y: Any) -> None:
        trained = ja.fit(linear(), SMALL, ja.TrainConfig(epochs=1))
        with pytest.raises(ja.InputError):
            trained.evaluate(SMALL.x_test[:2], y)


class TestRefusals:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"epochs": 0}, "epochs is 0; it must be an integer, 1 or more"),
            ({"epochs": 1.5}, "epochs is 1.5; it must be an integer"),
            ({"epochs": True}, "epochs is True; it must be an integer"),
            ({"batch_size": 0}, "batch_size is 0"),
            ({"batch_size": "many"}, "batch_size is 'many'"),
            ({"seed": -1}, "seed is -1"),
            ({"seed": None}, "seed is None"),
            ({"learning_rate": -1.0}, "learning_rate is -1.0"),
            (
                {"learning_rate": "x"},
                "learning_rate is 'x'; it must be a finite number, .* schedule",
            ),
            ({"learning_rate": float("nan")}, "learning_rate is nan"),
            ({"weight_decay": -1.0}, "weight_decay"),
            ({"weight_decay": None}, "weight_decay is None"),
            ({"label_smoothing": 1.0}, "label_smoothing"),
            ({"schedule": "cosinus"}, "one of .*'cosine'"),
            ({"schedule": ["cosine"]}, "one of .*'cosine'"),
            ({"final_fraction": 0.0}, "final_fraction"),
            ({"warmup_fraction": 1.0}, "warmup_fraction"),
            ({"early_stopping_patience": 0}, "early_stopping_patience"),
            (
                {"early_stopping_patience": 1.5},
                "early_stopping_patience is 1.5; it must be None, or",
            ),
            ({"metrics": "accuracy"}, "a tuple of names"),
            ({"metrics": None}, "a tuple of names"),
            ({"metrics": ("acuracy",)}, "'accuracy'"),
            ({"metrics": ([],)}, "'accuracy'"),
            ({"task": "ranking"}, "task is 'ranking'"),
            ({"optimizer": None}, "optimizer is None; it must be a name, a function or"),
            ({"optimizer_options": None}, "optimizer_options is None; it must be a mapping"),
            ({"optimizer_options": {"mask": {}}}, "values that are hashable"),
            ({"dtype": 16}, "dtype is 16"),
            ({"ema_decay": "x"}, "ema_decay is 'x'; it must be None, or a number in"),
            ({"clip_norm": "x"}, "clip_norm is 'x'; it must be None, or a number above 0"),
            ({"augment": None}, r"augment is None; give a tuple, such as \('flip',\)"),
            ({"augment": ja.augment.Flip()}, r"such as \(Flip\(probability=0.5\),\)"),
        ],
    )
    def test_configurations_that_make_no_sense(self, changes: Any, message: str) -> None:
        with pytest.raises(ja.TrainConfigError, match=message):
            ja.TrainConfig(**changes)

    def test_numbers_of_any_type_are_kept_as_pythons(self) -> None:
        given: Any = {
            "epochs": np.int64(2),
            "learning_rate": jnp.float32(0.5),
            "weight_decay": 1,
            "optimizer_options": {"b1": np.float32(0.5)},
            "metrics": ["accuracy"],
            "dtype": jnp.bfloat16,
        }
        config = ja.TrainConfig(**given)
        kept = [getattr(config, name) for name in given]
        assert kept == [2, 0.5, 1.0, {"b1": 0.5}, ("accuracy",), "bfloat16"]
        assert [type(each) for each in kept] == [int, float, float, dict, tuple, str]

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"optimizer": "adma"}, "none of optax's .*'adam'"),
            ({"optimizer": "chain"}, "none of optax's"),
            ({"optimizer": "bias_correction"}, "none of optax's .*'nadam'"),
            (
                {"optimizer": "sgd", "optimizer_options": {"b1": 0.9}},
                "'b1'.* it takes .*'momentum'",
            ),
            ({"optimizer_options": {"learning_rate": 0.9}}, "give it as learning_rate"),
            ({"optimizer": optax.sgd(0.1), "weight_decay": 0.1}, "build them into it"),
            ({"task": "regression"}, "the data is for classification"),
            ({"metrics": ("r2",)}, "metric 'r2' is for regression"),
            ({"dtype": "float17"}, "dtype is 'float17'"),
        ],
    )
    def test_configurations_that_do_not_fit(self, changes: Any, message: str) -> None:
        with pytest.raises(ja.TrainConfigError, match=message):
            ja.fit(linear(), SMALL, ja.TrainConfig(**changes))

    def test_smoothing_needs_classes(self) -> None:
        data = ja.from_arrays(np.zeros((20, 2)), np.arange(20.0))
        with pytest.raises(ja.TrainConfigError, match="label_smoothing needs classes"):
            ja.fit(linear(1), data, ja.TrainConfig(label_smoothing=0.1))

    def test_shapes_are_checked_before_anything_compiles(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:

        def refuse(*_: Any) -> None:
            raise AssertionError("compiled")

        lowering.forget_programs()
        monkeypatch.setattr(steps, "compiled_step", refuse)
        with pytest.raises(ja.ShapeError, match="10 classes"):
            ja.fit(linear(12), SMALL)
        with pytest.raises(ja.ShapeError):
            ja.fit(built(nn.conv(4, 3, padding="VALID", strides=1), nn.max_pool(9)), SMALL)
        numbers = ja.from_arrays(np.zeros((20, 2)), np.zeros((20, 3)))
        with pytest.raises(ja.ShapeError, match=r"make its output \(3,\)"):
            ja.fit(linear(1), numbers)
        with pytest.raises(AssertionError, match="compiled"):
            ja.fit(linear(), SMALL)

    def test_a_lowered_model_has_its_dtype(self) -> None:
        model = ja.lower(linear())
        assert ja.fit(model, SMALL, ja.TrainConfig(epochs=1)).model == model
        with pytest.raises(ja.TrainConfigError, match="lowered already"):
            ja.fit(model, SMALL, ja.TrainConfig(dtype="bfloat16"))

    def test_a_loss_that_is_not_finite_fails_with_the_epoch(self) -> None:
        data = ja.from_arrays(np.full((40, 2), 1e20), np.arange(40.0))
        with pytest.raises(ja.TrainingFailed, match=r"epoch 1: the training loss is") as caught:
            ja.fit(linear(1), data, ja.TrainConfig(learning_rate=1e10, optimizer="sgd"))
        assert caught.value.epoch == 1

    def test_a_device_that_gives_up_is_a_failure_to_train(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def give_up(*_: Any) -> None:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory")

        monkeypatch.setattr(stepping, "make_step", give_up)
        with pytest.raises(ja.TrainingFailed, match="RESOURCE_EXHAUSTED"):
            ja.fit(linear(), SMALL)

    def test_fit_does_not_ask_for_the_test_split(self) -> None:
        class Blind:
            def __getattr__(self, name: str) -> Any:
                assert not name.endswith("test"), name
                return getattr(SMALL, name)

        config = ja.TrainConfig(epochs=1)
        assert equal(ja.fit(linear(), cast(Any, Blind()), config), ja.fit(linear(), SMALL, config))
