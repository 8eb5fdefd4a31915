"""Names of a package that are imported when they are first used (PEP 562)."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping


def lazy_names(
    package: str, namespace: dict[str, object], modules: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the `__getattr__` and the `__dir__` of a package.

    Args:
        package: Its name.
        namespace: Its globals, which keep what was imported.
        modules: Where each name is defined, relative to the package; a module of the package where
            the two are the same.

    Example:
        >>> from jarch import surrogates
        >>> surrogates.ForestSurrogate.__name__, "ForestSurrogate" in dir(surrogates)
        ('ForestSurrogate', True)
    """

    def find(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(f".{modules[name]}", package)
        value: object = module if modules[name] == name else getattr(module, name)
        namespace[name] = value
        return value

    def names() -> list[str]:
        return sorted({*namespace, *modules})

    return find, names
