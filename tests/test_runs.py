"""The run folder: what is written, and what is read back."""

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

import jarch as ja
from jarch.runs import (
    EVALUATIONS,
    SETTINGS,
    Evaluation,
    RunError,
    append_evaluation,
    begin_run,
    locked_run,
    read_run,
    resume_run,
    write_results,
)
from jarch.runs.locking import LOCK
from jarch.search import SearchError

_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
_constants = st.recursive(
    _scalars | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=4,
)
_evaluations = st.builds(
    Evaluation,
    index=st.integers(0, 10**6),
    seed=st.integers(0, 2**31),
    decisions=st.dictionaries(st.text(min_size=1), _constants, max_size=4).map(
        lambda found: tuple(found.items())
    ),
    fingerprint=st.text("0123456789abcdef", min_size=64, max_size=64),
    status=st.sampled_from(["ok", "failed", "invalid"]),
    metrics=st.dictionaries(
        st.text(min_size=1),
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
        max_size=3,
    ),
    reason=st.text(),
    seconds=st.floats(0, 1e6),
    invalid_draws=st.integers(0, 500),
    fidelity=st.none() | st.integers(1, 500),
    trial=st.none() | st.integers(0, 10**6),
)


def evaluation(index: int, **changes: object) -> Evaluation:
    decisions = (("width", 8), ("order", (1, 0)))
    fields: dict[str, object] = {"metrics": {"accuracy": 0.5}, "seconds": 1.25, **changes}
    return Evaluation(index, 7, decisions, "ab" * 32, "ok", **fields)  # type: ignore[arg-type]


@given(_evaluations)
@settings(deadline=None, max_examples=40)
def test_a_line_is_read_back_as_it_was(value: Evaluation) -> None:
    line = value.to_line()
    assert "\n" not in line
    assert Evaluation.from_line(line) == value
    assert Evaluation.from_line(line).seconds == pytest.approx(value.seconds, abs=1e-3)


def test_a_line_holds_what_was_promised() -> None:
    assert json.loads(evaluation(3).to_line()) == {
        "index": 3,
        "seed": 7,
        "values": [8, [1, 0]],
        "decisions": {"width": 8, "order": [1, 0]},
        "fingerprint": "ab" * 32,
        "status": "ok",
        "metrics": {"accuracy": 0.5},
        "reason": "",
        "seconds": 1.25,
        "invalid_draws": 0,
    }


def test_a_run_is_read_back(tmp_path: Path) -> None:
    run = tmp_path / "deep" / "run"
    begin_run(run, {"space": "mine", "evaluations": 2})
    append_evaluation(run, evaluation(0))
    append_evaluation(run, evaluation(1))
    write_results(run, {"accuracy": 0.5})
    read = read_run(run)
    assert read.settings == {"space": "mine", "evaluations": 2}
    assert read.evaluations == (evaluation(0), evaluation(1))
    assert read.results == {"accuracy": 0.5}
    assert set(read.versions) >= {"jax", "flax", "numpy"}


@pytest.mark.parametrize("kept", [0, 1, 50, -1])
def test_a_torn_last_line_is_dropped_and_appended_after(tmp_path: Path, kept: int) -> None:
    begin_run(tmp_path, {})
    append_evaluation(tmp_path, evaluation(0))
    append_evaluation(tmp_path, evaluation(1))
    path = tmp_path / EVALUATIONS
    whole = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(whole[0] + whole[1][:kept])
    assert read_run(tmp_path).evaluations == (evaluation(0),)
    assert resume_run(tmp_path, {}) == (evaluation(0),)
    append_evaluation(tmp_path, evaluation(1))
    assert path.read_bytes() == b"".join(whole)


def test_reading_a_run_that_goes_on_changes_nothing(tmp_path: Path) -> None:
    begin_run(tmp_path, {})
    (tmp_path / EVALUATIONS).write_text(evaluation(0).to_line() + '\n{"index": 1, "se')
    before = (tmp_path / EVALUATIONS).read_bytes()
    assert len(read_run(tmp_path).evaluations) == 1
    assert (tmp_path / EVALUATIONS).read_bytes() == before


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("not JSON", "line 2"),
        ("[]", "line 2: no evaluation"),
        ('{"index": 1}', "line 2: no evaluation"),
        (evaluation(5).to_line(), "evaluation 1 is missing"),
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path: Path, line: str, message: str) -> None:
    begin_run(tmp_path, {})
    (tmp_path / EVALUATIONS).write_text(f"{evaluation(0).to_line()}\n{line}\n")
    with pytest.raises(RunError, match=message):
        read_run(tmp_path)


def test_only_how_far_to_go_may_change(tmp_path: Path) -> None:
    begin_run(tmp_path, {"seed": 1, "evaluations": 5, "seconds": None, "searcher": {"name": "a"}})
    changed = {"seed": 1, "evaluations": 9, "seconds": 3.0, "searcher": {"name": "a"}}
    assert resume_run(tmp_path, changed) == ()
    assert read_run(tmp_path).settings == changed
    with pytest.raises(RunError, match=r"searcher = .*'a'.*not .*'b'"):
        resume_run(tmp_path, {**changed, "searcher": {"name": "b"}})
    with pytest.raises(RunError, match="extra = None, not 1"):
        resume_run(tmp_path, {**changed, "extra": 1})


def test_folders_that_hold_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"there is no run\.json in it"):
        read_run(tmp_path)
    (tmp_path / SETTINGS).write_text("{")
    with pytest.raises(RunError, match="not JSON"):
        read_run(tmp_path)
    (tmp_path / SETTINGS).write_text("[]")
    with pytest.raises(RunError, match="no JSON object"):
        read_run(tmp_path)
    (tmp_path / SETTINGS).write_text('{"format": "jarch.run/99"}')
    with pytest.raises(RunError, match="update jarch"):
        read_run(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written to"):
        begin_run(tmp_path / "file" / "run", {})


def test_a_second_run_in_one_folder_is_refused(tmp_path: Path) -> None:
    begin_run(tmp_path, {})
    with pytest.raises(RunError, match="holds a run already"):
        begin_run(tmp_path, {})


def test_the_best_architecture_reads_back(tmp_path: Path) -> None:
    result = ja.random_search(
        ja.spaces.digits_dense, lambda architecture, seed: {"accuracy": 1}, 1, folder=tmp_path
    )
    assert ja.from_json((tmp_path / "best.json").read_text()) == result.best_architecture
    assert ja.parse((tmp_path / "best.txt").read_text()) == result.best_architecture


class TestLock:
    SEARCH = """
import sys, time
from pathlib import Path
import jarch as ja

def evaluate(architecture, seed):
    Path(sys.argv[2]).touch()
    while sys.argv[3] == "wait":
        time.sleep(0.05)
    return {"accuracy": 0.5}

ja.random_search(ja.spaces.digits_dense, evaluate, 2, folder=sys.argv[1])
"""

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(Path(ja.__file__).parents[1])}
        command = [sys.executable, "-c", self.SEARCH, *map(str, arguments)]
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)

    def test_another_process_is_kept_out_until_the_first_is_gone(self, tmp_path: Path) -> None:
        run, begun = tmp_path / "run", tmp_path / "begun"
        first = self.start(run, begun, "wait")
        try:
            while not begun.exists():
                assert first.poll() is None
                time.sleep(0.05)
            with pytest.raises(RunError, match=f"process {first.pid} on .* is searching there"):
                ja.random_search(ja.spaces.digits_dense, constant, 2, folder=run, resume=True)
            assert read_run(run).evaluations == ()
        finally:
            first.kill()
        first.communicate()
        result = ja.random_search(ja.spaces.digits_dense, constant, 2, folder=run, resume=True)
        assert len(result.evaluations) == len(read_run(run).evaluations) == 2

    def test_a_lock_file_that_was_left_behind_means_nothing(self, tmp_path: Path) -> None:
        (tmp_path / LOCK).write_text("process 1 on elsewhere")
        for resume in (False, True):
            ja.random_search(ja.spaces.digits_dense, constant, 1, folder=tmp_path, resume=resume)

    def test_another_thread_is_kept_out_and_the_same_is_not(self, tmp_path: Path) -> None:
        raised: list[BaseException] = []

        def enter() -> None:
            try:
                with locked_run(tmp_path):
                    pass
            except RunError as error:
                raised.append(error)

        (tmp_path / "link").symlink_to(tmp_path)
        with locked_run(tmp_path), locked_run(tmp_path / "link"):
            thread = threading.Thread(target=enter)
            thread.start()
            thread.join()
        assert "another thread of this process is searching there" in str(raised[0])
        enter()
        assert len(raised) == 1

    def test_an_error_frees_the_folder(self, tmp_path: Path) -> None:
        def without(architecture: ja.Architecture, seed: int) -> dict[str, float]:
            return {}

        for _ in range(2):
            with pytest.raises(SearchError, match="no 'accuracy'"):
                ja.random_search(ja.spaces.digits_dense, without, 1, folder=tmp_path / "run")
            shutil.rmtree(tmp_path / "run")

    def test_nothing_is_made_where_there_is_nothing_to_resume(self, tmp_path: Path) -> None:
        with pytest.raises(RunError, match="holds no run"):
            ja.random_search(
                ja.spaces.digits_dense, constant, 1, folder=tmp_path / "run", resume=True
            )
        assert not (tmp_path / "run").exists()

    def test_where_the_system_knows_no_locks_it_goes_on(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise OSError(errno.ENOLCK, "no locks available")

        monkeypatch.setattr("jarch.runs.locking.fcntl.flock", refuse)
        with locked_run(tmp_path):
            assert (tmp_path / LOCK).exists()


def constant(architecture: ja.Architecture, seed: int) -> dict[str, float]:
    return {"accuracy": 0.5}
