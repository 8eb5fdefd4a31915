# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# (the annotations of JAX are partial)

"""Programs that are kept in a folder: shared, bounded, and never trusted."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import jax
import numpy as np
import pytest

import jarch as ja
from jarch import lowering, nn
from jarch.lowering.training import compilation_cache, stored_programs, turns
from jarch.lowering.training.turns import turn

SMALL = ja.load_data("digits", limit=100)
CONFIG = ja.TrainConfig(epochs=1, batch_size=32)

PROGRAM = """
import jarch as ja
from jarch import lowering, nn
from jarch.lowering.training.ways import overrule_way
overrule_way("whole")
net = ja.replay(ja.trace(lambda: ja.sequential(nn.flatten, nn.dense(16), nn.batch_norm, nn.relu,
    nn.dropout(0.3), nn.dense(10))), [])
config = ja.TrainConfig(epochs=2, batch_size=32)
trained = ja.fit(net, ja.load_data("digits", limit=100), config)
counts = lowering.program_counts()
loss = trained.history[-1].train_loss
print(counts["compiled"], counts["read"], loss.hex(), trained.validation["loss"].hex())
"""


def start(folder: Path) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "JARCH_CACHE": str(folder),
        "PYTHONPATH": str(Path(ja.__file__).parents[1]),
    }
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    command = [sys.executable, "-W", "error", "-c", PROGRAM]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str]) -> list[str]:
    printed, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, complaints
    assert complaints == ""
    return printed.split()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Use a cache of its own, without JAX's; programs in memory are forgotten before and after."""
    monkeypatch.setenv(compilation_cache.VARIABLE, str(tmp_path))
    config = cast(Any, jax.config)
    options = {
        "jax_compilation_cache_dir": str(tmp_path),
        "jax_persistent_cache_min_compile_time_secs": 1e9,
    }
    before = {name: getattr(config, name) for name in options}
    for name, value in options.items():
        config.update(name, value)
    lowering.forget_programs()
    yield tmp_path / "programs"
    for name, value in before.items():
        config.update(name, value)
    lowering.forget_programs()


def train() -> tuple[dict[str, int], ja.Trained]:
    """Train once with an empty memory; return what was compiled and read for it."""
    lowering.forget_programs()
    before = lowering.program_counts()
    net = ja.replay(ja.trace(lambda: ja.sequential(nn.flatten, nn.dense(10))), [])
    trained = ja.fit(net, SMALL, CONFIG)
    after = lowering.program_counts()
    return {name: after[name] - before[name] for name in after}, trained


def kernel(trained: ja.Trained) -> Any:
    return trained.variables["params"]["dense"]["kernel"]


def test_another_process_reads_and_comes_to_the_same_bits(tmp_path: Path) -> None:
    first = finish(start(tmp_path))
    second = finish(start(tmp_path))
    assert first[:2] == ["2", "0"]
    assert second[:2] == ["0", "2"]
    assert first[2:] == second[2:]


@pytest.mark.slow
def test_processes_that_start_together_compile_each_program_once(tmp_path: Path) -> None:
    found = [finish(each) for each in [start(tmp_path) for _ in range(3)]]
    assert len({tuple(each[2:]) for each in found}) == 1
    assert [sum(int(each[i]) for each in found) for i in (0, 1)] == [2, 4]
    names = [path.name for path in (tmp_path / "programs").iterdir()]
    assert len(names) == 2
    assert all(name.endswith(stored_programs.SUFFIX) for name in names)
    assert finish(start(tmp_path))[:2] == ["0", "2"]


@pytest.mark.slow
def test_what_jax_had_in_its_own_cache_is_not_kept_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JAX would write it without the functions that it calls."""
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    first = finish(start(tmp_path))
    for path in (tmp_path / "programs").iterdir():
        path.unlink()
    assert [finish(start(tmp_path)) for _ in range(2)] == [first, first]
    assert not list((tmp_path / "programs").iterdir())


READ_LONG_AGO = """
import os, sys
import jarch as ja
from jarch import lowering, nn
folder = sys.argv[1]
net = ja.replay(ja.trace(lambda: ja.sequential(nn.flatten, nn.dense(8), nn.relu, nn.dense(10))), [])
data, config = ja.load_data("digits", limit=100), ja.TrainConfig(epochs=1)
lowering.enable_compilation_cache(folder)
for named in "off", folder, folder:
    os.environ["JARCH_CACHE"] = named
    lowering.forget_programs()
    ja.fit(net, data, config)
"""


def test_what_jax_read_long_ago_is_not_kept_once_more_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_python: Callable[..., str]
) -> None:
    """It has programs of functions of modules in memory, and tells no event when it is asked."""
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    run_python(READ_LONG_AGO, str(tmp_path))
    shutil.rmtree(tmp_path / "programs")
    run_python(READ_LONG_AGO, str(tmp_path))


def test_who_takes_turns_finds_what_was_made(tmp_path: Path) -> None:
    made: list[int] = []

    def make(number: int) -> None:
        with turn(tmp_path, "program"):
            before = len(made)
            time.sleep(0.05)
            assert len(made) == before
            made.append(number)

    threads = [threading.Thread(target=make, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [0, 1, 2, 3]
    assert not list(tmp_path.iterdir())


def test_who_is_not_done_in_time_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_PATIENCE", 0.0)
    with turn(tmp_path, "program"), turn(tmp_path, "program"), turn(tmp_path, "other"):
        pass
    (tmp_path / "file").write_text("")
    with turn(tmp_path / "file", "program"):  # no folder
        pass


def test_programs_are_read_back(folder: Path) -> None:
    counts, first = train()
    assert counts == {"compiled": 2, "read": 0}
    counts, second = train()
    assert counts == {"compiled": 0, "read": 2}
    np.testing.assert_array_equal(kernel(first), kernel(second))


@pytest.mark.parametrize("damage", ["cut", "empty", "changed", "other"])
def test_damaged_files_are_compiled_anew(folder: Path, damage: str) -> None:
    _, first = train()
    for path in folder.iterdir():
        held = path.read_bytes()
        damaged = {
            "cut": held[: len(held) // 2],
            "empty": b"",
            "changed": held[:-1] + bytes([held[-1] ^ 1]),
            "other": b"something else" * 100,
        }
        path.write_bytes(damaged[damage])
    counts, second = train()
    assert counts == {"compiled": 2, "read": 0}
    np.testing.assert_array_equal(kernel(first), kernel(second))
    assert train()[0] == {"compiled": 0, "read": 2}  # they were written anew


def test_whole_files_that_jax_cannot_load_are_compiled_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train()

    def refuse(*_: object) -> None:
        raise RuntimeError("built for another processor")

    monkeypatch.setattr("jax.experimental.serialize_executable.deserialize_and_load", refuse)
    assert train()[0] == {"compiled": 2, "read": 0}


def test_a_folder_that_cannot_be_written_to_costs_nothing_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_text("a file where the folder should be")
    assert train()[0] == {"compiled": 2, "read": 0}


def test_users_operations_are_not_kept(folder: Path) -> None:
    @nn.op
    def doubled(x: Any) -> Any:
        return 2 * x

    net = ja.replay(ja.trace(lambda: ja.sequential(nn.flatten, doubled(), nn.dense(10))), [])
    ja.fit(net, SMALL, CONFIG)
    assert not folder.exists()


def test_the_files_used_longest_ago_go_first(tmp_path: Path) -> None:
    for age, name in enumerate(["new", "middle", "old"]):
        path = tmp_path / f"{name}{stored_programs.SUFFIX}"
        path.write_bytes(bytes(100))
        os.utime(path, (1000 - age, 1000 - age))
    stored_programs.sweep(tmp_path.iterdir(), 300)
    assert len(list(tmp_path.iterdir())) == 3
    stored_programs.sweep(tmp_path.iterdir(), 150)
    assert [path.stem for path in tmp_path.iterdir()] == ["new"]
    stored_programs.sweep(tmp_path.iterdir(), 0)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_removed_does_not_end_a_training(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_programs, "_unseen", None)
    monkeypatch.setenv("JARCH_CACHE_BYTES", "0")
    other, kept = folder / "folder", folder / "another user's"
    other.mkdir(parents=True)
    kept.touch()
    for path in (other, kept):
        os.utime(path, (0, 0))
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path == kept:
            raise PermissionError(path)
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    assert train()[0] == {"compiled": 2, "read": 0}
    assert sorted(folder.iterdir()) == [kept, other]


def test_the_folder_may_go_away_at_any_moment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_programs, "_unseen", None)
    move = os.replace

    def move_and_remove(source: str, target: Path) -> None:
        move(source, target)
        shutil.rmtree(folder)

    monkeypatch.setattr(os, "replace", move_and_remove)
    assert train()[0] == {"compiled": 2, "read": 0}


def test_what_could_not_be_written_whole_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    assert train()[0] == {"compiled": 2, "read": 0}
    assert list(folder.iterdir()) == []


def test_the_folder_is_looked_through_as_its_size_grows_not_for_each_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = list[tuple[int, int]]()

    def itself(program: bytes) -> bytes:
        return program

    def look(files: Iterable[Path], limit: int) -> None:
        looks.append((len(list(files)), limit))

    monkeypatch.setattr("jax.experimental.serialize_executable.serialize", itself)
    monkeypatch.setattr(stored_programs, "sweep", look)
    monkeypatch.setattr(stored_programs, "jax_entries", list[Path])  # whatever ran before
    monkeypatch.setattr(stored_programs, "_unseen", None)
    size = len(pickle.dumps(bytes(1000)))
    monkeypatch.setenv("JARCH_CACHE_BYTES", str(32 * 5 * size))
    for number in range(12):
        assert stored_programs.write_program(tmp_path, str(number), bytes(1000))
    assert looks == [(files, 30 * 5 * size) for files in (1, 6, 11)]


def test_what_jax_keeps_counts_too_in_a_folder_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config: Any = jax.config
    before, entry = config.jax_compilation_cache_dir, tmp_path / "jit_step-0-cache"
    entry.write_bytes(bytes(100))
    monkeypatch.setattr(compilation_cache, "_set_here", None)
    try:
        config.update("jax_compilation_cache_dir", str(tmp_path))
        assert compilation_cache.jax_entries() == []  # the user set it
        config.update("jax_compilation_cache_dir", None)
        assert compilation_cache.enable_compilation_cache(tmp_path) == tmp_path
        assert compilation_cache.jax_entries() == [entry]
        monkeypatch.setenv("JARCH_CACHE_BYTES", "0")
        monkeypatch.setattr(stored_programs, "_unseen", None)
        lowering.forget_programs()
        train()
        assert not entry.exists()
    finally:
        config.update("jax_compilation_cache_dir", before)


@pytest.mark.parametrize(
    ("named", "size"),
    [
        ("", 2 << 30),
        ("1000", 1000),
        ("0", 0),
        ("500 MB", 500_000_000),
        ("2k", 2000),
        ("1.5GiB", 3 << 29),
        ("7b", 7),
    ],
)
def test_the_limit_can_be_set(named: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JARCH_CACHE_BYTES", named)
    assert compilation_cache.size_limit() == size


@pytest.mark.parametrize("named", ["much", "-1", "2 GX", "1e9"])
def test_a_limit_that_is_none_is_refused_before_anything_compiles(
    folder: Path, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JARCH_CACHE_BYTES", named)
    before = lowering.program_counts()
    with pytest.raises(ja.TrainConfigError, match="JARCH_CACHE_BYTES is"):
        train()
    assert lowering.program_counts() == before


def test_the_cache_can_be_turned_off(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(compilation_cache.VARIABLE, "off")
    assert train()[0] == {"compiled": 2, "read": 0}
    assert not folder.exists()
