# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# (the annotations of JAX are partial)

"""Training by programs of segments: the same as by one program, and shared between candidates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import jarch as ja
from jarch import lowering, nn
from jarch.lowering.segments import segments_of
from jarch.lowering.training import compilation_cache, executables, segment_programs, ways
from jarch.lowering.training.preparation import prepare
from jarch.lowering.training.ways import overruled_way, way_of

SMALL = ja.load_data("digits", limit=150)
CONFIG = ja.TrainConfig(epochs=2, batch_size=32, optimizer="sgd", learning_rate=0.05)


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(compilation_cache.VARIABLE, "off")
    lowering.forget_programs()
    with overruled_way("segments"):
        yield


def built(*pieces: Any) -> ja.Architecture:
    return ja.replay(ja.trace(lambda: ja.sequential(*pieces)), [])


def block(width: int, rate: float = 0.25) -> ja.Fragment:
    return ja.sequential(
        nn.depthwise_conv(3),
        nn.batch_norm,
        nn.dropout(rate),
        nn.relu,
        nn.conv(width, 1),
        nn.relu,
    )


def net(*widths: int, rate: float = 0.25) -> ja.Architecture:
    """Build a chain with a residual block in it."""
    blocks = [block(width, rate) for width in widths]
    kept = ja.residual(ja.sequential(nn.conv(4, 3), nn.relu))
    stem = nn.conv(4, 3, strides=2), nn.relu, kept
    return built(*stem, *blocks, nn.global_avg_pool, nn.dense(10))


def trained(way: ways.Way, architecture: ja.Architecture, config: ja.TrainConfig) -> ja.Trained:
    with overruled_way(way):
        return ja.fit(architecture, SMALL, config)


def by_path(model: ja.Trained) -> dict[str, Any]:
    found: Any = jax.tree_util.tree_leaves_with_path(model.variables)
    return {jax.tree_util.keystr(path): leaf for path, leaf in found}


def assert_close(one: ja.Trained, other: ja.Trained, tolerance: float = 1e-5) -> None:
    first, second = by_path(one), by_path(other)
    assert set(first) == set(second)
    for path, leaf in first.items():
        np.testing.assert_allclose(leaf, second[path], rtol=0, atol=tolerance, err_msg=path)


def compiled(run: Callable[[], object]) -> int:
    before = lowering.program_counts()["compiled"]
    run()
    return lowering.program_counts()["compiled"] - before


class TestCutting:
    def test_a_residual_block_is_one_segment(self) -> None:
        names = [[node.op.name for _, node in s.nodes] for s in segments_of(net(4))]
        assert names == [
            ["conv"],
            ["relu"],
            ["conv", "relu", "add"],
            ["depthwise_conv"],
            ["batch_norm", "dropout", "relu"],
            ["conv"],
            ["relu", "global_avg_pool"],
            ["dense"],
        ]

    def test_what_cannot_be_cut(self) -> None:
        two = ja.replay(ja.trace(lambda: nn.add(2)), [])
        assert segments_of(two) == ()

    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.sampled_from([ja.spaces.mobilenet, ja.spaces.digits_conv]))
    def test_segments_compute_the_same_one_after_the_other(self, seed: int, space: Any) -> None:
        drawn = ja.sample(ja.trace(space), np.random.default_rng(seed))
        segments = segments_of(drawn)
        assert [key for s in segments for key, _ in s.nodes] == [key for key, _ in drawn.nodes]
        shape: Any = (8, 8, 1)
        for segment in segments:
            shape = ja.analyze(segment, {segment.inputs[0]: shape}).outputs["out"]
        assert shape == (10,)


class TestTraining:
    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"optimizer_options": {"momentum": 0.9, "nesterov": True}, "weight_decay": 0.01},
            {"label_smoothing": 0.1, "schedule": "linear", "early_stopping_patience": 1},
        ],
        ids=["plain", "momentum", "smoothed"],
    )
    def test_it_equals_training_by_one_program(self, changes: dict[str, Any]) -> None:
        config = replace(CONFIG, **changes)
        one, other = (trained(way, net(4, 8), config) for way in ("whole", "segments"))
        assert_close(one, other)
        for report, mine in zip(one.history, other.history, strict=True):
            assert mine.train_loss == pytest.approx(report.train_loss, abs=1e-5)
            assert mine.validation == pytest.approx(report.validation, abs=1e-5)

    def test_adam_too_as_far_as_rounding_lets_it(self) -> None:
        config = replace(CONFIG, optimizer="adam", epochs=1, learning_rate=1e-4)
        assert_close(trained("whole", net(4), config), trained("segments", net(4), config), 1e-3)

    def test_regression(self) -> None:
        rng = np.random.default_rng(0)
        x = rng.normal(size=(120, 4)).astype(np.float32)
        data = ja.from_arrays(x, x.sum(1), task="regression")
        layers = [nn.dense(8), nn.relu, nn.dense(8), nn.relu, nn.dense(1)]
        found: list[ja.Trained] = []
        for way in ("whole", "segments"):
            with overruled_way(way):
                found.append(ja.fit(built(*layers), data, CONFIG))
        assert_close(found[0], found[1])

    def test_parts_equal_the_whole_bit_for_bit(self) -> None:
        config = replace(CONFIG, optimizer="adam")
        alone = ja.fit(net(4), SMALL, config)
        part = ja.fit_partly(net(4), SMALL, config, steps=3)
        rest = ja.fit_partly(net(4), SMALL, config, checkpoint=part.checkpoint)
        for path, leaf in by_path(alone).items():
            np.testing.assert_array_equal(leaf, by_path(rest.trained)[path])

    def test_the_way_back_is_the_same_where_the_way_there_was_read(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alone = ja.fit(net(4), SMALL, CONFIG)
        lowering.forget_programs()

        def unknown(key: str) -> segment_programs.Tape:
            return segment_programs.Tape()

        monkeypatch.setattr(segment_programs, "tape_of", unknown)
        again = ja.fit(net(4), SMALL, CONFIG)
        for path, leaf in by_path(alone).items():
            np.testing.assert_array_equal(leaf, by_path(again)[path])

    def test_candidates_share_what_they_have_in_common(self) -> None:
        first = compiled(lambda: ja.fit(net(4, 4), SMALL, CONFIG))
        deeper = compiled(lambda: ja.fit(net(4, 4, 4, rate=0.5), SMALL, CONFIG))
        assert first > 10
        assert deeper == 0

    def test_the_number_of_programs_in_memory_is_bounded(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(executables, "SMALL_LIMIT", 3)
        ja.fit(net(4), SMALL, replace(CONFIG, epochs=1))
        assert len(executables._small) == 3  # pyright: ignore[reportPrivateUsage]


class TestChoosing:
    def way(self, architecture: ja.Architecture, **changes: Any) -> str:
        with overruled_way(None):
            return way_of(prepare(architecture, SMALL, replace(CONFIG, **changes)))

    def test_few_steps_go_by_segments(self) -> None:
        assert self.way(net(4)) == ("segments" if jax.default_backend() == "cpu" else "whole")
        assert self.way(net(4), epochs=10_000) == "whole"

    def test_what_segments_do_not_serve(self) -> None:
        assert self.way(built(nn.flatten, nn.dense(10))) == "whole"
        assert self.way(net(4), dtype="bfloat16") == "whole"
        assert self.way(net(4), optimizer="lbfgs") == "whole"

        @nn.op
        def doubled(x: Any) -> Any:
            return 2 * x

        layers = [nn.flatten, nn.dense(8), doubled(), nn.dense(8), nn.relu, nn.dense(10)]
        assert self.way(built(*layers)) == "whole"


@pytest.mark.slow
def test_another_process_reads_and_comes_to_the_same_bits(
    run_python: Callable[..., str], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(compilation_cache.VARIABLE, str(tmp_path))
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    program = (
        "import jarch as ja\n"
        "from jarch import lowering, nn\n"
        "net = ja.replay(ja.trace(lambda: ja.sequential(nn.flatten, nn.dense(8), nn.relu,\n"
        "    nn.dropout(0.3), nn.dense(8), nn.relu, nn.dense(10))), [])\n"
        "config = ja.TrainConfig(epochs=1, batch_size=32)\n"
        "trained = ja.fit(net, ja.load_data('digits', limit=100), config)\n"
        "counts = lowering.program_counts()\n"
        "print(counts['compiled'], counts['read'], trained.validation['loss'].hex())\n"
    )
    first, second = (run_python(program).split() for _ in range(2))
    assert second == ["0", first[0], first[2]]
    assert int(first[0]) > 8
