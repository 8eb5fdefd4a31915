"""Searches as studies that Optuna reads back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import jarch as ja
from jarch import nn
from jarch.runs import Evaluation
from jarch.search import (
    FidelitySearcher,
    Objective,
    RandomSearcher,
    Searcher,
    SearchError,
    SearchResult,
    WithFidelity,
    make_searcher,
    run_search,
)
from jarch.search.bridges import (
    StudyRecorder,
    record_evaluations,
)

from .optuna_searches import LOSS, SIZE, mixed, score

optuna = pytest.importorskip("optuna")

pytestmark = pytest.mark.unverified  # the transitions are verified elsewhere


def storages(folder: Path) -> dict[str, Any]:
    journal = optuna.storages.journal.JournalFileBackend(str(folder / "journal.log"))
    return {
        "memory": optuna.storages.InMemoryStorage(),
        "journal": optuna.storages.JournalStorage(journal),
        "sqlite": f"sqlite:///{folder / 'study.db'}",
    }


@pytest.mark.parametrize("kind", ["memory", "journal", "sqlite"])
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_running_search_can_be_read_by_optuna(kind: str, tmp_path: Path) -> None:
    storage, space = storages(tmp_path)[kind], ja.trace(mixed)

    def evaluate(architecture: ja.Architecture, seed: int) -> dict[str, float]:
        if dict(architecture.decisions)["bias"]:
            raise ValueError("no bias here")
        return score(architecture)

    record = StudyRecorder(space, (LOSS, SIZE), storage, "mixed")
    found = run_search(
        RandomSearcher(space),
        evaluate,
        12,
        objective="loss",
        maximize=False,
        on_evaluation=record,
    )
    study = optuna.load_study(study_name="mixed", storage=storage)
    assert [d.name for d in study.directions] == ["MINIMIZE", "MINIMIZE"]
    assert study.metric_names == ["loss", "size"]
    assert len(study.trials) == 12
    for trial, evaluation in zip(study.trials, found.evaluations, strict=True):
        assert trial.user_attrs["fingerprint"] == evaluation.fingerprint
        decisions = dict(evaluation.decisions)
        assert trial.params["units"] == decisions["units"]
        assert trial.params["rate"] == pytest.approx(decisions["rate"])
        if evaluation.status == "ok":
            assert trial.values == [evaluation.metrics["loss"], evaluation.metrics["size"]]
        else:
            assert trial.state.name == "FAIL"
            assert "no bias here" in trial.user_attrs["reason"]
    again = record_evaluations(found.evaluations, space, (LOSS, SIZE), storage, "mixed")
    assert len(again.trials) == 12  # what is there is not written twice


def one_width() -> ja.Space:
    return ja.trace(lambda: nn.dense(ja.Integer(1, 1000, name="units")))


def longer_is_worse(architecture: ja.Architecture, seed: int, fidelity: int) -> dict[str, float]:
    units = float(architecture.values[0])  # type: ignore[arg-type]
    return {"loss": units * (5 if fidelity == 9 else 1), "size": units}


def search_at_fidelities(
    name: str, number: int, record: Any = None, **options: Any
) -> tuple[Searcher, SearchResult]:
    searcher = make_searcher(name, one_width(), {"maximum": 9}, **options)
    recorder = record(searcher) if record else None
    found = run_search(
        searcher,
        WithFidelity(longer_is_worse, full=9),
        number,
        objective="loss",
        maximize=False,
        on_evaluation=recorder,
    )
    return searcher, found


def summary(study: Any) -> list[tuple[Any, ...]]:
    trials = study.get_trials()
    return [(t.params, t.state.name, t.values, t.intermediate_values, t.user_attrs) for t in trials]


def test_a_study_holds_each_evaluation_of_each_search_once() -> None:
    space, storage = ja.trace(mixed), optuna.storages.InMemoryStorage()

    def run(seed: int, name: str, search: str = "") -> SearchResult:
        record = StudyRecorder(space, (LOSS,), storage, name, search=search)
        return run_search(
            RandomSearcher(space),
            score,
            6,
            seed,
            objective="loss",
            maximize=False,
            on_evaluation=record,
        )

    def number(name: str) -> int:
        return len(optuna.load_study(study_name=name, storage=storage).trials)

    found = [run(seed, "without names") for seed in (0, 1)]
    assert number("without names") == 12
    for result in found:
        record_evaluations(result.evaluations, space, (LOSS,), storage, "without names")
    assert number("without names") == 12
    for search in ("first", "second", "first"):
        run(0, "with names", search)
    assert number("with names") == 12


@pytest.mark.parametrize("kind", ["memory", "journal", "sqlite"])
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_several_fidelities_are_one_trial(kind: str, tmp_path: Path) -> None:
    """Complete are those at the highest fidelity, as soon as they are there; others are pruned."""
    storage = storages(tmp_path)[kind]
    states: list[set[str]] = []

    def record(searcher: Searcher) -> Any:
        recorder = StudyRecorder(one_width(), (LOSS,), storage, "rungs", searcher=searcher)

        def write(evaluation: Evaluation, best: bool) -> None:
            recorder(evaluation, best)
            states.append({trial.state.name for trial in recorder.study.trials})

        return write

    _, found = search_at_fidelities("hyperband", 22, record, objective=LOSS)
    assert found.best is not None
    assert found.best.fidelity == 9
    study = optuna.load_study(study_name="rungs", storage=storage)
    assert study.best_value == found.best.metrics["loss"]
    assert study.best_trial.user_attrs["trial"] == found.best.trial
    assert states[0] == {"RUNNING"}
    assert states[-1] == {"COMPLETE", "PRUNED"}
    trials = {evaluation.trial for evaluation in found.evaluations}
    assert sorted(t.user_attrs["trial"] for t in study.trials) == sorted(trials)  # type: ignore[type-var]
    for trial in study.trials:
        of_it = [e for e in found.evaluations if e.trial == trial.user_attrs["trial"]]
        assert trial.intermediate_values == {e.fidelity: e.metrics["loss"] for e in of_it}
        assert trial.state.name == ("COMPLETE" if of_it[-1].fidelity == 9 else "PRUNED")
        assert trial.value == of_it[-1].metrics["loss"]
        assert trial.user_attrs["fidelities"] == {str(e.fidelity): dict(e.metrics) for e in of_it}
    after = record_evaluations(found.evaluations, one_width(), (LOSS,))
    assert summary(after) == summary(study)
    again = record_evaluations(found.evaluations, one_width(), (LOSS,), storage, "rungs")
    assert summary(again) == summary(study)


def test_a_search_that_is_resumed_goes_on_with_its_trials() -> None:
    storage = optuna.storages.InMemoryStorage()
    _, found = search_at_fidelities("asha", 30, objective=LOSS)

    def recorder(study: str) -> StudyRecorder:
        return StudyRecorder(one_width(), (LOSS,), storage, study)

    record = recorder("interrupted")
    for evaluation in found.evaluations[:11]:
        record(evaluation)
    assert {trial.state.name for trial in record.study.trials} == {"RUNNING"}
    for study in ("interrupted", "whole"):
        with recorder(study) as record:
            for evaluation in found.evaluations:
                record(evaluation)
    assert summary(recorder("interrupted").study) == summary(recorder("whole").study)


def test_what_goes_on_after_the_end_is_written_as_another_trial() -> None:
    storage = optuna.storages.InMemoryStorage()
    done = Evaluation(0, 7, (("units", 16),), "f", "ok", {"loss": 2.0}, fidelity=3, trial=0)
    more = replace(done, index=1, metrics={"loss": 1.0}, fidelity=9)
    for part in ([done], [done, more], [done, more]):
        study = record_evaluations(part, one_width(), (LOSS,), storage, "s")
    assert [t.intermediate_values for t in study.trials] == [{3: 2.0}, {3: 2.0, 9: 1.0}]
    assert study.best_value == 1.0


def test_a_failure_at_a_higher_fidelity_keeps_the_scores_before() -> None:
    done = Evaluation(0, 7, (("units", 16),), "f", "ok", {"loss": 2.0}, fidelity=3, trial=0)
    gone = replace(done, index=1, status="failed", metrics={}, reason="no memory", fidelity=9)
    (trial,) = record_evaluations([done, gone], one_width(), (LOSS,)).trials
    assert (trial.state.name, trial.intermediate_values) == ("FAIL", {3: 2.0})
    assert trial.user_attrs["reason"] == "no memory"


def test_several_objectives_at_several_fidelities_have_their_front() -> None:
    """Optuna has no intermediate values of several objectives."""
    searcher, found = search_at_fidelities("mo_asha", 40, objectives=(LOSS, SIZE))
    study = record_evaluations(found.evaluations, one_width(), (LOSS, SIZE))
    assert isinstance(searcher, FidelitySearcher)
    front = ja.pareto_front(found.evaluations, (LOSS, SIZE))
    assert {t.user_attrs["trial"] for t in study.best_trials} == {e.trial for e in front}
    assert not any(trial.intermediate_values for trial in study.trials)
    assert {trial.state.name for trial in study.trials} == {"COMPLETE", "PRUNED"}


def test_storages_and_studies_that_do_not_do_say_so() -> None:
    storage, space = optuna.storages.InMemoryStorage(), one_width()
    with pytest.raises(SearchError, match="cannot open the storage 'nowhere'; give a URL such as"):
        StudyRecorder(space, (LOSS,), "nowhere")
    StudyRecorder(space, (LOSS,), storage, "s")
    for objectives in ((Objective("loss"),), (SIZE,), (LOSS, SIZE)):
        with pytest.raises(SearchError, match=r"study 's' is to minimize loss, not .*another"):
            StudyRecorder(space, objectives, storage, "s")


def test_optuna_goes_on_from_a_search() -> None:
    """A study made of a search has all that Optuna's own samplers need."""
    space = ja.trace(lambda: nn.dense(ja.Integer(1, 1000, name="units")))

    def evaluate(architecture: ja.Architecture, seed: int) -> dict[str, float]:
        return {"loss": abs(float(architecture.values[0]) - 300)}  # type: ignore[arg-type]

    found = run_search(RandomSearcher(space), evaluate, 20, objective="loss", maximize=False)
    study = record_evaluations(found.evaluations, space, (LOSS,))
    study.sampler = optuna.samplers.TPESampler(seed=0)
    before = study.best_value

    def loss(trial: Any) -> float:
        return abs(float(trial.suggest_int("units", 1, 1000)) - 300)

    study.optimize(loss, n_trials=30)
    assert study.best_value <= before
