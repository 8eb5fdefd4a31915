"""A search written into a storage of Optuna, so that its dashboard shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from jarch.ir import Space
from jarch.runs import Evaluation
from jarch.search.multi_objective.objectives import Scores, check_objectives, scores_of
from jarch.search.objective import Objective
from jarch.search.searcher import FidelitySearcher, Searcher

from .optional import import_optuna
from .studies import open_storage, open_study
from .trials import WRITTEN, attributes, identity, new_trial


class _Reached(NamedTuple):
    """How far a trial of the search has come: its trial of Optuna, the fidelity, the scores."""

    place: int
    fidelity: int
    scores: Scores


@dataclass(slots=True)
class StudyRecorder:
    """Writes each evaluation into a study of Optuna; call it with one, or give it to a search.

    A trial has the decisions as parameters, the objectives as values, and index, fingerprint, seed
    and all metrics as attributes; a failure has its reason. What the study holds already is not
    written again, so that a search that is resumed goes on with its study; another search adds its
    own.

    The evaluations of one candidate at several fidelities are one trial. With one objective its
    scores are intermediate values, the fidelities their steps. It runs until it is known what
    becomes of it: complete at the highest fidelity, else pruned. With `searcher` that is known as
    soon as the searcher is done with it; the rest is when `finish` is called, or a `with` block
    with the recorder ends. A trial that goes on after that is written as another.

    Args:
        space: Of the search.
        objectives: Of the study, the first of which is the primary one.
        storage: What Optuna takes: a URL such as `sqlite:///studies.db`, or a storage of Optuna.
        study_name: Of the study; it is made where there is none.
        searcher: Of the search, where it evaluates at several fidelities, one after the other.
        search: The name of the search among those of the study. Without, two searches that have
            an equal evaluation at the same index share it.

    Raises:
        SearchError: Optuna is not installed, or it cannot open the storage, or the study there has
            other objectives.

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
    searcher: Searcher | None = field(default=None, kw_only=True)
    search: str = field(default="", kw_only=True)
    study: Any = field(init=False)
    _places: dict[str, int] = field(init=False, repr=False)  # trials of Optuna by identities
    _reached: dict[int, _Reached] = field(init=False, repr=False)  # by trial of the search
    _open: set[int] = field(init=False, repr=False)  # those of them that may go on

    def __post_init__(self) -> None:
        """Make the study, or find it."""
        self.objectives = check_objectives(self.objectives)
        self.storage = open_storage(self.storage)
        self.study = open_study(self.storage, self.study_name, self.objectives)
        trials = self.study.get_trials(deepcopy=False)
        self._places = {one: t._trial_id for t in trials for one in t.user_attrs.get(WRITTEN, ())}
        self._reached, self._open = {}, set()

    def __enter__(self) -> Self:
        """Return the recorder, which the end of the block finishes."""
        return self

    def __exit__(self, *_: object) -> None:
        """Finish."""
        self.finish()

    def __call__(self, evaluation: Evaluation, best: bool = False) -> None:
        """Write one evaluation; `best` plays no part, and is what a search tells besides."""
        known = self._places.get(identity(self.search, evaluation))
        ok = evaluation.status == "ok"
        scores = scores_of(self.objectives, evaluation.metrics) if ok else None
        if evaluation.trial is None or evaluation.fidelity is None:
            if known is None:
                self._add(evaluation, "FAIL" if scores is None else "COMPLETE", scores)
            return
        place = self._advance(evaluation, scores) if known is None else known
        self._open.add(evaluation.trial)
        if scores is None:
            self._end(evaluation.trial, place, "FAIL", None)
            return
        self._reached[evaluation.trial] = _Reached(place, evaluation.fidelity, scores)
        self._settle()

    def finish(self) -> None:
        """End the trials that run, once the search goes on with none of them.

        Those at the highest fidelity that was reached are complete, all others pruned.
        """
        highest = max((one.fidelity for one in self._reached.values()), default=0)
        self._end_all(self._open, highest)

    def _settle(self) -> None:
        """End the trials with which the searcher is done."""
        if isinstance(self.searcher, FidelitySearcher):
            highest = self.searcher.options().get("maximum")
            top = {n for n in self._open if self._reached[n].fidelity == highest}
            self._end_all(top | (self._open - set(self.searcher.ongoing())), highest)

    def _end_all(self, numbers: Iterable[int], highest: int | None) -> None:
        for number in sorted(numbers):
            place, fidelity, scores = self._reached[number]
            complete = fidelity == highest
            # Of one that is pruned Optuna keeps the last score, where there is one objective.
            values = scores if complete or len(scores) == 1 else None
            self._end(number, place, "COMPLETE" if complete else "PRUNED", values)

    def _end(self, number: int, place: int, state: str, values: Scores | None) -> None:
        self._open.discard(number)
        if not self.storage.get_trial(place).state.is_finished():
            chosen = import_optuna().trial.TrialState[state]
            self.storage.set_trial_state_values(place, chosen, values)

    def _advance(self, evaluation: Evaluation, scores: Scores | None) -> int:
        """Write an evaluation into the trial that it is of; return that."""
        assert evaluation.trial is not None
        assert evaluation.fidelity is not None
        told: dict[int, float] = {}
        if scores is not None and len(self.objectives) == 1:  # of several Optuna reports none
            told[evaluation.fidelity] = scores[0]
        before = self._reached.get(evaluation.trial)
        if before is None:
            return self._add(evaluation, "RUNNING", None, told)
        trial: Any = self.storage.get_trial(before.place)
        found = attributes(self.search, evaluation, trial.user_attrs)
        if trial.state.is_finished():
            reported = {**trial.intermediate_values, **told}
            return self._add(evaluation, "RUNNING", None, reported, found)
        for fidelity, score in told.items():
            self.storage.set_trial_intermediate_value(before.place, fidelity, score)
        for name, value in found.items():  # that it is written comes last: a crash leaves it to be
            self.storage.set_trial_user_attr(before.place, name, value)
        self._places[identity(self.search, evaluation)] = before.place
        return before.place

    def _add(
        self,
        evaluation: Evaluation,
        state: str,
        scores: Scores | None,
        told: Mapping[int, float] | None = None,
        found: Mapping[str, Any] | None = None,
    ) -> int:
        """Write a new trial, with scores by fidelity and attributes; return its place."""
        found = attributes(self.search, evaluation, {}) if found is None else found
        trial = new_trial(self.space, evaluation, self._fits, state, scores, found, told or {})
        study = self.storage.get_study_id_from_name(self.study.study_name)
        place = int(self.storage.create_new_trial(study, template_trial=trial))
        self._places.update(dict.fromkeys(found[WRITTEN], place))
        return place

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
    *,
    search: str = "",
) -> Any:
    """Write evaluations, as of a run that has ended, into a study of Optuna, and return that.

    Args:
        evaluations: In the order of the search.
        space: Of the search.
        objectives: Of the study.
        storage: What Optuna takes: a URL such as `sqlite:///studies.db`, or a storage of Optuna.
        study_name: Of the study; it is made where there is none.
        search: The name of the search among those of the study; see `StudyRecorder`.

    Raises:
        SearchError: Optuna is not installed, or it cannot open the storage, or the study there has
            other objectives.

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
    with StudyRecorder(space, objectives, storage, study_name, search=search) as recorder:
        for evaluation in evaluations:
            recorder(evaluation)
    return recorder.study
