"""All surrogates by name, for whoever chooses one at run time."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, cast

from jarch.option_types import check_options

from .adjacency import AdjacencyEncoder
from .encoder import Encoder
from .joined import JoinedEncoder
from .modules import HashingEncoder
from .ngrams import NgramEncoder
from .numbers import NumberEncoder
from .paths import PathEncoder
from .surrogate import Surrogate, SurrogateError
from .weisfeiler_lehman import WeisfeilerLehmanEncoder

_SURROGATES: Mapping[str, tuple[str, str]] = {
    "ridge": ("gaussian", "RidgeSurrogate"),
    "gp-wl": ("gaussian", "WeisfeilerLehmanProcess"),
    "gp-rbf": ("gaussian", "RbfProcess"),
    "forest": ("forest", "ForestSurrogate"),
    "boosting": ("forest", "BoostingSurrogate"),
    "deep-ensemble": ("networks", "DeepEnsemble"),
    "graph-network": ("networks", "GraphNetwork"),
}
"""For each name the module and the class: a frozen dataclass of options that can `fit`."""

_ENCODERS: Mapping[str, Callable[[], Encoder]] = {
    "adjacency": AdjacencyEncoder,
    "hashing": HashingEncoder,
    "ngram": NgramEncoder,
    "numbers": NumberEncoder,
    "path": PathEncoder,
    "weisfeiler-lehman": WeisfeilerLehmanEncoder,
}
"""The encodings that an option may name, so that options can be written down."""

SURROGATES = tuple(_SURROGATES)
"""The names of all surrogates."""


def make_surrogate(name: str, options: Mapping[str, Any] | None = None) -> Surrogate:
    """Return a surrogate.

    Args:
        name: One of `SURROGATES`.
        options: Its attributes, by name; what is not given is as by default. An encoder may be
            named: adjacency, hashing, ngram, numbers, path or weisfeiler-lehman; several names
            stand for them joined.

    Raises:
        SurrogateError: There is no such surrogate, or its options are wrong.

    Example:
        >>> make_surrogate("gp-wl", {"radii": (1, 2)})
        WeisfeilerLehmanProcess(radii=(1, 2), numbers=(0, 1, 2), selection=500)
    """
    if name not in _SURROGATES:
        raise SurrogateError(f"surrogate {name!r} is none of {', '.join(SURROGATES)}")
    module, attribute = _SURROGATES[name]
    surrogate = getattr(importlib.import_module(f".{module}", __package__), attribute)
    named = {k: _named(k, v) for k, v in (options or {}).items()}
    made: Surrogate = surrogate(
        **check_options(f"surrogate {name}", surrogate, named, SurrogateError)
    )
    return made


def _named(option: str, value: Any) -> Any:
    """Return the value of an option, where it names encoders those.

    Raises:
        SurrogateError: There is no such encoder.
    """
    if option != "encoder":
        return value
    if isinstance(value, (list, tuple)):
        return JoinedEncoder(tuple([_named(option, name) for name in cast("list[Any]", value)]))
    if not isinstance(value, str):
        return value
    if value not in _ENCODERS:
        raise SurrogateError(f"encoder {value!r} is none of {', '.join(_ENCODERS)}")
    return _ENCODERS[value]()
