"""Imports Optuna where it is installed."""

from __future__ import annotations

import importlib
from collections.abc import Generator
from contextlib import contextmanager
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


@contextmanager
def quiet() -> Generator[None, None, None]:
    """Let Optuna tell of nothing but warnings: that a study was made is no news here."""
    logging = import_optuna().logging
    before = logging.get_verbosity()
    logging.set_verbosity(max(before, logging.WARNING))
    try:
        yield
    finally:
        logging.set_verbosity(before)
