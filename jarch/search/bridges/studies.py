"""Storages of Optuna, and the studies in them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from jarch.search.objective import Objective
from jarch.search.searcher import SearchError

from .optional import import_optuna, quiet


def open_storage(given: Any) -> Any:
    """Return the storage of a URL, or a new one in memory for None; any other as it is.

    Raises:
        SearchError: Optuna cannot open it.
    """
    storages = import_optuna().storages
    if given is None:
        return storages.InMemoryStorage()
    if not isinstance(given, str):
        return given
    try:
        with quiet():
            return storages.RDBStorage(given)
    except Exception as error:  # of SQLAlchemy, of a driver, of the database
        raise SearchError(
            f"Optuna cannot open the storage {given!r}; give a URL such as sqlite:///studies.db: "
            f"{error}"
        ) from error


def open_study(storage: Any, name: str | None, objectives: Sequence[Objective]) -> Any:
    """Return the study of a name, and make it where there is none.

    Raises:
        SearchError: There is one for other objectives.
    """
    directions = ["maximize" if objective.maximize else "minimize" for objective in objectives]
    names = [objective.name for objective in objectives]
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that names of metrics are experimental
        study = import_optuna().create_study(
            storage=storage, study_name=name, directions=directions, load_if_exists=True
        )
        _check_study(study, directions, names)
        study.set_metric_names(names)
    return study


def _check_study(study: Any, directions: list[str], names: list[str]) -> None:
    known = [direction.name.lower() for direction in study.directions]
    named = study.metric_names or (names if len(known) == len(names) else known)
    if (known, named) != (directions, names):
        before, now = (
            ", ".join(f"{direction} {name}" for direction, name in zip(*pair, strict=True))
            for pair in ((known, named), (directions, names))
        )
        raise SearchError(
            f"Optuna's study {study.study_name!r} is to {before}, not to {now}; name another study"
        )
