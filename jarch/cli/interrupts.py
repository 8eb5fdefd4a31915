"""Interrupts that cannot get lost.

Python raises `KeyboardInterrupt` wherever it happens to be. Inside a finaliser, or a callback of
the garbage collector such as JAX has, an exception goes nowhere: the program would run on.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

from jarch.lowering.training.interrupts import raising_handlers


@contextmanager
def lasting_interrupts() -> Generator[Callable[[], None]]:
    """Remember an interrupt while the block runs; yield what raises it again, to be called often.

    An interrupt raises at once, as ever. Where that goes nowhere nothing is printed, and the next
    call of what was yielded raises it. Where the process ignores interrupts, as jobs in the
    background do, or handles them itself, this changes nothing.

    Example:
        >>> with lasting_interrupts() as raise_again:
        ...     raise_again()
    """
    came = False

    def remember(signal_number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True
        raise KeyboardInterrupt

    def raise_again() -> None:
        if came:
            raise KeyboardInterrupt

    def report(unraisable: sys.UnraisableHookArgs) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            report_before(unraisable)

    as_ever = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not as_ever or threading.current_thread() is not threading.main_thread():
        yield raise_again
        return
    report_before, sys.unraisablehook = sys.unraisablehook, report
    signal.signal(signal.SIGINT, remember)
    raising_handlers.add(remember)
    try:
        yield raise_again
    finally:
        raising_handlers.remove(remember)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.unraisablehook = report_before
