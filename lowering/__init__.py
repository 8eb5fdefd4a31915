"""From an architecture to a program that runs: Flax models, their training, their checkpoints.

The names below are loaded on first use, so that importing jarch does not import JAX. A name is
public here when it stands both in the block for type checkers and in the table.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .errors import LoweringError as LoweringError
    from .flax_module import ArchitectureModule as ArchitectureModule
    from .initialization import initial_variables as initial_variables
    from .model import Model as Model, lower as lower

_MODULES: Mapping[str, str] = {
    "ArchitectureModule": "flax_module",
    "LoweringError": "errors",
    "Model": "model",
    "initial_variables": "initialization",
    "lower": "model",
}
"""Where each name is defined, relative to this package."""

if not TYPE_CHECKING:  # checkers see the names above, and so find misspelt ones

    def __getattr__(name: str) -> object:
        """Import the module that defines `name`, and keep what it gave."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """List what is loaded, and what can be."""
        return sorted({*globals(), *_MODULES})
