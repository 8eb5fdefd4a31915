"""Imports Optuna where it is installed."""

from __future__ import annotations

import importlib
from typing import Any

from jarch.search.searcher import SearchError


def import_optuna() -> Any:
    """Return the module.

    Raises:
        SearchError: It is not installed.
    """
    try:
        return importlib.import_module("optuna")
    except ImportError as error:
        raise SearchError("this needs Optuna: pip install 'jarch[optuna]'") from error
