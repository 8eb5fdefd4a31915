"""What importing takes, in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from .measure import Pair, time_in_turn, warm


def compare_imports() -> Pair:
    """Time a process that imports jarch against one that imports JAX, from start to end."""
    ours, jax = importing("jarch"), importing("jax")
    for run in (ours, jax):  # compiles the modules to byte code, and fills the disk's cache
        run()
    return time_in_turn(warm(ours), warm(jax), rounds=7)


def importing(module: str) -> Callable[[], object]:
    """Return a run of a new process that imports a module and ends."""
    command = [sys.executable, "-c", f"import {module}"]
    return lambda: subprocess.run(command, check=True)
