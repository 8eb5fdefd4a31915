"""Keyboard interrupts that wait: for the end of what must not be cut off, or for the next step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

T = TypeVar("T")

raising_handlers: set[object] = {signal.default_int_handler}
"""Handlers of interrupts that do nothing but raise: only these may be kept waiting."""


def to_the_end(work: Callable[[], T]) -> T:
    """Return what `work` does; an interrupt meanwhile is handled when it is done.

    Only the main thread is interrupted. Where the process handles interrupts in no way of Python's,
    this changes nothing.
    """
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler) or not _in_main_thread():
        return work()
    came: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: came.append((number, frame)))
    try:
        return work()
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            handler(*came[0])


@contextmanager
def noticed_interrupts() -> Generator[Callable[[], bool]]:
    """Take note of an interrupt instead of raising it; a second one is raised at once.

    What is yielded says whether one came. Whoever is in the context ends its work then, and raises
    what says so once it has left; only where an error leaves the context is the interrupt raised
    here. In threads other than the main one, and where the process handles interrupts in another
    way than by raising, none is noticed.

    Example:
        >>> import signal
        >>> with noticed_interrupts() as interrupted:
        ...     for step in range(10):
        ...         if step == 3:
        ...             signal.raise_signal(signal.SIGINT)
        ...         if interrupted():
        ...             break
        >>> step
        3
    """
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or before not in raising_handlers or not _in_main_thread():
        yield lambda: False
        return
    came: list[FrameType | None] = []

    def notice(number: int, frame: FrameType | None) -> None:
        if came:
            before(number, frame)
        came.append(frame)

    signal.signal(signal.SIGINT, notice)
    try:
        yield lambda: bool(came)
    except Exception:
        if came:
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.signal(signal.SIGINT, before)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
