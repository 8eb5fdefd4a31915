"""A search that is also written into a storage of Optuna."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jarch.ir import Space, SpaceError
from jarch.search import Objective, Searcher
from jarch.search.bridges import StudyRecorder


def study_recorder(
    storage: str | None,
    study: str | None,
    folder: Path,
    space: Space,
    searcher: Searcher,
    objectives: Sequence[Objective],
) -> StudyRecorder | None:
    """Return what writes evaluations into a study; None where no storage is given.

    Args:
        storage: Its URL.
        study: Its name; by default that of the run folder.
        folder: Of the run, by whose place the search is known in the study.
        space: Of the search.
        searcher: Of the search.
        objectives: Of the study, the first of which is the primary one.

    Raises:
        SpaceError: There is a study but no storage, Optuna is not installed, it cannot open the
            storage, or the study is for other objectives.
    """
    if storage is None and study is not None:
        raise SpaceError("--optuna-study needs --optuna-storage, such as sqlite:///studies.db")
    if storage is None:
        return None
    place = folder.absolute()
    return StudyRecorder(
        space, objectives, storage, study or place.name, searcher=searcher, search=str(place)
    )
