# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false
# (the annotations of JAX and optax are partial)

import functools
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jarch as ja
from jarch import nn
from jarch.lowering.training import checkpoints, compilation_cache

from .training_nets import built, equal, linear, no_cache as no_cache, noisy

DIGITS = ja.load_data("digits")
SMALL = ja.load_data("digits", limit=150)


@functools.cache
def trained_once() -> ja.Trained:
    config = ja.TrainConfig(epochs=2, optimizer="sgd", optimizer_options={"momentum": 0.9})
    return ja.fit(noisy(), SMALL, config)


class TestSaving:
    @pytest.fixture
    def trained(self) -> ja.Trained:
        return trained_once()

    def test_what_is_loaded_is_what_was_saved(self, trained: ja.Trained, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("kept")
        found = ja.load(ja.save(trained, tmp_path, new_process=False))
        assert equal(found, trained)
        assert found.model == trained.model
        for name in ("config", "signature", "history", "validation"):
            assert getattr(found, name) == getattr(trained, name), name
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "architecture.json",
            "config.json",
            "notes.txt",
            "weights",
        ]

    def test_saving_replaces(self, trained: ja.Trained, tmp_path: Path) -> None:
        ja.save(ja.fit(linear(), SMALL, ja.TrainConfig(epochs=1)), tmp_path)
        ja.save(trained, tmp_path, new_process=False)
        assert equal(ja.load(tmp_path), trained)

    def test_an_interrupt_at_any_moment_leaves_a_whole_model(
        self, trained: ja.Trained, tmp_path: Path
    ) -> None:
        ja.save(trained, tmp_path, new_process=False)
        other = ja.fit(linear(), SMALL, ja.TrainConfig(epochs=1))
        whole = {trained.architecture: trained, other.architecture: other}
        interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
        alarm = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
        came = 0
        try:
            for moment in np.linspace(0.001, 0.04, 20):
                try:
                    signal.setitimer(signal.ITIMER_REAL, moment)
                    ja.save((trained, other)[came % 2], tmp_path, new_process=False)
                except KeyboardInterrupt:
                    came += 1
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
                found = ja.load(tmp_path)
                assert equal(found, whole[found.architecture])
        finally:
            signal.signal(signal.SIGALRM, alarm)
            signal.signal(signal.SIGINT, interrupt)
        assert came

    def test_functions_are_written_as_text(self, tmp_path: Path) -> None:
        rate = optax.cosine_decay_schedule(0.1, 100)
        config = ja.TrainConfig(epochs=1, optimizer=optax.adam, learning_rate=rate)
        trained = ja.fit(linear(), SMALL, config)
        found = ja.load(ja.save(trained, tmp_path, new_process=False))
        np.testing.assert_array_equal(found.outputs(SMALL.x_test), trained.outputs(SMALL.x_test))
        with pytest.raises(ja.ExportError, match="is not saved; give it anew"):
            ja.fit(linear(), SMALL, found.config)

    def test_precisions_come_back(self, tmp_path: Path) -> None:
        model = ja.lower(linear(), dtype=jnp.float16, param_dtype=jnp.bfloat16)
        trained = ja.fit(model, SMALL, ja.TrainConfig(epochs=1))
        found = ja.load(ja.save(trained, tmp_path, new_process=False))
        assert found.model == model
        assert equal(found, trained)

    def test_a_model_that_loads_differently_is_not_saved(
        self, trained: ja.Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ja.save(trained, tmp_path, new_process=False)
        changed = replace(trained, variables=jax.tree.map(lambda a: a + 1, trained.variables))
        monkeypatch.setattr(checkpoints, "load", lambda *_: trained)
        with pytest.raises(ja.ExportError, match="gives other outputs when it is loaded"):
            ja.save(changed, tmp_path, new_process=False)
        monkeypatch.undo()
        assert equal(ja.load(tmp_path), trained)
        assert len(list(tmp_path.iterdir())) == 3

    @pytest.mark.parametrize(
        ("part", "content", "message"),
        [
            ("config.json", None, "has no config.json"),
            ("config.json", "{", "is damaged"),
            ("config.json", "{}", "is damaged"),
            ("config.json", '{"format": "jarch.trained/9"}', "update jarch"),
        ],
    )
    def test_damage_is_told(
        self, trained: ja.Trained, tmp_path: Path, part: str, content: str | None, message: str
    ) -> None:
        path = ja.save(trained, tmp_path, new_process=False) / part
        path.unlink() if content is None else path.write_text(content)
        with pytest.raises(ja.ExportError, match=message):
            ja.load(tmp_path)

    def test_weights_of_another_architecture_are_told(
        self, trained: ja.Trained, tmp_path: Path
    ) -> None:
        ja.save(trained, tmp_path, new_process=False)
        (tmp_path / "architecture.json").write_text(ja.to_json(linear()))
        with pytest.raises(ja.ExportError, match="weights cannot be read"):
            ja.load(tmp_path)

    @pytest.mark.slow
    def test_a_model_that_no_other_process_can_load_is_not_saved(self, tmp_path: Path) -> None:
        @nn.op
        def double(x: jax.Array) -> jax.Array:
            return 2 * x

        trained = ja.fit(built(nn.flatten, double(), nn.dense(10)), SMALL, ja.TrainConfig(epochs=1))
        with pytest.raises(ja.ExportError, match=r"a new process cannot load the model: .*double"):
            ja.save(trained, tmp_path)
        assert not list(tmp_path.iterdir())
        ja.save(trained, tmp_path, new_process=False)
        assert equal(ja.load(tmp_path, ops={double.op.name: double.op}), trained)

    @pytest.mark.slow
    def test_another_process_predicts_the_same(self, tmp_path: Path) -> None:
        trained = ja.fit(noisy(), SMALL, ja.TrainConfig(epochs=2))
        ja.save(trained, tmp_path / "model")
        code = (
            "import sys, numpy as np, jarch as ja\n"
            "folder = sys.argv[1]\n"
            "trained = ja.load(folder + '/model')\n"
            "np.save(folder + '/found.npy', trained.outputs(ja.load_data('digits').x_test))\n"
        )
        command = [sys.executable, "-W", "error", "-c", code, str(tmp_path)]
        environment = {**os.environ, "PYTHONPATH": str(Path(ja.__file__).parents[1])}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        found = np.load(tmp_path / "found.npy")
        np.testing.assert_allclose(found, trained.outputs(DIGITS.x_test), atol=1e-5)


class TestCompilationCache:
    @pytest.mark.parametrize("value", ["off", "0", "None"])
    def test_it_can_be_turned_off(self, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JARCH_CACHE", value)
        assert compilation_cache.default_folder() is None
        config = cast(Any, jax.config)
        before = config.jax_compilation_cache_dir
        config.update("jax_compilation_cache_dir", None)
        try:
            assert ja.enable_compilation_cache() is None
            assert config.jax_compilation_cache_dir is None
        finally:
            config.update("jax_compilation_cache_dir", before)

    def test_where_it_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JARCH_CACHE", "/somewhere")
        assert compilation_cache.default_folder() == Path("/somewhere")
        monkeypatch.delenv("JARCH_CACHE")
        monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
        assert compilation_cache.default_folder() == Path("/cache/jarch/xla")
        monkeypatch.delenv("XDG_CACHE_HOME")
        assert compilation_cache.default_folder() == Path.home() / ".cache/jarch/xla"

    @pytest.mark.slow
    def test_a_second_process_compiles_nothing_and_a_users_setting_stays(
        self, tmp_path: Path
    ) -> None:
        code = (
            "import json, jax, jarch as ja\n"
            "from jarch import lowering, nn\n"
            "net = ja.replay(ja.trace(lambda: ja.sequential(nn.flatten, nn.dense(64), nn.relu,"
            " nn.dense(64), nn.relu, nn.dense(64), nn.relu, nn.dense(10))), [])\n"
            "ja.fit(net, ja.load_data('digits', limit=100), ja.TrainConfig(epochs=1))\n"
            "print(json.dumps([jax.config.jax_compilation_cache_dir,"
            " lowering.program_counts()['compiled']]))\n"
        )

        def run(**changes: str) -> list[Any]:
            environment = {**os.environ, "PYTHONPATH": str(Path(ja.__file__).parents[1]), **changes}
            command = [sys.executable, "-W", "error", "-c", code]
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=True
            )
            assert done.stderr == ""
            return cast(list[Any], json.loads(done.stdout))

        ours, users = str(tmp_path / "ours"), str(tmp_path / "users")
        folder, number = run(JARCH_CACHE=ours)
        assert folder == ours
        assert number > 0
        assert run(JARCH_CACHE=ours) == [ours, 0]
        assert run(JARCH_CACHE=ours, JAX_COMPILATION_CACHE_DIR=users)[0] == users
