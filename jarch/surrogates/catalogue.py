"""All surrogates by name, for whoever chooses one at run time."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from .surrogate import Surrogate, SurrogateError

_SURROGATES: Mapping[str, tuple[str, str]] = {
    "ridge": ("gaussian", "RidgeSurrogate"),
    "gp-wl": ("gaussian", "WeisfeilerLehmanProcess"),
    "gp-rbf": ("gaussian", "RbfProcess"),
    "forest": ("forest", "ForestSurrogate"),
    "boosting": ("forest", "BoostingSurrogate"),
}
"""For each name the module and the class: a frozen dataclass of options that can `fit`."""

SURROGATES = tuple(_SURROGATES)
"""The names of all surrogates."""


def make_surrogate(name: str, options: Mapping[str, Any] | None = None) -> Surrogate:
    """Return a surrogate.

    Args:
        name: One of `SURROGATES`.
        options: Its attributes, by name; what is not given is as by default.

    Raises:
        SurrogateError: There is no such surrogate, or its options are wrong.

    Example:
        >>> make_surrogate("gp-wl", {"radii": (1, 2)})
        WeisfeilerLehmanProcess(radii=(1, 2), selection=500)
    """
    if name not in _SURROGATES:
        raise SurrogateError(f"surrogate {name!r} is none of {', '.join(SURROGATES)}")
    module, attribute = _SURROGATES[name]
    surrogate = getattr(importlib.import_module(f".{module}", __package__), attribute)
    fields: Mapping[str, Any] = getattr(surrogate, "__dataclass_fields__")  # noqa: B009
    unknown = sorted(set(options or {}) - set(fields))
    if unknown:
        raise SurrogateError(
            f"surrogate {name} has no option {', '.join(unknown)}; it has {', '.join(fields)}"
        )
    made: Surrogate = surrogate(**(options or {}))
    return made
