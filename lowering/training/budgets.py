"""How far a model, or a population, is trained in one call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from sys import maxsize
from time import monotonic
from typing import Literal

from .errors import TrainConfigError

_MOST = 8  # steps between two looks at the clock
_APART = 0.05  # seconds between them, unless one step takes longer


def _never() -> bool:
    return False


@dataclass(slots=True)
class Budget:
    """Where to stop before all is trained. Of one call: it takes note of how long steps take.

    Each look at the clock waits for the device. The first is after the first step, which may
    compile, and the next after one more; from then on there are as many steps between two looks as
    are taken in a twentieth of a second, 1 to 8.

    Attributes:
        steps: Since the very beginning.
        end: By `time.monotonic`; None for no limit.
        interrupted: Says whether to stop whatever is left; see `noticed_interrupts`.
    """

    steps: int = maxsize
    end: float | None = None
    interrupted: Callable[[], bool] = _never
    _next: int | None = None  # after how many steps to look again
    _seen: tuple[int, float] | None = None  # the steps and the time of the last look

    def is_late(self, steps: int, wait: Callable[[], object]) -> bool:
        """Say whether to stop, looking at the clock only now and then; to be asked often.

        Args:
            steps: Taken so far, since the very beginning.
            wait: Waits until the device has done what it was given.
        """
        if self.interrupted():
            return True
        if self.end is None:
            return False
        if self._next is None:
            self._next = steps + 1
        if steps < self._next:
            return False
        wait()
        now = monotonic()
        self._next = steps + self._apart(steps, now)
        self._seen = steps, now
        return now >= self.end

    def is_over(self, wait: Callable[[], object]) -> bool:
        """Say whether to stop, by the time once the device has done what it was given.

        Args:
            wait: Waits for it.
        """
        if self.interrupted():
            return True
        if self.end is None:
            return False
        wait()
        return monotonic() >= self.end

    @property
    def why(self) -> Literal["interrupted", "seconds"]:
        """What it is that ends a training before its steps are over."""
        return "interrupted" if self.interrupted() else "seconds"

    def ahead(self, steps: int) -> int:
        """Return how many steps may be taken at once, before the next look at the clock."""
        return maxsize if self._next is None else self._next - steps

    def _apart(self, steps: int, now: float) -> int:
        """Return how many steps to take before the next look."""
        if self._seen is None:
            return 1
        before, then = self._seen
        a_step = max((now - then) / (steps - before), 1e-9)
        return max(1, min(_MOST, int(_APART / a_step)))


def ending(seconds: float | None) -> float | None:
    """Return when seconds from now are over, by `time.monotonic`; None for no limit.

    Raises:
        TrainConfigError: It is no number, or less than 0.
    """
    check_seconds(seconds)
    return None if seconds is None else monotonic() + seconds


def share(end: float, among: int) -> float:
    """Return when the first of some that follow each other is to stop, so that all have as long."""
    now = monotonic()
    return now + max(0.0, end - now) / among


def check_seconds(seconds: float | None) -> None:
    """Require a number of seconds, or None.

    Raises:
        TrainConfigError: It is none, or less than 0.
    """
    if seconds is not None and not (isinstance(seconds, Real) and seconds >= 0):
        raise TrainConfigError(
            f"seconds is {seconds!r}; it must be a number, 0 or more, or None for no limit"
        )


def check_limits(epochs: int | None, steps: int | None, most_epochs: int, most_steps: int) -> None:
    """Require that epochs and steps, where they are not None, are some of those that there are.

    Raises:
        TrainConfigError: One is no such number.
    """
    for name, value, most in (("epochs", epochs, most_epochs), ("steps", steps, most_steps)):
        if value is not None and not (isinstance(value, Integral) and 1 <= value <= most):
            raise TrainConfigError(
                f"{name} is {value!r}; it must be an integer in 1 to {most}, all that the "
                "configuration has: raise its epochs"
            )
