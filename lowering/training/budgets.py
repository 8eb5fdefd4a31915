"""How far a model, or a population, is trained in one call."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from sys import maxsize

LOOK = 8
"""Steps between looks at the clock, each of which waits for the device."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Where to stop before all is trained.

    Attributes:
        steps: Since the very beginning.
        end: By `time.monotonic`; None for no limit.
    """

    steps: int = maxsize
    end: float | None = None

    def is_over(self, wait: Callable[[], object]) -> bool:
        """Say whether the time is over once the device has done what it was given.

        Args:
            wait: Waits for it.
        """
        if self.end is None:
            return False
        wait()
        return time.monotonic() >= self.end


UNLIMITED = Budget()
