"""Which properties go without saying: those at the default of their constructor in `jarch.nn`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache

from jarch import nn

from .views import ModuleView, PropertyView


def goes_without_saying(module: ModuleView, item: PropertyView) -> bool:
    """Say whether a property is a constant and what it is when nobody says otherwise."""
    if module.operation is None or item.hyperparameter is not None:
        return False
    usual = _defaults(module.operation).get(item.name, inspect.Parameter.empty)
    return type(usual) is type(item.value) and usual == item.value


@cache
def _defaults(operation: str) -> Mapping[str, object]:
    constructor = getattr(nn, operation, None) if operation.isidentifier() else None
    if not inspect.isfunction(constructor):
        return {}
    return {name: p.default for name, p in inspect.signature(constructor).parameters.items()}
