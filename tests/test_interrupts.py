"""Interrupts reach the search wherever Python is when they come, and nothing trained is lost."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (the annotations of JAX are partial)

import gc
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.cli.interrupts import lasting_interrupts
from jarch.lowering.training.budgets import Budget
from jarch.lowering.training.interrupts import noticed_interrupts


@pytest.fixture(autouse=True)
def as_in_the_foreground() -> object:
    """Jobs in the background ignore interrupts: handle them as a program in the foreground."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def in_the_garbage_collector(act: Callable[[], object]) -> None:
    """Call `act` where its exceptions go nowhere."""

    def callback(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            act()

    gc.callbacks.append(callback)
    try:
        gc.collect()
    finally:
        gc.callbacks.remove(callback)


def test_an_interrupt_raises_at_once() -> None:
    with lasting_interrupts(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_that_goes_nowhere_raises_again(capsys: pytest.CaptureFixture[str]) -> None:
    hook = sys.unraisablehook
    with lasting_interrupts() as raise_again:
        raise_again()
        in_the_garbage_collector(lambda: signal.raise_signal(signal.SIGINT))
        assert capsys.readouterr().err == ""
        with pytest.raises(KeyboardInterrupt):
            raise_again()
    assert sys.unraisablehook is hook


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_other_errors_that_go_nowhere_are_reported_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reported: list[type[BaseException]] = []

    def report(unraisable: "sys.UnraisableHookArgs") -> None:
        reported.append(unraisable.exc_type)

    monkeypatch.setattr(sys, "unraisablehook", report)
    with lasting_interrupts():
        in_the_garbage_collector(lambda: 1 // 0)
    assert reported == [ZeroDivisionError]


def test_handlers_of_others_stay() -> None:
    came: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    with lasting_interrupts() as raise_again:
        signal.raise_signal(signal.SIGINT)
        raise_again()
    assert came == [signal.SIGINT]
    signal.signal(signal.SIGINT, handler)


def test_threads_may_search_too() -> None:
    done: list[bool] = []

    def search() -> None:
        with lasting_interrupts() as raise_again:
            raise_again()
            done.append(True)

    thread = threading.Thread(target=search)
    thread.start()
    thread.join()
    assert done == [True]


def test_an_interrupt_is_noticed_and_a_second_one_raises() -> None:
    with noticed_interrupts() as interrupted:
        assert not interrupted()
        signal.raise_signal(signal.SIGINT)
        assert interrupted()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_does_not_hide_an_interrupt() -> None:
    def fail_after_an_interrupt() -> None:
        with noticed_interrupts():
            signal.raise_signal(signal.SIGINT)
            raise ValueError("of a candidate")

    with pytest.raises(KeyboardInterrupt):
        fail_after_an_interrupt()


def test_a_handler_that_does_more_than_raise_is_left_alone() -> None:
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    with noticed_interrupts() as interrupted:
        signal.raise_signal(signal.SIGINT)
        assert came
        assert not interrupted()


def test_interrupts_that_last_are_noticed_too() -> None:
    with lasting_interrupts(), noticed_interrupts() as interrupted:
        signal.raise_signal(signal.SIGINT)
        assert interrupted()


DATA = ja.load_data("digits", limit=200)
CONFIG = ja.TrainConfig(epochs=4, batch_size=32, optimizer="sgd", learning_rate=0.1)


def net(width: int = 8) -> ja.Architecture:
    pieces = nn.flatten, nn.dense(width), nn.relu, nn.dense(10)
    return ja.replay(ja.trace(lambda: ja.sequential(*pieces)), [])


def interrupt_after(epoch: int) -> Callable[..., None]:
    """Return what interrupts the process, as from the keyboard, when it is told of an epoch."""

    def on_epoch(*told: object) -> None:
        if told[-1].epoch == epoch and told[0] in (0, told[-1]):  # type: ignore[attr-defined]
            signal.raise_signal(signal.SIGINT)

    return on_epoch


def weights(trained: ja.Trained) -> np.ndarray[Any, Any]:
    return np.concatenate([np.ravel(each) for each in jax.tree.leaves(trained.variables)])


@pytest.mark.parametrize("train", [ja.fit, ja.fit_partly])
def test_an_interrupted_training_goes_on_to_the_same_result(train: Callable[..., object]) -> None:
    with pytest.raises(ja.TrainingInterrupted) as caught:
        train(net(), DATA, CONFIG, on_epoch=interrupt_after(2))
    (part,) = caught.value.parts
    assert part.ended == "interrupted"
    assert len(part.trained.history) == 2
    rest = ja.fit_partly(net(), DATA, CONFIG, checkpoint=part.checkpoint)
    np.testing.assert_array_equal(weights(rest.trained), weights(ja.fit(net(), DATA, CONFIG)))


def test_an_interrupt_is_raised_where_the_training_has_failed_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original, steps = Budget.is_late, list[int]()

    def interrupted(budget: Budget, taken: int, wait: Callable[[], object]) -> bool:
        steps.append(taken)
        if taken == 3:  # within an epoch, after which no loss is finite
            signal.raise_signal(signal.SIGINT)
        return original(budget, taken, wait)

    monkeypatch.setattr(Budget, "is_late", interrupted)
    bold = replace(CONFIG, learning_rate=1e30)
    with pytest.raises(KeyboardInterrupt) as caught:
        ja.fit(net(), DATA, bold)
    assert not isinstance(caught.value, ja.TrainingInterrupted)
    assert steps[-1] == 3


def test_an_interrupted_population_tells_of_those_that_had_ended() -> None:
    on_epoch = interrupt_after(4)  # of the first
    with pytest.raises(ja.TrainingInterrupted) as caught:
        ja.fit_population(net(), DATA, CONFIG, seeds=range(3), executor="serial", on_epoch=on_epoch)
    first, *others = caught.value.parts
    assert len(first.history) == 4
    assert others == [None, None]


@pytest.mark.parametrize("executor", ["serial", "vmap"])
def test_an_interrupted_part_of_a_population_goes_on(executor: Any) -> None:
    configs = [replace(CONFIG, seed=seed) for seed in range(3)]
    with pytest.raises(ja.TrainingInterrupted) as caught:
        ja.fit_population_partly(
            net(), DATA, configs, executor=executor, on_epoch=interrupt_after(1)
        )
    parts = caught.value.parts
    expected = [1, 1, 1] if executor == "vmap" else [1, None, None]
    assert [part and len(part.trained.history) for part in parts] == expected
    checkpoints = [part and part.checkpoint for part in parts]
    rest = ja.fit_population_partly(
        net(), DATA, configs, executor=executor, checkpoints=checkpoints
    )
    whole = ja.fit_population(net(), DATA, configs, executor=executor)
    for one, other in zip(rest, whole, strict=True):
        assert isinstance(one, ja.lowering.Partial)
        assert isinstance(other, ja.Trained)
        np.testing.assert_allclose(weights(one.trained), weights(other), atol=1e-5)
