"""Interrupts reach the search wherever Python happens to be when they come."""

import gc
import signal
import sys
import threading
from collections.abc import Callable

import pytest

from jarch.cli.interrupts import lasting_interrupts


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
