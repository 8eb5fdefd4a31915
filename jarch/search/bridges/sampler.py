"""Any sampler of Optuna as a searcher."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from jarch.ir import Architecture, Constant, IndependentHyperparameter, Space, complete
from jarch.search.constraints import Constraint
from jarch.search.gate import Gate
from jarch.search.multi_objective.objectives import (
    Objectives,
    check_objectives,
    describe_objectives,
    scores_of,
)
from jarch.search.objective import Objective
from jarch.search.searcher import Metrics, SearchError, Suggestion

from .optional import import_optuna, quiet
from .parameters import decide, express_architecture

SAMPLERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "random": ("RandomSampler", {}),
    "tpe": ("TPESampler", {}),
    "cmaes": ("CmaEsSampler", {"warn_independent_sampling": False}),
    "gp": ("GPSampler", {}),
    "nsga2": ("NSGAIISampler", {}),
    "nsga3": ("NSGAIIISampler", {}),
    "qmc": ("QMCSampler", {"warn_independent_sampling": False}),
}
"""Optuna's class for each name, and arguments that say no more than Optuna's defaults."""

_SEEDS = 2**31
_STUDY = "jarch"


@dataclass(frozen=True, slots=True)
class OptunaConfig:
    """Which sampler of Optuna suggests.

    Attributes:
        sampler: One of random, tpe, cmaes (needs the package cmaes), gp (needs torch), nsga2, nsga3
            and qmc.
        arguments: Of the sampler, by name; by default Optuna's.
        attempts: Its suggestions in a row that are invalid or known, after which an architecture is
            drawn at random, which the sampler is told of like of its own.
        repeats: Suggest equal models more than once.

    Raises:
        SearchError: There is no such sampler, or a number is out of range.
    """

    sampler: str = "tpe"
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    attempts: int = 10
    repeats: bool = False

    def __post_init__(self) -> None:
        """Check the name and the number."""
        if self.sampler not in SAMPLERS:
            raise SearchError(f"sampler {self.sampler!r} is none of {', '.join(SAMPLERS)}")
        if self.attempts < 1:
            raise SearchError(f"attempts is {self.attempts}; use at least 1")


@dataclass(slots=True)
class _Trial:
    """What Optuna is to know of a suggestion; plain data.

    Attributes:
        fingerprint: Of the architecture.
        params: Values by name of parameter.
        system: What the sampler noted with it.
        state: "running", "complete" or "fail".
        scores: Of the objectives, where it is complete.
    """

    fingerprint: str
    params: dict[str, Any]
    system: dict[str, Any] = field(default_factory=dict[str, Any])
    state: str = "running"
    scores: list[float] | None = None


@dataclass(slots=True)
class OptunaSearcher:
    """Lets a sampler of Optuna make the decisions, one by one in the order of the space.

    The names of parameters are the keys of decisions, so that what one branch of a space decides
    is a conditional parameter. For each suggestion a study in memory is made of all that is known,
    with a sampler that is seeded from the generator: the searcher has no state but its trials.
    Where one key stands for different domains in different branches, the others than the first
    have the domain in their name.

    Attributes:
        space: Where to search.
        config: Which sampler.
        objectives: What is told to the sampler; several only where it takes several.
        constraint: Raises `InvalidArchitecture` for those not to suggest.
        make: Returns the sampler, given a seed, in place of the one that `config` names.

    Reference:
        Akiba, Sano, Yanase, Ohta and Koyama 2019, "Optuna: a next-generation hyperparameter
        optimization framework".
    """

    space: Space
    config: OptunaConfig = field(default_factory=OptunaConfig)
    objectives: Objectives = field(default=(Objective(),), kw_only=True)
    constraint: Constraint | None = field(default=None, kw_only=True)
    make: Callable[[int], Any] | None = field(default=None, kw_only=True)
    _gate: Gate = field(init=False, repr=False)
    _trials: list[_Trial] = field(init=False, default_factory=list[_Trial], repr=False)
    _parameters: dict[str, Any] = field(init=False, default_factory=dict[str, Any], repr=False)
    _notes: dict[str, Any] = field(init=False, default_factory=dict[str, Any], repr=False)

    def __post_init__(self) -> None:
        """Begin without trials."""
        self.objectives = check_objectives(self.objectives)
        self._gate = Gate(self.space, self.constraint, self.config.repeats)
        import_optuna()

    def ask(self, rng: np.random.Generator) -> Suggestion:
        """Return what the sampler suggests, or a random architecture where that is not new.

        Raises:
            SpaceExhausted: Nothing new is left.
            SearchError: Nothing at all is valid and allowed, or the sampler does not work.
        """
        study, storage, number = self._study(int(rng.integers(_SEEDS)))
        for _ in range(self.config.attempts):
            trial = study.ask()
            suggestion = self._gate.admit(self._decided, trial)
            if suggestion is not None:
                found = study.get_trials(deepcopy=False)[trial.number]
                params, system = dict(found.params), dict(found.system_attrs)
                self._notes = dict(storage.get_study_system_attrs(number))
                self._trials.append(_Trial(suggestion.fingerprint, params, system))
                return suggestion
            study.tell(trial, state=import_optuna().trial.TrialState.FAIL)
        suggestion = self._gate.draw(rng)
        self._trials.append(self._expressed(suggestion))
        return suggestion

    def tell(self, suggestion: Suggestion, metrics: Metrics | None) -> None:
        """Take note of the scores; None, or one that is missing, is a failed trial.

        What was never suggested is learned from all the same.
        """
        scores = scores_of(self.objectives, metrics)
        trial = self._running(suggestion)
        trial.state = "fail" if scores is None else "complete"
        trial.scores = None if scores is None else list(scores)

    def options(self) -> Mapping[str, Any]:
        """Return the configuration and the objectives."""
        return {"name": "optuna", **describe_objectives(self.objectives), **asdict(self.config)}

    def state(self) -> Mapping[str, Any]:
        """Return what was suggested, the trials, their parameters and what samplers noted."""
        to_json = import_optuna().distributions.distribution_to_json
        return {
            "seen": list(self._gate.seen),
            "trials": [asdict(trial) for trial in self._trials],
            "parameters": {name: to_json(d) for name, d in self._parameters.items()},
            "notes": dict(self._notes),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the trials of a state."""
        from_json = import_optuna().distributions.json_to_distribution
        self._gate.restore(state["seen"])
        self._trials = [_Trial(**trial) for trial in state["trials"]]
        self._parameters = {name: from_json(text) for name, text in state["parameters"].items()}
        self._notes = dict(state["notes"])

    def _decided(self, trial: Any) -> Architecture:
        """Return the architecture that a trial leads to."""
        suggest = import_optuna().distributions

        def parameter(key: str, distribution: Any) -> Any:
            name = self._name(key, distribution)
            if isinstance(distribution, suggest.CategoricalDistribution):
                return trial.suggest_categorical(name, distribution.choices)
            low, high, log = distribution.low, distribution.high, distribution.log
            if isinstance(distribution, suggest.IntDistribution):
                return trial.suggest_int(name, low, high, step=distribution.step, log=log)
            return trial.suggest_float(name, low, high, log=log)

        def choose(hyperparameter: IndependentHyperparameter) -> Constant:
            return decide(hyperparameter, parameter)

        return complete(self.space, choose)

    def _expressed(self, suggestion: Suggestion) -> _Trial:
        """Return the trial that leads to a suggestion that is not the sampler's."""
        _, found = express_architecture(self.space, dict(suggestion.architecture.decisions))
        params = {self._name(key, d): value for key, d, value in found}
        return _Trial(suggestion.fingerprint, params)

    def _name(self, key: str, distribution: Any) -> str:
        """Return the name of a parameter, which always has the same distribution."""
        known = self._parameters.setdefault(key, distribution)
        if known == distribution:
            return key
        name = f"{key} in {distribution}"
        self._parameters[name] = distribution
        return name

    def _running(self, suggestion: Suggestion) -> _Trial:
        for trial in self._trials:
            if trial.state == "running" and trial.fingerprint == suggestion.fingerprint:
                return trial
        self._trials.append(self._expressed(suggestion))
        return self._trials[-1]

    def _study(self, seed: int) -> tuple[Any, Any, int]:
        """Return a study of all trials, its storage, and its number there."""
        optuna = import_optuna()
        storage = optuna.storages.InMemoryStorage()
        directions = optuna.study.StudyDirection
        chosen = [
            directions.MAXIMIZE if o.maximize else directions.MINIMIZE for o in self.objectives
        ]
        with quiet():
            number = storage.create_new_study(chosen, _STUDY)
        for name, note in self._notes.items():
            storage.set_study_system_attr(number, name, note)
        for trial in self._trials:
            storage.create_new_trial(number, template_trial=self._frozen(trial))
        sampler = self._sampler(seed)
        return (
            optuna.load_study(study_name=_STUDY, storage=storage, sampler=sampler),
            storage,
            number,
        )

    def _frozen(self, trial: _Trial) -> Any:
        optuna = import_optuna()
        return optuna.trial.create_trial(
            state=optuna.trial.TrialState[trial.state.upper()],
            values=trial.scores,
            params=trial.params,
            distributions={name: self._parameters[name] for name in trial.params},
            system_attrs=trial.system,
        )

    def _sampler(self, seed: int) -> Any:
        if self.make is not None:
            return self.make(seed)
        name, usual = SAMPLERS[self.config.sampler]
        sampler = getattr(import_optuna().samplers, name)
        arguments = {"seed": seed, **usual, **self.config.arguments}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that an argument or a sampler is experimental
            try:
                return sampler(**arguments)
            except (TypeError, ValueError, ImportError) as error:
                raise SearchError(f"Optuna's sampler {self.config.sampler}: {error}") from error
