"""Optuna's samplers and pruners as searchers."""

from __future__ import annotations

import json
import logging
from typing import Any

import numpy as np
import pytest

import jarch as ja
from jarch.ir import Domain, FloatDomain, IndependentHyperparameter, IntegerDomain
from jarch.ir.domains import DiscreteDomain, PermutationDomain
from jarch.search import (
    RandomSearcher,
    SearchError,
    Suggestion,
    run_search,
)
from jarch.search.bridges import (
    OptunaConfig,
    OptunaSearcher,
    StudyRecorder,
)
from jarch.search.bridges.parameters import decide, express

from .optuna_searches import LOSS, SIZE, mixed, score, searcher

optuna = pytest.importorskip("optuna")

pytestmark = pytest.mark.unverified  # the transitions are verified elsewhere

SINGLE = ["random", "tpe", "nsga2", "qmc"]


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
    with pytest.raises(SearchError, match=r"sampler tpe: .*temperature"):
        OptunaSearcher(ja.trace(mixed), OptunaConfig("tpe", {"temperature": 3}))


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
    with pytest.raises(SearchError, match="lower or upper"):
        pruned("patient", {"wrapped_pruner": "threshold", "patience": 1}, eta=2)
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
        pruned("percentile", {})
    with pytest.raises(SearchError, match="pruner 'never' is none of"):
        pruned("patient", {"wrapped_pruner": "never"})
    with pytest.raises(SearchError, match="take one objective"):
        OptunaSearcher(ja.trace(mixed), OptunaConfig(pruner="median"), objectives=(LOSS, SIZE))
