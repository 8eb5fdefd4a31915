"""Candidates trained together come out as if each were trained alone."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (the annotations of JAX and optax are partial)

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np
import optax
import pytest
from hypothesis import given, settings, strategies as st

import jarch as ja
from jarch import lowering, nn
from jarch.lowering.training.budgets import Budget
from jarch.lowering.training.populations import choosing, stacks
from jarch.lowering.training.populations.halving import rungs_of
from jarch.lowering.training.probes import overruled_choice

from .population_nets import DIGITS, SGD, conv, dense, made
from .training_nets import built, no_cache as no_cache

SEQUENCES = ja.from_arrays(
    np.random.default_rng(0).normal(size=(150, 6, 4)).astype(np.float32), np.arange(150) % 10
)
EXECUTORS: tuple[Any, ...] = ("serial", "vmap", "sharded")


def attending(rate: float = 0.3, momentum: float = 0.9) -> ja.Architecture:
    attend = nn.attention(num_heads=2, qkv_features=4, dropout_rate=rate)
    return built(attend, nn.batch_norm(momentum=momentum), nn.flatten, nn.dense(10))


NETS: dict[str, tuple[Callable[..., ja.Architecture], ja.Dataset]] = {
    "dense": (dense, DIGITS),
    "conv": (conv, DIGITS),
    "attention": (attending, SEQUENCES),
}


def trained(outcomes: Sequence[lowering.Outcome]) -> list[ja.Trained]:
    for each in outcomes:
        assert isinstance(each, ja.Trained), each
    return [each for each in outcomes if isinstance(each, ja.Trained)]


def distance(a: ja.Trained, b: ja.Trained) -> float:
    """Return the largest difference between weights, by the names that both must have."""
    first, second = (str(jax.tree.structure(dict(each.variables))) for each in (a, b))
    assert first == second
    pairs = zip(jax.tree.leaves(a.variables), jax.tree.leaves(b.variables), strict=True)
    return max(float(np.abs(x - y).max()) for x, y in pairs)


def assert_alike(together: ja.Trained, alone: ja.Trained) -> None:
    assert distance(together, alone) < 1e-5
    assert len(together.history) == len(alone.history)
    assert together.validation == pytest.approx(alone.validation, abs=0.05)
    for one, other in zip(together.history, alone.history, strict=True):
        assert (one.epoch, one.epochs, one.learning_rate) == (
            other.epoch,
            other.epochs,
            other.learning_rate,
        )
        assert one.train_loss == pytest.approx(other.train_loss, abs=1e-4)
        assert one.validation["loss"] == pytest.approx(other.validation["loss"], abs=1e-4)


def compiled(run: Callable[[], object]) -> int:
    before = lowering.program_counts()["compiled"]
    run()
    return lowering.program_counts()["compiled"] - before


rates = st.floats(0.05, 0.7)


def config_of(momentum: float, **values: Any) -> ja.TrainConfig:
    return replace(SGD, optimizer_options={"momentum": momentum}, **values)


configs = st.builds(
    config_of,
    momentum=st.floats(0.1, 0.9),
    epochs=st.integers(1, 3),
    learning_rate=st.floats(1e-3, 0.1),
    schedule=st.sampled_from(["constant", "linear", "cosine", "exponential"]),
    weight_decay=st.floats(0, 0.1),
    label_smoothing=st.floats(0, 0.3),
    seed=st.integers(0, 2**33),
)
members = st.lists(st.tuples(configs, rates, rates), min_size=3, max_size=3)


@pytest.mark.parametrize(
    "net",
    [
        "dense",
        pytest.param("conv", marks=pytest.mark.slow),
        pytest.param("attention", marks=pytest.mark.slow),
    ],
)
@settings(max_examples=3)
@given(drawn=members)
def test_a_member_equals_training_it_alone(net: str, drawn: Any) -> None:
    made, data = NETS[net]
    nets = [made(rate, momentum) for _, rate, momentum in drawn]
    how = [config for config, _, _ in drawn]
    alone = [ja.fit(one, data, config) for one, config in zip(nets, how, strict=True)]
    for executor in EXECUTORS:
        together = trained(ja.fit_population(nets, data, how, executor=executor))
        for i, each in enumerate(together):
            assert each.architecture == nets[i]
            assert_alike(each, alone[i])


def own(learning_rate: Any) -> Any:
    return optax.chain(optax.trace(0.5), optax.scale(-learning_rate))


@pytest.mark.parametrize(
    "optimizer", ["adam", pytest.param("lbfgs", marks=pytest.mark.slow), optax.sgd(0.05), own]
)
def test_other_optimisers_keep_their_state_for_each_member(optimizer: Any) -> None:
    # Without normalisation: gradients that are zero but for rounding Adam makes into whole steps.
    net = built(nn.flatten, nn.dense(16), nn.relu, nn.dropout(0.3), nn.dense(10))
    config = replace(SGD, optimizer=optimizer, learning_rate=1e-2, epochs=1)
    together = trained(ja.fit_population(net, DIGITS, config, seeds=[0, 5], executor="vmap"))
    for each, seed in zip(together, [0, 5], strict=True):
        assert each.config.seed == seed
        alone = ja.fit(net, DIGITS, replace(config, seed=seed))
        assert distance(each, alone) < 1e-3
    assert distance(*together) > 1e-2


def test_augmentation_and_averages_are_those_of_each_member() -> None:
    how = [
        replace(
            SGD,
            augment=("flip", "crop=1", "cutout=2", "mixup"),
            ema_decay=0.8 + 0.05 * seed,
            clip_norm=0.5 + seed,
            seed=seed,
        )
        for seed in range(3)
    ]
    assert lowering.group_by_program(dense(), DIGITS, how) == [[0, 1, 2]]
    alone = [ja.fit(dense(), DIGITS, config) for config in how]
    together = trained(ja.fit_population(dense(), DIGITS, how, executor="vmap"))
    for each, other in zip(together, alone, strict=True):
        assert_alike(each, other)


@pytest.mark.filterwarnings("ignore:Specifying a key")
def test_generators_of_optimisers_are_those_of_each_member() -> None:
    config = replace(SGD, optimizer="noisy_sgd", optimizer_options={"eta": 0.1}, epochs=1)
    for each in trained(ja.fit_population(dense(), DIGITS, config, seeds=[0, 5], executor="vmap")):
        assert distance(each, ja.fit(dense(), DIGITS, each.config)) < 1e-4


class TestPrograms:
    def test_numbers_and_names_do_not_divide_a_group(self) -> None:
        nets = [dense(0.1), dense(width=8), dense(0.2), conv()]
        assert lowering.group_by_program(nets, DIGITS, SGD) == [[0, 2], [1], [3]]
        how = [SGD, replace(SGD, seed=3, epochs=7), replace(SGD, batch_size=16)]
        assert lowering.group_by_program(dense(), DIGITS, how) == [[0, 1], [2]]

    def test_no_momentum_is_another_program(self) -> None:
        how = [replace(SGD, optimizer_options={"momentum": m}) for m in (None, 0.5, None)]
        assert lowering.group_by_program(dense(), DIGITS, how) == [[0, 2], [1]]
        found = trained(ja.fit_population(dense(), DIGITS, how, executor="vmap"))
        assert distance(found[0], ja.fit(dense(), DIGITS, SGD)) < 1e-5
        assert distance(found[0], found[1]) > 1e-3

    def test_groups_are_those_of_the_program_key(self) -> None:
        other = replace(SGD, optimizer_options={"momentum": 0.5})
        pairs = [
            (net, config)
            for net in (dense(0.1), dense(0.0), dense(0.2, 0.5), dense(width=4))
            for config in (SGD, replace(SGD, optimizer="adam"), other, replace(SGD, seed=1))
        ]
        keys = [lowering.program_key(net, DIGITS, config) for net, config in pairs]
        groups = lowering.group_by_program([n for n, _ in pairs], DIGITS, [c for _, c in pairs])
        assert [[keys[i] for i in group] for group in groups] == [
            [key] * keys.count(key) for key in dict.fromkeys(keys)
        ]

    def test_candidates_of_several_programs_come_back_in_order(self) -> None:
        nets = [dense(0.1), conv(), dense(0.2), dense(width=8)]
        for each, net in zip(
            trained(ja.fit_population(nets, DIGITS, SGD, executor="vmap")), nets, strict=True
        ):
            assert each.architecture == net
            assert_alike(each, ja.fit(net, DIGITS, SGD))

    def test_a_population_compiles_once(self) -> None:
        lowering.forget_programs()

        def run(rate: float, seeds: list[int]) -> None:
            ja.fit_population(dense(rate), DIGITS, SGD, seeds=seeds, executor="vmap")

        assert compiled(lambda: run(0.1, [1, 2])) == 2  # the step and the outputs
        assert compiled(lambda: run(0.2, [3, 4])) == 0
        assert compiled(lambda: run(0.2, [1, 2, 3])) == 2

    def test_in_turn_by_the_programs_of_one_model(self) -> None:
        lowering.forget_programs()

        def run(seeds: list[int]) -> None:
            ja.fit_population(dense(), DIGITS, SGD, seeds=seeds, executor="serial")

        assert compiled(lambda: run([1, 2])) == 2
        assert compiled(lambda: run([3, 4, 5])) == 0

    def test_the_only_one_of_its_program_is_trained_as_fit_does(self) -> None:
        deep = built(*[nn.conv(4, 3), nn.batch_norm, nn.relu] * 4, nn.global_avg_pool, nn.dense(10))
        together = trained(ja.fit_population([deep, dense()], DIGITS, SGD))
        for each in together:
            assert distance(each, ja.fit(each.architecture, DIGITS, SGD)) == 0
            assert each.validation == each.history[-1].validation

    def test_a_step_reuses_the_memory_of_the_state(self) -> None:
        stack = stacks.Stack(made(3))
        take, _ = stack.begin()
        before = stack._state  # pyright: ignore[reportPrivateUsage]
        take()
        kept = [leaf for leaf in jax.tree.leaves(before) if leaf.ndim and not leaf.is_deleted()]
        assert not kept

    @pytest.mark.parametrize("ended", ["asked", "failed"])
    def test_a_member_that_has_ended_stays_as_it_is(self, ended: str) -> None:
        stack = stacks.Stack(made(3))
        first, second, third = stack.members
        take, _ = stack.begin()
        take()
        if ended == "asked":
            second.ended = "asked"
        else:  # as if its loss were not finite: nothing that follows from it may spread
            state = stack._state  # pyright: ignore[reportPrivateUsage]
            assert state is not None
            stack._state = state._replace(  # pyright: ignore[reportPrivateUsage]
                loss=state.loss.at[1].set(np.nan)
            )
        before = [stack.weights(each) for each in (first, second, third)]
        take, _ = stack.begin()
        take()
        after = [stack.weights(each) for each in (first, second, third)]
        same = [
            all(np.array_equal(x, y) for x, y in zip(*map(jax.tree.leaves, pair), strict=True))
            for pair in zip(before, after, strict=True)
        ]
        assert same == [False, True, False]


class TestArguments:
    def test_each_candidate_with_each_seed(self) -> None:
        how = [SGD, replace(SGD, learning_rate=0.1)]
        found = trained(ja.fit_population(dense(), DIGITS, how, seeds=[7, 8], executor="vmap"))
        got = [(each.config.learning_rate, each.config.seed) for each in found]
        assert got == [(0.05, 7), (0.05, 8), (0.1, 7), (0.1, 8)]

    def test_nothing_is_nothing(self) -> None:
        assert ja.fit_population([], DIGITS) == []
        assert ja.fit_population(dense(), DIGITS, seeds=[]) == []

    def test_lengths_must_agree(self) -> None:
        with pytest.raises(ja.TrainConfigError, match="3 architectures and 2 configurations"):
            ja.fit_population([dense()] * 3, DIGITS, [SGD] * 2)

    def test_shapes_are_checked_before_anything_is_trained(self) -> None:
        def train() -> None:
            with pytest.raises(ja.ShapeError, match="10 classes"):
                ja.fit_population([dense(), built(nn.flatten, nn.dense(3))], DIGITS, SGD)

        lowering.forget_programs()
        assert compiled(train) == 0

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"executor": "pmap"}, "one of"),
            ({"executor": "vmap", "devices": jax.devices()}, "'sharded' or 'auto'"),
            ({"mesh": ja.population_mesh(), "devices": jax.devices()}, "one of them"),
            ({"mesh": jax.sharding.Mesh(jax.devices(), ("rows",))}, "'population'"),
            ({"devices": []}, "0 devices"),
            ({"halving": (1.5, 1)}, "fraction"),
            ({"halving": (0.5,)}, "fraction"),
            ({"halving": [(2, 2), (1, 1)]}, "must rise"),
            ({"halving": [(1, 1), (2, 2)]}, "must not"),
            ({"halving": [(0, 1)]}, "integers, 1 or more"),
            ({"halving": [(1.5, 1)]}, "integers"),
            ({"halving": []}, "pairs of an epoch"),
            ({"halving": 0.5}, r"halving is 0\.5; it must be a fraction"),
            ({"halving": [(1,)]}, "pairs of an epoch"),
            ({"halving": ("half", 1)}, "pairs of an epoch"),
            ({"halving": (0.5, math.inf)}, "fraction"),
            ({"seeds": 3}, r"seeds is 3; it must be a list of integers"),
            ({"seeds": [1.5]}, r"seeds is \[1\.5\]; it must be a list of integers"),
        ],
    )
    def test_mistakes(self, arguments: dict[str, Any], message: str) -> None:
        given: dict[str, Any] = {"seeds": [1, 2], **arguments}
        with pytest.raises(ja.TrainConfigError, match=message):
            ja.fit_population(dense(), DIGITS, SGD, **given)

    def test_data_without_a_validation_split(self) -> None:
        data = replace(DIGITS, x_validation=DIGITS.x_train[:0], y_validation=DIGITS.y_train[:0])
        for each in trained(ja.fit_population(dense(), data, SGD, seeds=[1, 2], executor="vmap")):
            assert each.validation == {}
            assert distance(each, ja.fit(dense(), data, each.config)) < 1e-5
        with pytest.raises(ja.TrainConfigError, match="validation split"):
            ja.fit_population(dense(), data, SGD, halving=(0.5, 1))

    def test_a_model_without_parameters(self) -> None:
        net = built(nn.global_avg_pool, nn.dropout(0.5))
        data = ja.from_arrays(SEQUENCES.x_train, SEQUENCES.y_train % 4)
        for executor in EXECUTORS:
            found = trained(ja.fit_population(net, data, SGD, seeds=[1, 2], executor=executor))
            assert [each.variables for each in found] == [{"params": {}}] * 2

    def test_regression(self) -> None:
        x = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
        data = ja.from_arrays(x, (x @ np.ones((3, 2))).astype(np.float32), task="regression")
        net = built(nn.dense(8), nn.tanh, nn.dense(2))
        for each in trained(ja.fit_population(net, data, SGD, seeds=[1, 2], executor="vmap")):
            assert_alike_in_regression(each, ja.fit(net, data, each.config))


def assert_alike_in_regression(together: ja.Trained, alone: ja.Trained) -> None:
    assert distance(together, alone) < 1e-5
    assert together.validation == pytest.approx(alone.validation, abs=1e-4)


class TestEnding:
    def test_a_member_that_diverges_does_not_hurt_the_others(self) -> None:
        how = [replace(SGD, learning_rate=rate, seed=3) for rate in (0.05, 1e30, 0.01)]
        for executor in EXECUTORS:
            found = ja.fit_population(dense(), DIGITS, how, executor=executor)
            assert isinstance(found[1], ja.TrainingFailed)
            assert "epoch 1" in str(found[1])
            for i in (0, 2):
                assert_alike(trained([found[i]])[0], ja.fit(dense(), DIGITS, how[i]))

    def test_when_all_fail_nothing_is_raised(self) -> None:
        how = replace(SGD, learning_rate=1e30)
        found = ja.fit_population(dense(), DIGITS, how, seeds=[1, 2], executor="vmap")
        assert all(isinstance(each, ja.TrainingFailed) for each in found)

    def test_a_device_that_breaks_down_ends_those_that_are_on_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise jax.errors.JaxRuntimeError("out of memory")

        monkeypatch.setattr(stacks, "population_step", fail)
        nets = [dense(), dense(0.1), dense(width=5)]
        found = ja.fit_population(nets, DIGITS, SGD, executor="vmap")
        assert isinstance(found[2], ja.Trained)  # alone on the device, by the program of fit
        assert "2 models at once: out of memory" in str(found[0])
        assert isinstance(found[1], ja.TrainingFailed)

    def test_patience_is_that_of_each_member(self) -> None:
        rates = (0.3, 1e-6, 0.05, 1e-6)
        how = [
            replace(SGD, epochs=8, learning_rate=rate, early_stopping_patience=i + 1, seed=i)
            for i, rate in enumerate(rates)
        ]
        together = trained(ja.fit_population(dense(), DIGITS, how, executor="vmap"))
        for each, config in zip(together, how, strict=True):
            alone = ja.fit(dense(), DIGITS, config)
            assert_alike(each, alone)
        assert len({len(each.history) for each in together}) > 1

    def test_a_member_can_be_asked_to_stop(self) -> None:
        seen: list[tuple[int, int]] = []

        def watch(member: int, report: ja.EpochReport) -> bool:
            seen.append((member, report.epoch))
            return member == 1

        config = replace(SGD, epochs=3)
        found = trained(
            ja.fit_population(
                dense(), DIGITS, config, seeds=[4, 5], executor="vmap", on_epoch=watch
            )
        )
        assert [len(each.history) for each in found] == [3, 1]
        assert seen == [(0, 1), (1, 1), (0, 2), (0, 3)]
        for each in found:
            part = lowering.fit_partly(
                dense(), DIGITS, each.config, epochs=len(each.history)
            ).trained
            assert_alike(each, part)


class TestHalving:
    def test_rungs(self) -> None:
        assert rungs_of(None, 8, 9) == []
        assert rungs_of((0.25, 3), 16, 9) == [(3, 4), (6, 1)]
        assert rungs_of((0.9, 1), 3, 9) == [(1, 2), (2, 1)]

    @pytest.mark.parametrize("executor", EXECUTORS)
    def test_only_the_best_go_on(self, executor: Any) -> None:
        rates = [1e-6, 0.05, 1e-5, 0.1, 0.02, 1e-4]
        how = [replace(SGD, epochs=5, learning_rate=rate, seed=2) for rate in rates]
        found = trained(
            ja.fit_population(dense(), DIGITS, how, executor=executor, halving=[(1, 3), (3, 1)])
        )
        epochs = [len(each.history) for each in found]
        assert sorted(epochs) == [1, 1, 1, 3, 3, 5]
        for each, config in zip(found, how, strict=True):
            part = lowering.fit_partly(dense(), DIGITS, config, epochs=len(each.history))
            assert_alike(each, part.trained)
        first = [each.history[0].validation["accuracy"] for each in found]
        went_on = [accuracy for accuracy, count in zip(first, epochs, strict=True) if count > 1]
        assert min(went_on) >= sorted(first)[-3]

    def test_candidates_of_several_programs_compete(self) -> None:
        how = [replace(SGD, epochs=3, learning_rate=rate) for rate in (1e-6, 0.1, 1e-6, 0.1)]
        nets = [dense(), dense(), dense(width=24), dense(width=24)]
        found = trained(
            ja.fit_population(nets, DIGITS, how, executor="vmap", halving=[(1, 2), (2, 1)])
        )
        assert sorted(len(each.history) for each in found) == [1, 1, 2, 3]

    def test_few_that_are_left_are_gathered(self) -> None:
        members = made(6)
        stack = stacks.Stack(members)
        stack.train_epoch(None, Budget())
        for member in members[:4]:
            member.ended = "dropped"
        stack.tidy()
        assert stack.members == members[4:]
        members[4].ended = "dropped"
        stack.tidy()
        assert stack.members == members[5:]
        stack.train_epoch(None, Budget())
        assert members[5].ended == "epochs"
        assert stack.members == members[5:]
        assert_alike(
            trained([members[5].outcome()])[0], ja.fit(dense(), DIGITS, replace(SGD, seed=5))
        )
        assert members[0].variables is not None

    def test_metrics_must_be_the_same(self) -> None:
        how = [SGD, replace(SGD, metrics=("cross_entropy",))]
        with pytest.raises(ja.TrainConfigError, match=r"\['accuracy', 'cross_entropy'\]"):
            ja.fit_population(dense(), DIGITS, how, halving=(0.5, 1))


class TestRepeats:
    def test_means_and_deviations_over_seeds(self) -> None:
        evaluate, seeds = ja.TrainingEvaluator(DIGITS, SGD), [3, 4, 5]
        found = evaluate.repeats(dense(), seeds)
        assert evaluate.trained is not None
        assert evaluate.trained.config.seed == 3
        each = [ja.TrainingEvaluator(DIGITS, SGD)(dense(), seed) for seed in seeds]
        losses = [metrics["loss"] for metrics in each]
        assert found["loss"] == pytest.approx(np.mean(losses), abs=1e-5)
        assert found["loss_std"] == pytest.approx(np.std(losses, ddof=1), abs=1e-5)
        assert found["parameters"] == each[0]["parameters"]
        assert evaluate.repeats(dense(), [3])["loss_std"] == 0

    @pytest.mark.parametrize("limit", [{"steps": 5}, {"seconds": 0.0}])
    def test_each_training_ends_by_steps_or_seconds(self, limit: dict[str, Any]) -> None:
        net, long = built(nn.flatten, nn.dense(10)), replace(SGD, epochs=300)
        evaluate = ja.TrainingEvaluator(DIGITS, long, **limit)
        with overruled_choice(choosing.CHOICE, "serial"):
            assert evaluate.repeats(net, [3, 4])["accuracy_std"] >= 0
        assert evaluate.trained is not None
        assert len(evaluate.trained.history) <= 5 // (len(DIGITS.x_train) // 32)

    def test_one_that_fails_fails_all(self) -> None:
        evaluate = ja.TrainingEvaluator(DIGITS, replace(SGD, learning_rate=1e30))
        with pytest.raises(ja.TrainingFailed, match="epoch 1"):
            evaluate.repeats(dense(), [1, 2])
        with pytest.raises(ja.TrainConfigError, match="seed"):
            evaluate.repeats(dense(), [])
        wrong: Any
        for wrong in (3, [1.5], "12"):
            with pytest.raises(ja.TrainConfigError, match="must be a list of integers"):
                evaluate.repeats(dense(), wrong)
            with pytest.raises(ja.TrainConfigError, match="must be a list of integers"):
                evaluate.together([dense()], wrong)
