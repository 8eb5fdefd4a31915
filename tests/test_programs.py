# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (the annotations of JAX are partial)

"""Which architectures are one program, and that one program is compiled once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import jax
import numpy as np
import optax
import pytest

import jarch as ja
from jarch import lowering, nn
from jarch.lowering.normal_form import normal_form
from jarch.lowering.random_bits import RandomBits
from jarch.lowering.training import compilation_cache, executables, optimizers, steps
from jarch.lowering.training.ways import overruled_way

from .training_nets import built, equal

SMALL = ja.load_data("digits", limit=150)
SEQUENCES = ja.from_arrays(
    np.random.default_rng(0).normal(size=(150, 6, 4)).astype(np.float32), np.arange(150) % 10
)
CONFIG = ja.TrainConfig(epochs=2, batch_size=32)


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(compilation_cache.VARIABLE, "off")
    lowering.forget_programs()
    with overruled_way("whole"):  # test_segments.py is of the other way
        yield


def net(rate: float = 0.5, name: str = "drop", momentum: float = 0.9) -> ja.Architecture:
    norm = nn.batch_norm(momentum=momentum)
    drop = nn.dropout(rate, name=name)
    return built(nn.flatten, nn.dense(16), norm, nn.relu, drop, nn.dense(10))


def attending(rate: float) -> ja.Architecture:
    attend = nn.attention(num_heads=2, qkv_features=4, dropout_rate=rate)
    return built(attend, nn.flatten, nn.dense(10))


def compiled(run: Callable[[], object]) -> int:
    """Return how many programs are compiled by what runs."""
    before = lowering.program_counts()["compiled"]
    run()
    return lowering.program_counts()["compiled"] - before


def key_of(architecture: ja.Architecture, **changes: Any) -> str:
    return lowering.program_key(architecture, SMALL, replace(CONFIG, **changes))


def two_branches(first: str, second: str) -> ja.Architecture:
    """Build the same graph, whose branches are made in the order of their names."""
    widths = {first: 4, second: 8}

    def space() -> ja.Fragment:
        wiring = ja.Wiring()
        start = wiring.add(nn.flatten(), {"in": wiring.input()})["out"]
        made = {
            name: wiring.add(nn.dense(widths[name], name=name), {"in": start})["out"]
            for name in sorted(widths)
        }
        joined = {"in0": made[first], "in1": made[second]}
        return wiring.build({"out": wiring.add(nn.concatenate(2), joined)["out"]})

    return ja.replay(ja.trace(space), [])


class TestNormalForm:
    def test_names_and_the_order_of_creation_do_not_count(self) -> None:
        one, other = two_branches("a", "b"), two_branches("z", "c")
        assert [k for k, _ in one.nodes] != [k for k, _ in other.nodes]
        assert normal_form(one).architecture == normal_form(other).architecture
        assert normal_form(one).names != normal_form(other).names
        assert ja.fingerprint(normal_form(one).architecture) == ja.fingerprint(one)

    def test_numbers_are_taken_out_and_kept(self) -> None:
        one, other = normal_form(net(0.25)), normal_form(net(0.5, momentum=0.8))
        assert one.architecture == other.architecture
        assert [value for _, _, value in one.numbers] == [0.9, 0.25]
        assert [value for _, _, value in other.numbers] == [0.8, 0.5]

    def test_a_rate_of_zero_is_another_program(self) -> None:
        for made in (net, attending):
            assert normal_form(made(0.0)).architecture != normal_form(made(0.5)).architecture

    def test_what_shapes_the_program_stays(self) -> None:
        wide = built(nn.flatten, nn.dense(8))
        assert normal_form(wide).architecture != normal_form(two_branches("a", "b")).architecture
        assert (
            normal_form(wide).architecture
            != normal_form(built(nn.flatten, nn.dense(9))).architecture
        )

    def test_variables_go_there_and_back(self) -> None:
        variables = ja.lower(net()).init(0, SMALL.x_train[:1])
        form = normal_form(net())
        there = form.to_normal(variables)
        assert set(there["params"]) <= {f"n{i}" for i in range(6)}
        again = form.from_normal(there)
        assert {k: v for k, v in again.items() if v} == {k: v for k, v in variables.items() if v}

    @pytest.mark.slow
    @pytest.mark.unverified
    def test_mobilenets_are_at_most_3456_programs(self) -> None:
        space = ja.trace(ja.spaces.mobilenet)
        forms = [normal_form(each) for each in ja.enumerate_architectures(space)]
        assert len(forms) == 8640
        assert len({form.architecture for form in forms}) <= 3456


class TestKey:
    def test_names_and_numbers_do_not_change_it(self) -> None:
        key = key_of(net())
        assert len(key) == 64
        assert key == key_of(net(0.125, "other", 0.5))
        numbers = {
            "learning_rate": 0.1,
            "schedule": "linear",
            "weight_decay": 0.1,
            "label_smoothing": 0.2,
            "seed": 7,
        }
        assert key == key_of(net(), **numbers)
        first = key_of(net(), optimizer="sgd", optimizer_options={"momentum": 0.9})
        assert first == key_of(net(), optimizer="sgd", optimizer_options={"momentum": 0.5})
        assert first != key

    @pytest.mark.parametrize("optimizer", optimizers.NUMERIC_OPTIONS)
    def test_numeric_options_do_not_change_it(self, optimizer: str) -> None:
        names = optimizers.NUMERIC_OPTIONS[optimizer]
        keys = {
            key_of(net(), optimizer=optimizer, optimizer_options=dict.fromkeys(names, value))
            for value in (0, 0.0, 1, 0.25, np.float32(0.5), np.int64(0))
        }
        assert len(keys) == 1

    def test_equal_options_have_one_key_whichever_came_first(self) -> None:
        keys = {key_of(net(), optimizer_options={"nesterov": each}) for each in (1, True, 1.0)}
        steps._step_key.cache_clear()  # type: ignore[attr-defined]
        keys |= {key_of(net(), optimizer_options={"nesterov": each}) for each in (True, np.True_)}
        assert len(keys) == 1

    @pytest.mark.parametrize(
        "changes",
        [
            {"batch_size": 16},
            {"optimizer": "sgd"},
            {"optimizer_options": {"nesterov": True}},
            {"optimizer_options": {"b1": 0.5}},
            {"dtype": "bfloat16"},
        ],
        ids=str,
    )
    def test_what_shapes_the_step_changes_it(self, changes: dict[str, Any]) -> None:
        assert key_of(net(), **changes) != key_of(net())

    def test_it_is_the_same_in_another_process(self, run_python: Callable[..., str]) -> None:
        program = (
            "import jarch as ja\n"
            "from jarch import lowering, nn\n"
            "net = ja.replay(ja.trace(lambda: ja.sequential(nn.flatten, nn.dense(8),\n"
            "    nn.dropout(0.3), nn.dense(10))), [])\n"
            "print(lowering.program_key(net, ja.load_data('digits', limit=150)))\n"
        )
        keys = {run_python(program, seed=seed) for seed in (1, 2)}
        here = built(nn.flatten, nn.dense(8), nn.dropout(0.4), nn.dense(10))
        assert keys == {lowering.program_key(here, SMALL) + "\n"}

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("jax_default_matmul_precision", "highest"),
            ("jax_enable_x64", True),
            ("jax_numpy_rank_promotion", "raise"),
            ("jax_random_seed_offset", 5),
            ("jax_threefry_partitionable", False),
        ],
    )
    def test_options_of_jax_change_it_at_once_and_back(self, option: str, value: Any) -> None:
        config: Any = jax.config
        key, before = key_of(net()), getattr(config, option)
        config.update(option, value)
        try:
            assert key_of(net()) != key
        finally:
            config.update(option, before)
        assert key_of(net()) == key

    def test_the_data_must_fit(self) -> None:
        with pytest.raises(ja.ShapeError, match="10 classes"):
            lowering.program_key(built(nn.flatten, nn.dense(3)), SMALL)


class TestCompilingOnce:
    def test_candidates_of_one_key_share_the_step_and_the_outputs(self) -> None:
        assert compiled(lambda: ja.fit(net(), SMALL, CONFIG)) == 2
        other = replace(CONFIG, learning_rate=0.1, weight_decay=0.1, seed=3, epochs=1)
        assert compiled(lambda: ja.fit(net(0.25, "else", 0.8), SMALL, other)) == 0
        momentum: dict[str, Any] = {"optimizer": "sgd", "optimizer_options": {"momentum": 0.9}}
        assert compiled(lambda: ja.fit(net(), SMALL, replace(CONFIG, **momentum))) == 1
        momentum["optimizer_options"] = {"momentum": 0.8}
        assert compiled(lambda: ja.fit(net(), SMALL, replace(CONFIG, **momentum))) == 0

    @pytest.mark.parametrize(("made", "data"), [(net, SMALL), (attending, SEQUENCES)])
    def test_a_shared_program_gives_the_same_bits_as_its_own(
        self, made: Callable[[float], ja.Architecture], data: ja.Dataset
    ) -> None:
        alone = ja.fit(made(0.25), data, CONFIG)
        lowering.forget_programs()
        other = ja.fit(made(0.75), data, CONFIG)
        shared: list[ja.Trained] = []
        assert compiled(lambda: shared.append(ja.fit(made(0.25), data, CONFIG))) == 0
        assert equal(alone, shared[0])
        assert alone.validation == shared[0].validation
        assert not equal(alone, other)

    def test_variables_keep_their_keys(self) -> None:
        trained = ja.fit(net(name="mine"), SMALL, CONFIG)
        fresh = ja.lower(net(name="mine")).init(0, SMALL.x_train[:1])
        assert set(trained.variables["params"]) == set(fresh["params"])
        assert set(trained.variables["batch_stats"]) == {"batch_norm"}

    @pytest.mark.parametrize("way", ["whole", "segments"])
    def test_other_options_of_jax_are_other_programs(self, way: Any) -> None:
        deep = built(nn.flatten, nn.dense(8), nn.relu, nn.dense(8), nn.relu, nn.dense(10))
        with overruled_way(way):
            number = compiled(lambda: ja.fit(deep, SMALL, CONFIG))
            with jax.default_matmul_precision("highest"):
                assert compiled(lambda: ja.fit(deep, SMALL, CONFIG)) == number > 0
            assert compiled(lambda: ja.fit(deep, SMALL, CONFIG)) == 0

    def test_threads_that_ask_at_once_compile_once(self) -> None:
        def train(rate: float) -> ja.Trained:
            return ja.fit(net(rate), SMALL, CONFIG)

        with ThreadPoolExecutor(4) as pool:
            assert compiled(lambda: list(pool.map(train, [0.1, 0.2, 0.3, 0.4]))) == 2

    def test_the_number_of_programs_in_memory_is_bounded(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(executables, "LIMIT", 2)

        def train(width: int) -> object:
            return ja.fit(built(nn.flatten, nn.dense(width), nn.dense(10)), SMALL, CONFIG)

        assert compiled(lambda: (train(4), train(4))) == 2
        assert compiled(lambda: (train(5), train(4))) == 4  # each makes room for itself
        assert len(executables._programs) == 2  # pyright: ignore[reportPrivateUsage]

    def test_jax_forgets_its_traces_now_and_then_and_programs_go_on(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        traced = list[object]()

        @jax.jit
        def keep(x: jax.Array) -> jax.Array:
            traced.append(x)
            return x

        keep(np.ones(3))
        result = ja.fit(net(), SMALL, CONFIG)
        monkeypatch.setattr(executables, "TRACED_LIMIT", 1)
        ja.fit(built(nn.flatten, nn.dense(7), nn.dense(10)), SMALL, CONFIG)
        assert len(traced) == 1
        keep(np.ones(3))
        assert len(traced) == 2
        again = list[ja.Trained]()
        assert compiled(lambda: again.append(ja.fit(net(), SMALL, CONFIG))) == 0
        assert equal(result, *again)

    def test_jax_does_not_forget_while_another_program_is_compiled(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        forgot = list[str]()
        monkeypatch.setattr(executables, "TRACED_LIMIT", 1)
        monkeypatch.setattr(executables, "_forget_traces", lambda: forgot.append("all"))

        def outer() -> Any:
            executables.executable("inner", None, lambda: len)
            assert forgot == []
            return max

        executables.executable("outer", None, outer)
        assert forgot == ["all"]

    def test_what_fails_to_compile_is_tried_again(self) -> None:
        def fail() -> Any:
            raise RuntimeError("no")

        for _ in range(2):
            with pytest.raises(RuntimeError, match="no"):
                executables.executable("key", None, fail)
        assert executables.executable("key", None, lambda: len) is len

    def test_a_users_optimiser_is_its_own_program(self) -> None:
        fast, slow = optax.sgd(0.5), optax.sgd(1e-3)
        results = [ja.fit(net(), SMALL, replace(CONFIG, optimizer=each)) for each in (fast, slow)]
        assert not equal(*results)
        assert compiled(lambda: ja.fit(net(), SMALL, replace(CONFIG, optimizer=fast))) == 0

    def test_a_function_among_options_is_its_own_program(self) -> None:
        """Though it may lie where another one did, in this process or in another."""

        def train(decays: bool) -> ja.Trained:
            def mask(params: Any) -> Any:
                return jax.tree.map(decays_at, params)

            def decays_at(leaf: Any) -> bool:
                return decays and leaf.ndim > 1

            options: Any = {"mask": mask, "weight_decay": 0.5}
            return ja.fit(
                net(), SMALL, replace(CONFIG, optimizer="adamw", optimizer_options=options)
            )

        found = list[ja.Trained]()
        assert compiled(lambda: found.append(train(True))) == 2
        assert compiled(lambda: found.append(train(False))) == 1
        assert not equal(*found)

    def test_a_users_operation_written_anew_is_another_program(self) -> None:
        def defined(factor: float) -> ja.Architecture:
            @nn.op
            def scaled(x: Any) -> Any:
                return factor * x

            return built(nn.flatten, scaled(), nn.dense(10))

        ones = ja.fit(defined(1.0), SMALL, CONFIG)
        assert not equal(ones, ja.fit(defined(3.0), SMALL, CONFIG))

    def test_weights_that_were_given_stay(self) -> None:
        given = ja.lower(net()).init(0, SMALL.x_train[:1])
        before = jax.tree.map(np.array, given)
        ja.fit(net(), SMALL, CONFIG, variables=given)
        for one, other in zip(jax.tree.leaves(before), jax.tree.leaves(given), strict=True):
            np.testing.assert_array_equal(one, other)


class TestRandomBits:
    @pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.99])
    def test_so_many_are_kept(self, rate: float) -> None:
        size = 100_000
        kept = RandomBits(jax.random.key(1), size).keep(rate, (size,))
        assert float(kept.mean()) == pytest.approx(1 - rate, abs=0.005)

    def test_parts_do_not_depend_on_each_other(self) -> None:
        bits = RandomBits(jax.random.key(1), 100_000)
        first, second = (np.asarray(bits.keep(0.5, (100, 500))) for _ in range(2))
        assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02

    def test_the_expected_value_stays(self) -> None:
        value: Any = np.ones((100, 1000), np.float32)
        dropped = np.asarray(RandomBits(jax.random.key(0), value.size).dropped(value, 0.25))
        assert dropped.mean() == pytest.approx(1, abs=0.01)
        assert set(np.unique(dropped)) == {np.float32(0), np.float32(1 / 0.75)}

    def test_vmap_draws_what_each_key_draws_alone(self) -> None:
        keys = jax.random.split(jax.random.key(0), 3)

        def draw(key: Any) -> Any:
            return RandomBits(key, 64).keep(0.5, (64,))

        together = jax.vmap(draw)(keys)
        for key, row in zip(keys, together, strict=True):
            np.testing.assert_array_equal(draw(key), row)


class TestDryRun:
    def test_it_tells_how_much_memory_a_step_takes(self) -> None:
        few, many = (lowering.dry_run(net(), {"in": (8, 8, 1)}, size) for size in (16, 1024))
        assert few.bytes is not None
        assert many.bytes is not None
        assert 0 < few.bytes < many.bytes

    def test_shapes_are_checked_first(self) -> None:
        with pytest.raises(ja.ShapeError):
            lowering.dry_run(built(nn.max_pool(9)), {"in": (8, 8, 1)})
