"""Choices by measurement: made once, shared by processes, never trusted when damaged."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import jax
import pytest

import jarch as ja
from jarch.lowering import LoweringError
from jarch.lowering.rules.choices import overruled
from jarch.lowering.training import compilation_cache, probes
from jarch.lowering.training.probes import (
    forget_choices,
    overrule_choice,
    overruled_choice,
    remembered_choice,
    remembered_probe,
)

PROGRAM = """
import sys, time
from jarch.lowering.training.probes import probes_folder, remembered_probe
def measure():
    while "wait" in sys.argv and not list(probes_folder().glob("*.json")):
        time.sleep(0.05)
    return {"a": float(sys.argv[1]), "b": 1.0}
probe = remembered_probe("test", "key", measure)
print(probe.choice, probe.source)
"""


class Measurement:
    """Says what it is to say, and counts how often it was asked."""

    def __init__(self, **seconds: float) -> None:
        """Take the seconds of each way."""
        self.seconds = seconds
        self.times = 0

    def __call__(self) -> Mapping[str, float]:
        self.times += 1
        return self.seconds


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Use a cache folder of its own, and a memory of its own."""
    monkeypatch.setenv(compilation_cache.VARIABLE, str(tmp_path))
    config = cast(Any, jax.config)
    before = config.jax_compilation_cache_dir
    config.update("jax_compilation_cache_dir", str(tmp_path))
    forget_choices()
    yield tmp_path / "probes"
    config.update("jax_compilation_cache_dir", before)
    forget_choices()


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "JARCH_CACHE": str(folder),
        "PYTHONPATH": str(Path(ja.__file__).parents[1]),
    }
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    command = [sys.executable, "-W", "error", "-c", PROGRAM, *arguments]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str]) -> list[str]:
    printed, complaints = process.communicate(timeout=120)
    assert (process.returncode, complaints) == (0, "")
    return printed.split()


def test_the_least_time_is_chosen_and_measured_once(folder: Path) -> None:
    measure = Measurement(slow=2.0, fast=1.0)
    assert [remembered_choice("kind", "key", measure) for _ in range(3)] == ["fast"] * 3
    assert measure.times == 1
    forget_choices()  # as a new process
    probe = remembered_probe("kind", "key", measure)
    assert (probe.source, probe.seconds, measure.times) == ("folder", measure.seconds, 1)


def test_kinds_and_keys_are_told_apart() -> None:
    for number, place in enumerate([("a", "key"), ("b", "key"), ("a", "other")]):
        assert remembered_choice(*place, Measurement(**{f"way{number}": 1.0})) == f"way{number}"


def test_another_environment_is_another_key() -> None:
    measure = Measurement(one=1.0)
    remembered_choice("kind", "key", measure)
    with overruled("depthwise_conv", "lax", "often"):  # belongs to what programs depend on
        remembered_choice("kind", "key", measure)
    remembered_choice("kind", "key", measure, depends_on={"backend": "another"})
    assert measure.times == 3
    remembered_choice("kind", "key", measure, depends_on={"backend": "another"})
    assert measure.times == 3


@pytest.mark.parametrize("damage", ["cut", "empty", "no object", "of another", "no choice"])
def test_damaged_files_are_measured_anew(folder: Path, damage: str) -> None:
    measure = Measurement(one=1.0, two=2.0)
    remembered_choice("kind", "key", measure)
    (path,) = folder.iterdir()
    held = path.read_text()
    read = json.loads(held)
    damaged = {
        "cut": held[: len(held) // 2],
        "empty": "",
        "no object": "[1, 2]",
        "of another": json.dumps(read | {"key": "another"}),
        "no choice": json.dumps(read | {"choice": "three"}),
    }
    path.write_text(damaged[damage])
    forget_choices()
    assert remembered_choice("kind", "key", measure) == "one"
    assert measure.times == 2
    assert path.read_text() == held  # it was written anew


def test_a_folder_that_cannot_be_written_to_costs_nothing_else(folder: Path) -> None:
    folder.write_text("a file where the folder should be")
    measure = Measurement(one=1.0)
    assert [remembered_choice("kind", "key", measure) for _ in range(2)] == ["one"] * 2
    assert measure.times == 1


def test_nothing_is_written_where_the_cache_is_off(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(compilation_cache.VARIABLE, "off")
    measure = Measurement(one=1.0)
    assert [remembered_choice("kind", "key", measure) for _ in range(2)] == ["one"] * 2
    assert measure.times == 1
    assert not folder.exists()


def test_another_process_is_told_what_the_first_measured(tmp_path: Path) -> None:
    assert finish(start(tmp_path, "0.5")) == ["a", "measured"]
    assert finish(start(tmp_path, "2.0")) == ["a", "folder"]


def test_processes_that_measure_together_agree(tmp_path: Path) -> None:
    """Each would choose another way; the one that is done first decides for both."""
    late, early = start(tmp_path, "0.5", "wait"), start(tmp_path, "2.0")
    assert finish(early) == ["b", "measured"]
    assert finish(late) == ["b", "folder"]
    assert finish(start(tmp_path, "0.5")) == ["b", "folder"]


def test_threads_measure_once() -> None:
    measure = Measurement(one=1.0)
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(remembered_choice("kind", "key", measure)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found, measure.times) == (["one"] * 4, 1)


def test_a_measurement_may_rest_on_another() -> None:
    def measure() -> Mapping[str, float]:
        return {remembered_choice("inner", "key", Measurement(inner=1.0)): 1.0}

    assert remembered_choice("outer", "key", measure) == "inner"


def test_choices_can_be_overruled_without_measuring(folder: Path) -> None:
    measure = Measurement(one=1.0, two=2.0)
    with overruled_choice("kind", "two"):
        probe = remembered_probe("kind", "key", measure, names=("one", "two"))
        assert (probe.choice, probe.source) == ("two", "overruled")
        with overruled_choice("kind", "one"):
            assert remembered_choice("kind", "key", measure) == "one"
        assert remembered_choice("kind", "key", measure) == "two"
        assert remembered_choice("another", "key", Measurement(three=1.0)) == "three"
    assert measure.times == 0
    overrule_choice("kind", "two")
    overrule_choice("kind", None)
    assert remembered_choice("kind", "key", measure) == "one"


def test_what_overrules_must_be_a_way_that_there_is() -> None:
    with overruled_choice("kind", "three"), pytest.raises(LoweringError, match=r"three.*kind"):
        remembered_choice("kind", "key", Measurement(one=1.0), names=("one", "two"))


def test_a_way_that_is_gone_is_measured_anew() -> None:
    remembered_choice("kind", "key", Measurement(gone=1.0))
    measure = Measurement(one=1.0)
    assert remembered_choice("kind", "key", measure, names=("one",)) == "one"
    forget_choices()
    assert remembered_choice("kind", "key", measure, names=("one",)) == "one"
    assert measure.times == 1


def test_ways_that_cannot_be_taken_are_not(folder: Path) -> None:
    measure = Measurement(first=math.nan, second=math.inf, third=5.0)
    assert remembered_choice("kind", "key", measure) == "third"
    forget_choices()
    found = remembered_probe("kind", "key", measure)
    assert found.seconds == {"first": math.inf, "second": math.inf, "third": 5.0}
    for none in (Measurement(first=math.inf), Measurement()):
        with pytest.raises(LoweringError, match="no way can be taken"):
            remembered_choice("kind", "impossible", none)


def test_the_folder_stays_small(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "_LIMIT", 0)
    monkeypatch.setattr(probes, "_SWEEP_EVERY", 1)
    assert remembered_choice("kind", "key", Measurement(one=1.0)) == "one"
    assert list(folder.iterdir()) == []
