"""Training in parts comes to the same as training at once, bit for bit."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false
# (the annotations of JAX and optax are partial)

import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax
import pytest

import jarch as ja
from jarch import lowering, nn
from jarch.lowering.training import budgets, checkpoint_files, compilation_cache, data_hashes
from jarch.lowering.training.resuming import check_checkpoint, identify
from jarch.lowering.training.ways import overruled_way
from jarch.runs import read_run

DATA = ja.load_data("digits", limit=150)
CONFIG = ja.TrainConfig(epochs=6, batch_size=16, learning_rate=1e-2, weight_decay=1e-3, seed=5)
STEPS = len(DATA.x_train) // 16


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(compilation_cache.VARIABLE, "off")


def noisy() -> ja.Architecture:
    """With batch statistics and dropout, so that state and generator matter."""
    pieces: list[Any] = [
        nn.flatten,
        nn.dense(16),
        nn.batch_norm,
        nn.relu,
        nn.dropout(0.3),
        nn.dense(10),
    ]
    return ja.replay(ja.trace(lambda: ja.sequential(*pieces)), [])


NET = noisy()


def assert_same(first: ja.Trained, second: ja.Trained) -> None:
    """All that training gives is equal but for how long it took."""
    leaves = [jax.tree.leaves(each.variables) for each in (first, second)]
    assert all(np.array_equal(a, b) for a, b in zip(*leaves, strict=True))
    assert first.validation == second.validation
    assert timeless(first) == timeless(second)


def timeless(trained: ja.Trained) -> list[ja.EpochReport]:
    history: list[ja.EpochReport] = []
    for report in trained.history:
        rate = float(np.nan_to_num(report.learning_rate))  # a transformation has its own
        history.append(replace(report, seconds=0, compile_seconds=0, learning_rate=rate))
    return history


def in_parts(
    config: ja.TrainConfig, *limits: dict[str, Any], through: Callable[[Any], Any] | None = None
) -> lowering.Partial:
    """Train up to each limit, going on from what was before, and then to the end."""
    checkpoint: lowering.Checkpoint | None = None
    for limit in limits:
        part = ja.fit_partly(NET, DATA, config, checkpoint=checkpoint, **limit)
        checkpoint = through(part.checkpoint) if through else part.checkpoint
    return ja.fit_partly(NET, DATA, config, checkpoint=checkpoint)


@pytest.mark.parametrize("schedule", ["cosine", "warmup_cosine", "constant"])
def test_rungs_equal_a_training_without_a_stop(schedule: Any) -> None:
    config = replace(CONFIG, schedule=schedule)
    whole = ja.fit(NET, DATA, config)
    part = in_parts(config, {"epochs": 1}, {"epochs": 3})
    assert_same(part.trained, whole)
    assert (part.ended, part.checkpoint.over, part.checkpoint.steps) == ("epochs", True, 6 * STEPS)


def test_steps_may_end_within_an_epoch() -> None:
    whole = ja.fit(NET, DATA, CONFIG)
    part = ja.fit_partly(NET, DATA, CONFIG, steps=STEPS + 3)
    assert (part.ended, part.checkpoint.steps) == ("limit", STEPS + 3)
    assert len(part.trained.history) == 1
    assert part.trained.validation != part.trained.history[0].validation
    assert_same(in_parts(CONFIG, {"steps": 2}, {"steps": STEPS + 3}).trained, whole)


def test_a_part_is_the_beginning_of_the_whole() -> None:
    """The schedule is that of all epochs, and not that of the part."""
    whole = ja.fit(NET, DATA, CONFIG)
    part = ja.fit_partly(NET, DATA, CONFIG, epochs=2)
    assert timeless(part.trained) == timeless(whole)[:2]
    assert part.trained.validation == whole.history[1].validation
    assert (part.ended, part.checkpoint.over) == ("limit", False)
    short = ja.fit(NET, DATA, replace(CONFIG, epochs=2))
    assert short.history[1].learning_rate != part.trained.history[1].learning_rate


def test_a_checkpoint_can_be_gone_on_from_more_than_once() -> None:
    part = ja.fit_partly(NET, DATA, CONFIG, epochs=2)
    before = [np.array(leaf) for leaf in part.checkpoint.leaves]
    first, second = (
        ja.fit_partly(NET, DATA, CONFIG, checkpoint=part.checkpoint).trained for _ in range(2)
    )
    assert_same(first, second)
    assert all(map(np.array_equal, before, part.checkpoint.leaves))


OPTIMIZERS: dict[str, dict[str, Any]] = {
    "momentum": {"optimizer": "sgd", "optimizer_options": {"momentum": 0.9}},
    "lamb": {"optimizer": "lamb"},
    "transformation": {"optimizer": optax.adam(1e-2), "weight_decay": 0.0},
    "factored": {"optimizer": "adafactor"},
    "half": {"dtype": "bfloat16"},
}


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_the_state_of_any_optimiser_is_kept(kind: str, tmp_path: Path) -> None:
    config = replace(CONFIG, epochs=3, **OPTIMIZERS[kind])

    def through(checkpoint: lowering.Checkpoint) -> lowering.Checkpoint:
        return ja.load_checkpoint(ja.save_checkpoint(checkpoint, tmp_path / "kept"))

    whole = ja.fit(NET, DATA, config)
    assert_same(in_parts(config, {"epochs": 1}, {"epochs": 2}).trained, whole)
    assert_same(in_parts(config, {"epochs": 2}, through=through).trained, whole)


@pytest.mark.parametrize("cut", [1, 2, 4, 5])
def test_early_stopping_goes_on_where_it_was(cut: int, tmp_path: Path) -> None:
    config = replace(CONFIG, epochs=30, learning_rate=0.05, early_stopping_patience=3)
    whole = ja.fit(NET, DATA, config)
    assert 5 < len(whole.history) < 30

    def through(checkpoint: lowering.Checkpoint) -> lowering.Checkpoint:
        return ja.load_checkpoint(ja.save_checkpoint(checkpoint, tmp_path / "kept"))

    part = in_parts(config, {"epochs": cut}, through=through)
    assert_same(part.trained, whole)
    assert (part.ended, part.checkpoint.over) == ("plateau", True)
    again = ja.fit_partly(NET, DATA, config, checkpoint=part.checkpoint)
    assert_same(again.trained, whole)
    assert again.ended == "plateau"


def test_seconds_end_a_part_and_nothing_is_lost() -> None:
    config = replace(CONFIG, epochs=200)
    whole = ja.fit(NET, DATA, config)
    part = ja.fit_partly(NET, DATA, config, seconds=0.0)
    assert part.ended == "seconds"
    assert part.checkpoint.steps == 1
    rest = ja.fit_partly(NET, DATA, config, checkpoint=part.checkpoint, seconds=1000)
    assert_same(rest.trained, whole)


@pytest.mark.parametrize("seconds", [1.0, 0.02, 0.0001])
def test_the_clock_is_looked_at_as_often_as_steps_are_long(
    seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, looks = 5, list[int]()  # it goes on after five
    monkeypatch.setattr(budgets, "monotonic", lambda: steps * seconds)
    budget, wait = budgets.Budget(end=40 * seconds), lambda: looks.append(steps)
    while not budget.is_late(steps, wait):
        steps += budget.ahead(steps)
    apart = {1.0: 1, 0.02: 2, 0.0001: 8}[seconds]
    assert looks[:4] == [6, 7, 7 + apart, 7 + 2 * apart]
    assert 40 <= steps == looks[-1] < 40 + apart


def test_slow_steps_do_not_go_on_after_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count()  # each look at it takes a second
    monkeypatch.setattr(budgets, "monotonic", lambda: next(clock))
    part = ja.fit_partly(NET, DATA, replace(CONFIG, epochs=200), seconds=3.0)
    assert (part.ended, part.checkpoint.steps) == ("seconds", 3)


def test_seconds_may_end_between_epochs() -> None:
    config = replace(CONFIG, batch_size=len(DATA.x_train))  # a step each epoch
    part = ja.fit_partly(NET, DATA, config, seconds=0.0)
    assert part.ended == "seconds"
    assert len(part.trained.history) == part.checkpoint.steps == 1


def test_on_epoch_may_ask_to_stop_and_going_on_is_possible() -> None:
    part = ja.fit_partly(NET, DATA, CONFIG, on_epoch=lambda report: report.epoch == 2)
    assert (part.ended, part.checkpoint.over) == ("asked", False)
    rest = ja.fit_partly(NET, DATA, CONFIG, checkpoint=part.checkpoint)
    assert_same(rest.trained, ja.fit(NET, DATA, CONFIG))


def test_what_is_done_is_not_done_again() -> None:
    part = ja.fit_partly(NET, DATA, CONFIG, epochs=2)
    again = ja.fit_partly(NET, DATA, CONFIG, epochs=2, checkpoint=part.checkpoint)
    assert_same(again.trained, part.trained)
    assert again.checkpoint.steps == part.checkpoint.steps


def test_a_checkpoint_of_something_else_is_refused() -> None:
    checkpoint = ja.fit_partly(NET, DATA, CONFIG, epochs=1).checkpoint
    other = ja.replay(ja.trace(lambda: ja.sequential(nn.flatten, nn.dense(10))), [])
    less = ja.load_data("digits", limit=140)
    negative = replace(DATA, x_train=1 - DATA.x_train)
    judged = replace(DATA, x_validation=1 - DATA.x_validation)
    for net, data, config in (
        (other, DATA, CONFIG),
        (NET, less, CONFIG),
        (NET, negative, CONFIG),
        (NET, judged, CONFIG),
        (NET, DATA, replace(CONFIG, seed=6)),
        (NET, DATA, replace(CONFIG, epochs=7)),
    ):
        with pytest.raises(ja.CheckpointError, match="the checkpoint is of another"):
            ja.fit_partly(net, data, config, checkpoint=checkpoint)


def test_what_differs_is_named() -> None:
    made = replace(small(), identity=identify(NET, CONFIG, DATA))
    other = ja.replay(ja.trace(lambda: ja.sequential(nn.flatten, nn.dense(10))), [])
    less = ja.load_data("digits", limit=140)
    check_checkpoint(made, identify(NET, CONFIG, DATA))
    for found, culprit in (
        (identify(other, CONFIG, DATA), "another architecture;"),
        (identify(NET, replace(CONFIG, seed=6), DATA), "another configuration;"),
        (identify(NET, CONFIG, less), "another data;"),
        (identify(other, CONFIG, less), "another architecture and another data;"),
        ("population " + identify(NET, CONFIG, DATA), "fit_partly, which alone goes on from it;"),
    ):
        with pytest.raises(ja.CheckpointError, match=f"mine is of {culprit} train from the begin"):
            check_checkpoint(made, found, "mine")
    with pytest.raises(ja.CheckpointError, match="is a Partial and no Checkpoint; give the attr"):
        check_checkpoint(lowering.Partial(None, made, "limit"), "")  # type: ignore[arg-type]


def test_numbers_of_any_type_are_one_configuration() -> None:
    first = replace(CONFIG, optimizer="sgd", optimizer_options={"momentum": 0, "nesterov": False})
    options = {"nesterov": False, "momentum": np.float32(0)}
    second = replace(first, optimizer_options=options, learning_rate=np.float64(1e-2))  # type: ignore[arg-type]
    assert identify(NET, first, DATA) == identify(NET, second, DATA)


FUNCTIONS: dict[str, Callable[[float], dict[str, Any]]] = {
    "schedule": lambda x: {"learning_rate": optax.cosine_decay_schedule(x, 20)},
    "plain": lambda x: {"learning_rate": lambda step: x if step < 3 else x / 2},
    "factory": lambda x: {"optimizer": partial(optax.sgd, momentum=x)},
    "closure": lambda x: {"optimizer": lambda learning_rate: optax.sgd(learning_rate, x)},
    "transformation": lambda x: {
        "optimizer": optax.chain(optax.clip(1.0), optax.adam(optax.linear_schedule(x, 0, 30))),
        "weight_decay": 0.0,
    },
}


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_functions_may_be_made_anew(kind: str) -> None:
    """Their addresses say nothing; the rates and the values that they hold do."""
    first, again, other = (replace(CONFIG, **FUNCTIONS[kind](x)) for x in (0.01, 0.01, 0.02))
    part = ja.fit_partly(NET, DATA, first, epochs=1)
    rest = ja.fit_partly(NET, DATA, again, epochs=2, checkpoint=part.checkpoint)
    assert len(rest.trained.history) == 2
    with pytest.raises(ja.CheckpointError, match="configuration"):
        ja.fit_partly(NET, DATA, other, checkpoint=part.checkpoint)


IDENTITY = """
import optax
import jarch as ja
from jarch import nn
from jarch.lowering.training.resuming import identify
net = ja.replay(ja.trace(lambda: ja.sequential(nn.flatten, nn.dense(10))), [])
optimizer = optax.chain(optax.clip(1.0), optax.adamw(optax.cosine_decay_schedule(0.1, 20)))
rate = lambda step: 1 / (step + 1)
configs = [ja.TrainConfig(optimizer=optimizer), ja.TrainConfig(learning_rate=rate)]
print([identify(net, config, ja.load_data("digits", limit=150)) for config in configs])
"""


def test_another_process_knows_what_fits(
    run_python: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    exec(IDENTITY, {})
    assert run_python(IDENTITY) == capsys.readouterr().out


def test_of_large_data_examples_at_equal_distances_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_hashes, "SAMPLE", 8 * 8 * 4 * 10)  # ten examples
    step = -(-len(DATA.x_train) // 10)

    def changed(*examples: int) -> str:
        x = DATA.x_train.copy()
        x[[*examples]] += 1
        return data_hashes.data_hash(replace(DATA, x_train=x))

    assert changed() == data_hashes.data_hash(replace(DATA)) == changed(1, step - 1)
    assert len({changed(), changed(0), changed(step), changed(9 * step)}) == 4


def test_a_training_by_other_programs_says_how_to_go_on() -> None:
    pieces: list[Any] = [nn.flatten, nn.dense(8), nn.relu, nn.dense(8), nn.relu, nn.dense(10)]
    deep = ja.replay(ja.trace(lambda: ja.sequential(*pieces)), [])
    for began, goes_on in (("segments", "whole"), ("whole", "segments")):
        with overruled_way(began):  # type: ignore[arg-type]
            part = ja.fit_partly(deep, DATA, CONFIG, steps=1)
        with (
            overruled_way(goes_on),  # type: ignore[arg-type]
            pytest.raises(ja.CheckpointError, match=rf"overruled_way\('{began}'\), or train"),
        ):
            ja.fit_partly(deep, DATA, CONFIG, checkpoint=part.checkpoint)


def test_limits_are_checked() -> None:
    with pytest.raises(ja.TrainConfigError, match="epochs is 7; it must be an integer in 1 to 6"):
        ja.fit_partly(NET, DATA, CONFIG, epochs=7)
    with pytest.raises(ja.TrainConfigError, match="steps is 0; it must be an integer in 1 to"):
        ja.fit_partly(NET, DATA, CONFIG, steps=0)
    wrong: Any
    for wrong in (-1, float("nan"), "1"):
        with pytest.raises(ja.TrainConfigError, match=f"seconds is {wrong!r}; it must be a number"):
            ja.fit_partly(NET, DATA, CONFIG, seconds=wrong)
        with pytest.raises(ja.TrainConfigError, match=f"steps is {wrong!r}; it must be an integer"):
            ja.fit_partly(NET, DATA, CONFIG, steps=wrong)


def test_a_damaged_checkpoint_is_told(tmp_path: Path) -> None:
    with pytest.raises(ja.CheckpointError, match="holds no checkpoint that can be read"):
        ja.load_checkpoint(tmp_path / "nothing")
    part = ja.fit_partly(NET, DATA, CONFIG, epochs=1)
    folder = ja.save_checkpoint(part.checkpoint, tmp_path / "kept")
    shutil.rmtree(folder / "arrays")
    with pytest.raises(ja.CheckpointError, match="holds no checkpoint that can be read"):
        ja.load_checkpoint(folder)
    (folder / "checkpoint.json").write_text('{"format": "jarch.checkpoint/9"}')
    with pytest.raises(ja.CheckpointError, match=r"format .* is unknown"):
        ja.load_checkpoint(folder)
    (folder / "checkpoint.json").write_text('{"format": "jarch.checkpoint/1"}')
    with pytest.raises(ja.CheckpointError, match="an earlier jarch wrote it; train from the beg"):
        ja.load_checkpoint(folder)


def test_a_checkpoint_is_replaced_and_removed(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    for epochs in (1, 2):
        ja.save_checkpoint(ja.fit_partly(NET, DATA, CONFIG, epochs=epochs).checkpoint, folder)
    assert ja.load_checkpoint(folder).steps == 2 * STEPS
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    lowering.remove_checkpoint(folder)
    lowering.remove_checkpoint(folder)
    assert not list(tmp_path.iterdir())


def small() -> lowering.Checkpoint:
    return lowering.Checkpoint("0a1b", 20, (np.ones(3),), (), None, over=False)


def test_nothing_but_a_checkpoint_is_replaced_or_removed(tmp_path: Path) -> None:
    thesis, file = tmp_path / "thesis.txt", tmp_path / "file"
    for path in (thesis, file):
        path.write_text("years of work")
    (tmp_path / "arrays").mkdir()
    for place in (tmp_path, file):
        with pytest.raises(ja.CheckpointError, match=r"name a(nother| folder of its own)"):
            ja.save_checkpoint(small(), place)
        lowering.remove_checkpoint(place)
    assert thesis.read_text() == file.read_text() == "years of work"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["arrays", "file", "thesis.txt"]
    folder = tmp_path / "kept"
    folder.mkdir()
    ja.save_checkpoint(small(), folder)
    (folder / "notes.txt").write_text("fine")
    with pytest.raises(ja.CheckpointError, match=r"holds arrays, checkpoint.json, notes.txt"):
        ja.save_checkpoint(small(), folder)
    lowering.remove_checkpoint(folder)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_what_is_left_of_a_checkpoint_is_replaced(tmp_path: Path) -> None:
    folder = ja.save_checkpoint(small(), tmp_path / "kept")
    shutil.rmtree(folder / "arrays")
    assert ja.load_checkpoint(ja.save_checkpoint(small(), folder)).steps == 20


@pytest.mark.parametrize("moment", ["mkdir", "write", "replace"])
def test_an_interrupt_waits_until_the_checkpoint_is_there(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A temporary folder would stay, and the threads of orbax would break down."""
    ja.save_checkpoint(small(), tmp_path / "kept")
    owner, name = {
        "mkdir": (tempfile, "mkdtemp"),
        "write": (checkpoint_files, "write_arrays"),
        "replace": (os, "replace"),
    }[moment]
    original = getattr(owner, name)

    def interrupted(*arguments: Any, **named: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return original(*arguments, **named)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(owner, name, interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            ja.save_checkpoint(replace(small(), steps=21), tmp_path / "kept")
    finally:
        signal.signal(signal.SIGINT, before)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert ja.load_checkpoint(tmp_path / "kept").steps == 21


ELSEWHERE = """
import sys
import numpy as np
import jax
import jarch as ja
sys.path.insert(0, sys.argv[2])
from test_resumable_training import CONFIG, DATA, NET
rest = ja.fit_partly(NET, DATA, CONFIG, checkpoint=ja.load_checkpoint(sys.argv[1]))
np.savez(sys.argv[3], *jax.tree.leaves(rest.trained.variables))
"""


@pytest.mark.slow
def test_another_process_goes_on(tmp_path: Path) -> None:
    part = ja.fit_partly(NET, DATA, CONFIG, epochs=2)
    folder = ja.save_checkpoint(part.checkpoint, tmp_path / "kept")
    found = tmp_path / "found.npz"
    here = str(Path(__file__).parent)
    subprocess.run([sys.executable, "-c", ELSEWHERE, str(folder), here, str(found)], check=True)
    whole = jax.tree.leaves(ja.fit(NET, DATA, CONFIG).variables)
    with np.load(found) as arrays:
        assert all(np.array_equal(arrays[f"arr_{i}"], leaf) for i, leaf in enumerate(whole))


SEARCH = """
import os, signal, sys
from pathlib import Path
import jarch as ja

folder, killed_at = Path(sys.argv[1]), int(sys.argv[2])
epochs = 0

def on_epoch(report):
    global epochs
    epochs += 1
    print("epoch", flush=True)
    if epochs == killed_at:
        os.kill(os.getpid(), signal.SIGKILL)

data, config = ja.load_data("digits", limit=150), ja.TrainConfig(epochs=4)
evaluate = ja.TrainingEvaluator(data, config, on_epoch, folder=folder / "checkpoints")

def space():
    width = ja.Discrete([8, 12, 16, 20, 24], name="width")
    return ja.sequential(ja.nn.flatten, ja.nn.dense(width), ja.nn.dense(10))

searcher = ja.make_searcher("asha", ja.trace(space), {"maximum": 4, "eta": 2})
ja.run_search(searcher, evaluate, 7, folder=folder / "run", resume=folder.exists())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no process kills itself like this there")
def test_a_killed_search_trains_again_only_what_it_was_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who moves up a rung goes on from a checkpoint, also from one of another process."""

    def search(folder: str, killed_at: int = 0) -> int:
        command = [sys.executable, "-c", SEARCH, str(tmp_path / folder), str(killed_at)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (ran.returncode == 0) == (killed_at == 0), ran.stderr
        return ran.stdout.count("epoch")

    monkeypatch.setenv(compilation_cache.VARIABLE, str(tmp_path / "cache"))
    whole = search("whole")
    assert search("part", killed_at=5) == 5
    again = search("part")
    runs = [read_run(tmp_path / folder / "run").evaluations for folder in ("whole", "part")]
    compared = [[(e.trial, e.fidelity, e.metrics) for e in run] for run in runs]
    assert compared[0] == compared[1]
    reached = {e.trial: e.fidelity or 0 for e in runs[0]}  # the last of a trial is its highest
    assert whole == sum(reached.values()) < sum(e.fidelity or 0 for e in runs[0])
    assert whole <= 5 + again <= whole + 4
