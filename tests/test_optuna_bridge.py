"""Optuna's samplers as searchers, and searches as studies that Optuna reads back."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.ir import Domain, FloatDomain, IndependentHyperparameter, IntegerDomain
from jarch.ir.domains import DiscreteDomain, PermutationDomain
from jarch.runs import Evaluation
from jarch.search import (
    FidelitySearcher,
    Objective,
    RandomSearcher,
    Searcher,
    SearchError,
    SearchResult,
    Suggestion,
    WithFidelity,
    make_searcher,
    run_search,
)
from jarch.search.bridges import (
    OptunaConfig,
    OptunaSearcher,
    StudyRecorder,
    record_evaluations,
)
from jarch.search.bridges.parameters import decide, express

optuna = pytest.importorskip("optuna")

pytestmark = pytest.mark.unverified  # the transitions are verified elsewhere

LOSS = Objective("loss", maximize=False)
SIZE = Objective("size", maximize=False)
SINGLE = ["random", "tpe", "nsga2", "qmc"]


def mixed() -> ja.Fragment:
    """Every kind of domain, a branch, and one key with two domains."""
    kind = ja.Discrete(["narrow", "wide"], name="kind")

    def branch(kind: str) -> ja.Fragment:
        widths = [4, 8, 12] if kind == "narrow" else [32, 64, 256]
        return nn.dense(ja.Discrete(widths, name="width"))

    return ja.sequential(
        ja.substitution(branch, {"kind": kind}, name="branch"),
        nn.dense(ja.Integer(1, 100, log=True, name="units"), use_bias=ja.Bool(name="bias")),
        nn.dropout(ja.Float(0.0, 0.9, name="rate")),
        nn.relu(),
    )


def score(architecture: ja.Architecture, seed: int = 0) -> dict[str, float]:
    """Best are 50 units, a rate of 0.3 and a width of 8."""
    found = {key.rpartition("/")[2]: value for key, value in architecture.decisions}
    units, rate, width = (float(found[name]) for name in ("units", "rate", "width"))  # type: ignore[arg-type]
    loss = abs(np.log(units / 50)) + 3 * abs(rate - 0.3) + abs(np.log(width / 8))
    return {"loss": float(loss), "size": units * width}


def searcher(space: ja.Space, sampler: str, *objectives: Objective) -> OptunaSearcher:
    return OptunaSearcher(space, OptunaConfig(sampler), objectives=objectives or (LOSS,))


def a_decision(domain: Domain) -> IndependentHyperparameter:
    return IndependentHyperparameter("decision", domain)


@pytest.mark.parametrize(
    "domain",
    [
        DiscreteDomain((1, 2, 3)),
        DiscreteDomain((16, 32, 48)),
        DiscreteDomain((16, 32, 64)),
        DiscreteDomain((3, 2, 1)),
        DiscreteDomain(("a", "b")),
        DiscreteDomain((None, "SAME", 3)),
        DiscreteDomain((True, 3, False)),
        DiscreteDomain(((3, 3), (5, 5))),
        DiscreteDomain((0.5, 0.25)),
        DiscreteDomain((7,)),
        IntegerDomain(1, 9),
        IntegerDomain(1, 1000, log=True),
        FloatDomain(0.0, 1.0),
        FloatDomain(1e-5, 1.0, log=True),
        PermutationDomain(4),
        PermutationDomain(1),
    ],
    ids=str,
)
def test_parameters_lead_back_to_the_value(domain: Domain) -> None:
    rng, decision = np.random.default_rng(0), a_decision(domain)
    for _ in range(20):
        value = domain.sample(rng)
        given = express(decision, value)
        for distribution, x in given.values():
            assert distribution._contains(distribution.to_internal_repr(x))

        def suggest(name: str, distribution: Any, given: Any = given) -> Any:
            assert given[name][0] == distribution
            return given[name][1]

        again = decide(decision, suggest)
        assert again == value
        assert type(again) is type(value)


def test_parameters_are_of_the_kind_that_fits() -> None:
    def kind(domain: Domain) -> str:
        return type(
            next(iter(express(a_decision(domain), domain.sample(rng)).values()))[0]
        ).__name__

    rng = np.random.default_rng(0)
    assert kind(DiscreteDomain((16, 32, 48))) == "IntDistribution"
    assert kind(DiscreteDomain((16, 32, 64))) == "CategoricalDistribution"
    assert kind(IntegerDomain(1, 9)) == "IntDistribution"
    assert kind(PermutationDomain(3)) == "FloatDistribution"


@pytest.mark.parametrize("sampler", [*SINGLE, "cmaes", "gp"])
def test_any_sampler_goes_on_from_its_state(sampler: str) -> None:
    needs = {"cmaes": "cmaes", "gp": "torch"}.get(sampler)
    if needs:
        pytest.importorskip(needs)
    space = ja.trace(mixed)
    one, other = searcher(space, sampler), searcher(space, sampler)
    late = list[Suggestion]()
    for seed in range(40):
        first, second = (s.ask(np.random.default_rng(seed)) for s in (one, other))
        assert first == second
        late.append(first)
        if seed % 3 == 2:
            for suggestion in (late.pop(0), late.pop()):
                metrics = None if seed % 5 == 0 else score(suggestion.architecture)
                one.tell(suggestion, metrics)
                other.tell(suggestion, metrics)
        state = json.loads(json.dumps(other.state(), allow_nan=False))
        other = searcher(space, sampler)
        other.restore(state)
        assert other.state() == one.state()


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_a_sampler_that_learns_beats_chance(sampler: str) -> None:
    space, best = ja.trace(mixed), dict[str, list[float]]()
    for name in ("random", sampler):
        for seed in range(4):
            made = searcher(space, name)
            found = run_search(made, score, 80, seed, objective="loss", maximize=False)
            assert found.best is not None
            best.setdefault(name, []).append(found.best.metrics["loss"] or 0.0)
    assert np.mean(best[sampler]) < np.mean(best["random"])


def test_several_objectives_and_a_sampler_of_ones_own() -> None:
    def make(seed: int) -> Any:
        return optuna.samplers.NSGAIISampler(seed=seed, population_size=10)

    space = ja.trace(mixed)
    made = OptunaSearcher(space, objectives=(LOSS, SIZE), make=make)
    found = run_search(made, score, 40, objective="loss", maximize=False)
    assert len(found.evaluations) == 40
    assert not found.failed
    assert made.options()["objectives"][1] == {"objective": "size", "maximize": False}


def test_what_was_never_suggested_is_learned_from() -> None:
    space = ja.trace(mixed)
    made, rng = searcher(space, "tpe"), np.random.default_rng(0)
    for _ in range(15):
        foreign = RandomSearcher(space).ask(rng)
        made.tell(foreign, score(foreign.architecture))
    assert [trial["state"] for trial in made.state()["trials"]] == ["complete"] * 15
    made.ask(rng)


def test_a_search_tells_of_no_studies() -> None:
    told = list[str]()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record.getMessage())

    listener, logger = Listener(), logging.getLogger("optuna")
    logger.addHandler(listener)
    try:
        space = ja.trace(mixed)
        run_search(searcher(space, "tpe"), score, 5, objective="loss", maximize=False)
        StudyRecorder(space, (LOSS,))
    finally:
        logger.removeHandler(listener)
    assert told == []
    assert logger.level == logging.INFO


def test_wrong_samplers_say_what_is_right() -> None:
    with pytest.raises(SearchError, match="sampler 'annealing' is none of random, tpe"):
        OptunaConfig("annealing")
    with pytest.raises(SearchError, match="attempts is 0"):
        OptunaConfig(attempts=0)
    wrong = OptunaSearcher(ja.trace(mixed), OptunaConfig("tpe", {"temperature": 3}))
    with pytest.raises(SearchError, match=r"sampler tpe: .*temperature"):
        wrong.ask(np.random.default_rng(0))


def test_what_a_sampler_needs_is_said_before_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_nothing(name: str) -> None:
        """As `find_spec` does where a package is not installed."""

    monkeypatch.setattr("jarch.search.bridges.sampler.find_spec", find_nothing)
    for sampler, needed in (("gp", "torch"), ("cmaes", "cmaes")):
        with pytest.raises(SearchError, match=f"{sampler} needs {needed}: pip install {needed}"):
            searcher(ja.trace(mixed), sampler)
    monkeypatch.setattr("jarch.search.bridges.sampler.find_spec", str)
    with pytest.raises(SearchError, match="cmaes takes one objective"):
        OptunaSearcher(ja.trace(mixed), OptunaConfig("cmaes"), objectives=(LOSS, SIZE))


@pytest.mark.parametrize("sampler", ["tpe", "nsga3", "qmc"])
def test_samplers_honour_constraints_with_several_objectives(sampler: str) -> None:
    def small(architecture: ja.Architecture) -> None:
        if score(architecture)["size"] > 20:
            raise ja.InvalidArchitecture("too large")

    made = OptunaSearcher(
        ja.trace(mixed), OptunaConfig(sampler), objectives=(LOSS, SIZE), constraint=small
    )
    found = run_search(made, score, 20, objective="loss", maximize=False)
    assert len(found.evaluations) == 20
    assert all(0 <= (e.metrics["size"] or 0) <= 20 for e in found.evaluations)
    assert found.invalid_draws > 0


# Pruners

PRUNERS: dict[str, tuple[str, dict[str, Any]]] = {
    "median": ("MedianPruner", {"n_startup_trials": 2}),
    "percentile": ("PercentilePruner", {"percentile": 30.0, "n_startup_trials": 2}),
    "successive_halving": ("SuccessiveHalvingPruner", {"min_resource": 1, "reduction_factor": 3}),
    "hyperband": (
        "HyperbandPruner",
        {"min_resource": 1, "max_resource": 27, "reduction_factor": 3},
    ),
    "threshold": ("ThresholdPruner", {"upper": 2.0}),
}


def loss_at(architecture: ja.Architecture, fidelity: int) -> float:
    """Return what falls with the fidelity, at first not in the order in which it ends."""
    found = score(architecture)
    return found["loss"] + (found["size"] % 7) / fidelity


def pruned(name: str, arguments: dict[str, Any], **options: Any) -> OptunaSearcher:
    config = OptunaConfig(
        "random", pruner=name, pruner_arguments=arguments, maximum=27, minimum=1, **options
    )
    return OptunaSearcher(ja.trace(mixed), config, objectives=(LOSS,))


@pytest.mark.parametrize("kind", PRUNERS)
def test_pruners_decide_as_in_optuna(kind: str) -> None:
    """A study of Optuna that is told the same in the same order prunes the same."""
    class_name, arguments = PRUNERS[kind]
    given = {} if kind in ("successive_halving", "hyperband") else arguments
    made, rng = pruned(kind, given), np.random.default_rng(0)
    study = optuna.create_study(
        study_name="jarch", pruner=getattr(optuna.pruners, class_name)(**arguments)
    )
    trials: dict[int, Any] = {}
    ended = {"pruned": 0, "complete": 0}
    for _ in range(18):
        out = [made.ask(rng) for _ in range(3)]
        for suggestion in out:
            number, fidelity = suggestion.trial, suggestion.fidelity
            assert number is not None
            assert fidelity is not None
            trial = trials.setdefault(number, None) or study.ask()
            trials[number] = trial
            assert trial.number == number
            loss = loss_at(suggestion.architecture, fidelity)
            trial.report(loss, fidelity)
            made.tell(suggestion, {"loss": loss})
            if fidelity == 27:
                study.tell(trial, loss)
                expected = "complete"
            elif trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                expected = "pruned"
            else:
                expected = "running"
            state = made.state()["trials"][number]
            assert state["state"] == expected
            if expected in ended:
                ended[expected] += 1
                assert state["scores"] == [study.trials[number].value]
    assert all(ended.values())


def test_what_is_not_pruned_goes_on_to_the_top() -> None:
    made, rng = pruned("threshold", {"upper": 1e9}), np.random.default_rng(0)
    fidelities: list[tuple[int | None, int | None]] = []
    for _ in range(5):
        suggestion = made.ask(rng)
        fidelities.append((suggestion.trial, suggestion.fidelity))
        assert list(made.ongoing()) == [suggestion.trial]
        made.tell(suggestion, {"loss": 1.0})
        before = made.state()
        made.tell(suggestion, {"loss": 2.0})  # told twice
        assert made.state() == before
    assert fidelities == [(0, 1), (0, 3), (0, 9), (0, 27), (1, 1)]


def test_a_failed_trial_does_not_go_on() -> None:
    made, rng = pruned("threshold", {"upper": 1e9}), np.random.default_rng(0)
    made.tell(made.ask(rng), None)
    assert made.ask(rng).trial == 1
    assert [trial["state"] for trial in made.state()["trials"]] == ["fail", "running"]


def test_a_pruner_of_ones_own_and_one_in_another() -> None:
    space, rng = ja.trace(mixed), np.random.default_rng(0)
    config = OptunaConfig("random", maximum=9)
    own = OptunaSearcher(
        space,
        config,
        objectives=(LOSS,),
        make_pruner=lambda: optuna.pruners.ThresholdPruner(upper=0.5),
    )
    for loss in (0.4, 0.6):
        suggestion = own.ask(rng)
        assert (suggestion.trial, suggestion.fidelity) == (0, 1 if loss == 0.4 else 3)
        own.tell(suggestion, {"loss": loss})
    assert own.ask(rng).trial == 1
    patient = pruned("patient", {"wrapped_pruner": "threshold", "patience": 1}, eta=2)
    with pytest.raises(SearchError, match="lower or upper"):
        patient.ask(rng)
    arguments = {"wrapped_pruner": None, "patience": 1}
    patient = pruned("patient", arguments, eta=2)
    for place, loss in enumerate((1.0, 2.0, 2.0)):  # no better in more than one step: pruned
        suggestion = patient.ask(rng)
        assert suggestion.trial == 0
        patient.tell(suggestion, {"loss": loss})
        state = patient.state()["trials"][0]["state"]
        assert state == ("pruned" if place == 2 else "running")


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_samplers_and_pruners_go_on_from_their_state(sampler: str) -> None:
    """Also TPE, which learns from what was pruned, in the brackets of Hyperband."""
    space = ja.trace(mixed)

    def make() -> OptunaSearcher:
        config = OptunaConfig(sampler, pruner="hyperband", maximum=9)
        return OptunaSearcher(space, config, objectives=(LOSS,))

    one, other, late = make(), make(), list[Suggestion]()
    for seed in range(45):
        first, second = (s.ask(np.random.default_rng(seed)) for s in (one, other))
        assert first == second
        late.append(first)
        if seed % 3 == 2:
            for suggestion in (late.pop(0), late.pop()):
                assert suggestion.fidelity is not None
                loss = loss_at(suggestion.architecture, suggestion.fidelity)
                metrics = None if seed % 10 == 8 else {"loss": loss}
                one.tell(suggestion, metrics)
                other.tell(suggestion, metrics)
        state = json.loads(json.dumps(other.state(), allow_nan=False))
        other = make()
        other.restore(state)
        assert other.state() == one.state()
    assert {"pruned", "running"} <= {trial["state"] for trial in one.state()["trials"]}


def test_wrong_pruners_say_what_is_right() -> None:
    with pytest.raises(SearchError, match="pruner 'never' is none of median, percentile"):
        OptunaConfig(pruner="never")
    with pytest.raises(SearchError, match="eta is 1"):
        OptunaConfig(pruner="median", eta=1)
    with pytest.raises(SearchError, match=r"pruner percentile: .*percentile"):
        pruned("percentile", {}).ask(np.random.default_rng(0))
    with pytest.raises(SearchError, match="pruner 'never' is none of"):
        pruned("patient", {"wrapped_pruner": "never"}).ask(np.random.default_rng(0))
    with pytest.raises(SearchError, match="take one objective"):
        OptunaSearcher(ja.trace(mixed), OptunaConfig(pruner="median"), objectives=(LOSS, SIZE))


# Searches as studies


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
