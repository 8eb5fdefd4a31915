"""Arrays in a folder, by orbax, written and read to the end whatever interrupts come.

Orbax works in threads of its own, which break down, each with a traceback, when an interrupt ends
the process beneath them.
"""

# pyright: reportUnknownMemberType=false
# (the annotations of orbax are partial)

from __future__ import annotations

from pathlib import Path
from typing import Any

import orbax.checkpoint as ocp

from .interrupts import to_the_end


def write_arrays(place: Path, arrays: Any) -> None:
    """Write nested dicts of arrays to a folder that is not there yet."""

    def work() -> None:
        checkpointer: Any = ocp.StandardCheckpointer()
        with checkpointer:
            checkpointer.save(place, arrays)

    to_the_end(work)


def read_arrays(place: Path, like: Any) -> Any:
    """Return the arrays in a folder.

    Args:
        place: What `write_arrays` wrote.
        like: The same dicts, with arrays of the same shapes and types.

    Raises:
        OSError: There are none, or they cannot be read.
        ValueError: They are not like that.
    """

    def work() -> Any:
        checkpointer: Any = ocp.StandardCheckpointer()
        with checkpointer:
            return checkpointer.restore(place, like)

    return to_the_end(work)
