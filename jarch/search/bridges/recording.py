"""A search written into a storage of Optuna, so that its dashboard shows it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from jarch.ir import Space
from jarch.runs import Evaluation
from jarch.search.multi_objective.objectives import check_objectives, scores_of
from jarch.search.objective import Objective

from .optional import import_optuna, quiet
from .parameters import express_architecture


@dataclass(slots=True)
class StudyRecorder:
    """Writes each evaluation into a study of Optuna; call it with one, or give it to a search.

    A trial has the decisions as parameters, the objectives as values, and index, fingerprint, seed,
    fidelity and all metrics as attributes; a failure has its reason. What the study holds already
    is not written again, so that a search that is resumed goes on with its study.

    Args:
        space: Of the search.
        objectives: Of the study, the first of which is the primary one.
        storage: What Optuna takes: a URL such as `sqlite:///studies.db`, or a storage of Optuna.
        study_name: Of the study; it is made where there is none.

    Raises:
        SearchError: Optuna is not installed.

    Example:
        >>> import jarch as ja
        >>> from jarch.search.bridges import StudyRecorder
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> record = StudyRecorder(space, (ja.Objective("size", maximize=False),), study_name="s")
        >>> def evaluate(architecture, seed):
        ...     return {"size": ja.analyze(architecture, {"in": (8, 8, 1)}).parameters}
        >>> found = ja.run_search(
        ...     ja.RandomSearcher(space), evaluate, 5, objective="size", maximize=False,
        ...     on_evaluation=record,
        ... )
        >>> record.study.best_value == found.best.metrics["size"]
        True
    """

    space: Space
    objectives: Sequence[Objective] = (Objective(),)
    storage: Any = None
    study_name: str | None = None
    study: Any = field(init=False)
    _known: set[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the study, or find it."""
        optuna = import_optuna()
        self.objectives = check_objectives(self.objectives)
        with quiet():
            self.study = optuna.create_study(
                storage=self.storage,
                study_name=self.study_name,
                directions=["maximize" if o.maximize else "minimize" for o in self.objectives],
                load_if_exists=True,
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that names of metrics are experimental
            self.study.set_metric_names([objective.name for objective in self.objectives])
        trials = self.study.get_trials(deepcopy=False)
        self._known = {t.user_attrs["index"] for t in trials if "index" in t.user_attrs}

    def __call__(self, evaluation: Evaluation, best: bool = False) -> None:
        """Write one evaluation; `best` plays no part, and is what a search tells besides."""
        if evaluation.index in self._known:
            return
        self._known.add(evaluation.index)
        self.study.add_trial(self._trial(evaluation))

    def _trial(self, evaluation: Evaluation) -> Any:
        optuna = import_optuna()
        scores = (
            scores_of(self.objectives, evaluation.metrics) if evaluation.status == "ok" else None
        )
        _, found = express_architecture(self.space, dict(evaluation.decisions))
        names = [key if self._fits(key, d) else f"{key} in {d}" for key, d, _ in found]
        named = list(zip(names, found, strict=True))
        complete = optuna.trial.TrialState.COMPLETE
        trial = optuna.trial.create_trial(
            state=complete if scores is not None else optuna.trial.TrialState.FAIL,
            values=None if scores is None else list(scores),
            params={name: value for name, (_, _, value) in named},
            distributions={name: distribution for name, (_, distribution, _) in named},
            user_attrs=_attributes(evaluation),
        )
        trial.datetime_complete = datetime.now()
        trial.datetime_start = trial.datetime_complete - timedelta(seconds=evaluation.seconds)
        return trial

    def _fits(self, key: str, distribution: Any) -> bool:
        """Say whether the study knows no other distribution by this name."""
        check = import_optuna().distributions.check_distribution_compatibility
        for trial in self.study.get_trials(deepcopy=False):
            if key in trial.distributions:
                try:
                    check(trial.distributions[key], distribution)
                except ValueError:
                    return False
                return True
        return True


def record_evaluations(
    evaluations: Iterable[Evaluation],
    space: Space,
    objectives: Sequence[Objective] = (Objective(),),
    storage: Any = None,
    study_name: str | None = None,
) -> Any:
    """Write evaluations, as of a run that has ended, into a study of Optuna, and return that.

    Args:
        evaluations: In the order of the search.
        space: Of the search.
        objectives: Of the study.
        storage: What Optuna takes: a URL such as `sqlite:///studies.db`, or a storage of Optuna.
        study_name: Of the study; it is made where there is none.

    Raises:
        SearchError: Optuna is not installed.

    Example:
        >>> import jarch as ja
        >>> from jarch.search.bridges import record_evaluations
        >>> def size(architecture, seed):
        ...     return {"size": ja.analyze(architecture, {"in": (8, 8, 1)}).parameters}
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> found = ja.random_search(space, size, 5, objective="size", maximize=False)
        >>> objectives = (ja.Objective("size", maximize=False),)
        >>> study = record_evaluations(found.evaluations, space, objectives)
        >>> study.best_params == dict(found.best.decisions)
        True
    """
    recorder = StudyRecorder(space, objectives, storage, study_name)
    for evaluation in evaluations:
        recorder(evaluation)
    return recorder.study


def _attributes(evaluation: Evaluation) -> dict[str, Any]:
    found: dict[str, Any] = {
        "index": evaluation.index,
        "fingerprint": evaluation.fingerprint,
        "seed": evaluation.seed,
        "status": evaluation.status,
        "reason": evaluation.reason,
        "fidelity": evaluation.fidelity,
        "trial": evaluation.trial,
    }
    kept = {name: value for name, value in found.items() if value not in (None, "")}
    return kept | dict(evaluation.metrics)
