"""Any sampler of Optuna as a searcher, with any of its pruners."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.util import find_spec
from typing import Any, cast

import numpy as np

from jarch.ir import (
    Architecture,
    Constant,
    IndependentHyperparameter,
    Space,
    as_constant,
    complete,
    replay,
)
from jarch.search.constraints import Constraint
from jarch.search.gate import Gate
from jarch.search.multi_fidelity.ladder import levels
from jarch.search.multi_fidelity.trials import check_trial
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
from .pruning import check_pruner, make_pruner

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

_NEEDS: Mapping[str, str] = {"cmaes": "cmaes", "gp": "torch"}
"""Packages that samplers import where they first sample, which Optuna does not bring."""

_SEEDS = 2**31
_STUDY = "jarch"


@dataclass(frozen=True, slots=True)
class OptunaConfig:
    """Which sampler of Optuna suggests, and which pruner ends evaluations early.

    Attributes:
        sampler: One of random, tpe, cmaes (needs the package cmaes), gp (needs torch), nsga2, nsga3
            and qmc.
        arguments: Of the sampler, by name; by default Optuna's.
        attempts: Its suggestions in a row that are invalid or known, after which an architecture is
            drawn at random, which the sampler is told of like of its own.
        repeats: Suggest equal models more than once.
        pruner: One of median, percentile, successive_halving, hyperband, patient and threshold;
            None evaluates everything once, in full. The fidelities are the steps of Optuna.
        pruner_arguments: Of the pruner, by name; see `make_pruner`.
        maximum: With a pruner: the highest fidelity, such as the epochs of a training in full.
        minimum: With a pruner: no fidelity is below this.
        eta: With a pruner: each fidelity is so many times the one before, up to rounding.

    Raises:
        SearchError: There is no such sampler or pruner, or a number is out of range.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> from jarch.search.bridges import OptunaConfig, OptunaSearcher
        >>> config = OptunaConfig("tpe", {"n_startup_trials": 5}, pruner="median", maximum=9)
        >>> searcher = OptunaSearcher(ja.trace(ja.spaces.digits_dense), config)
        >>> searcher.ask(np.random.default_rng(0)).fidelity  # without a pruner None
        1
    """

    sampler: str = "tpe"
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    attempts: int = 10
    repeats: bool = False
    pruner: str | None = None
    pruner_arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    maximum: int = 81
    minimum: int = 1
    eta: int = 3

    def __post_init__(self) -> None:
        """Check names and numbers."""
        if self.sampler not in SAMPLERS:
            raise SearchError(f"sampler {self.sampler!r} is none of {', '.join(SAMPLERS)}")
        if self.attempts < 1:
            raise SearchError(f"attempts is {self.attempts}; use at least 1")
        if self.pruner is not None:
            check_pruner(self.pruner)
        levels(self.maximum, self.eta, self.minimum)


@dataclass(slots=True)
class _Trial:
    """What Optuna is to know of a suggestion; plain data.

    Attributes:
        fingerprint: Of the architecture.
        params: Values by name of parameter.
        system: What the sampler noted with it.
        state: "running", "complete", "fail" or "pruned".
        scores: Of the objectives, where it is complete; the last of them where it is pruned.
        values: What was decided beyond the space, where it may go on.
        reports: Fidelities and scores that were told so far.
        asked: The fidelity at which it is out.
    """

    fingerprint: str
    params: dict[str, Any]
    system: dict[str, Any] = field(default_factory=dict[str, Any])
    state: str = "running"
    scores: list[float] | None = None
    values: list[Any] = field(default_factory=list[Any])
    reports: list[list[Any]] = field(default_factory=list[list[Any]])
    asked: int | None = None

    @property
    def waits(self) -> bool:
        """Whether it is out, in full."""
        return self.state == "running" and self.asked is None and not self.reports

    @staticmethod
    def restored(state: Mapping[str, Any]) -> _Trial:
        """Return the trial of a state; values that are tuples were lists in JSON."""
        trial = _Trial(**state)
        trial.values = list(cast("tuple[Constant, ...]", as_constant(trial.values, "values")))
        return trial


@dataclass(slots=True)
class OptunaSearcher:
    """Lets a sampler of Optuna make the decisions, one by one in the order of the space.

    The names of parameters are the keys of decisions, so that what one branch of a space decides
    is a conditional parameter. For each suggestion a study in memory is made of all that is known,
    with a sampler that is seeded from the generator: the searcher has no state but its trials.
    Where one key stands for different domains in different branches, the others than the first
    have the domain in their name.

    With a pruner a suggestion is a trial at the lowest fidelity. What is told is reported to the
    pruner, and unless that says to prune, the trial is suggested again at the next fidelity, before
    anything new. The pruner too is made anew each time, on the study of all trials.

    Attributes:
        space: Where to search.
        config: Which sampler.
        objectives: What is told to the sampler; several only where it takes several.
        constraint: Returns False, or raises `InvalidArchitecture`, for those not to suggest.
        make: Returns the sampler, given a seed, in place of the one that `config` names.
        make_pruner: Returns the pruner in place of the one that `config` names.

    Raises:
        SearchError: Optuna, or what its sampler needs, is not installed; or there are several
            objectives for a pruner, or for CMA-ES.

    Reference:
        Akiba, Sano, Yanase, Ohta and Koyama 2019, "Optuna: a next-generation hyperparameter
        optimization framework".

    Example:
        >>> import jarch as ja
        >>> from jarch.search.bridges import OptunaConfig, OptunaSearcher
        >>> space, objectives = ja.trace(ja.spaces.digits_dense), (ja.Objective("size"),)
        >>> config = OptunaConfig("tpe", {"n_startup_trials": 5})
        >>> searcher = OptunaSearcher(space, config, objectives=objectives)
        >>> def largest(architecture, seed):
        ...     return {"size": ja.analyze(architecture, {"in": (8, 8, 1)}).parameters}
        >>> found = ja.run_search(searcher, largest, 12, objective="size")
        >>> found.best.values[:2]
        (3, 128)
    """

    space: Space
    config: OptunaConfig = field(default_factory=OptunaConfig)
    objectives: Objectives = field(default=(Objective(),), kw_only=True)
    constraint: Constraint | None = field(default=None, kw_only=True)
    make: Callable[[int], Any] | None = field(default=None, kw_only=True)
    make_pruner: Callable[[], Any] | None = field(default=None, kw_only=True)
    _gate: Gate = field(init=False, repr=False)
    _trials: list[_Trial] = field(init=False, default_factory=list[_Trial], repr=False)
    _parameters: dict[str, Any] = field(init=False, default_factory=dict[str, Any], repr=False)
    _notes: dict[str, Any] = field(init=False, default_factory=dict[str, Any], repr=False)
    _queue: list[int] = field(init=False, default_factory=list[int], repr=False)  # that go on
    _levels: tuple[int, ...] = field(init=False, repr=False)  # none without a pruner

    def __post_init__(self) -> None:
        """Begin without trials."""
        config = self.config
        self.objectives = check_objectives(self.objectives)
        self._gate = Gate(self.space, self.constraint, config.repeats)
        prunes = config.pruner is not None or self.make_pruner is not None
        if prunes and len(self.objectives) > 1:
            raise SearchError("pruners of Optuna take one objective; give one, or no pruner")
        self._levels = levels(config.maximum, config.eta, config.minimum) if prunes else ()
        import_optuna()
        if self.make is None:
            self._check_sampler()
        if self.make_pruner is None:
            self._pruner()  # which checks its arguments

    def _check_sampler(self) -> None:
        """Raise where the sampler of the configuration would fail, some suggestions later."""
        name = self.config.sampler
        needed = _NEEDS.get(name)
        if needed is not None and find_spec(needed) is None:
            raise SearchError(f"Optuna's sampler {name} needs {needed}: pip install {needed}")
        if name == "cmaes" and len(self.objectives) > 1:
            raise SearchError(
                "Optuna's sampler cmaes takes one objective; for several choose tpe, gp, nsga2 or "
                "nsga3"
            )
        self._sampler(0)  # which checks its arguments

    def ask(self, rng: np.random.Generator) -> Suggestion:
        """Return what goes on, or what the sampler suggests, or else something random that is new.

        Raises:
            SpaceExhausted: Nothing new is left; with a pruner something may go on after results.
            SearchError: Nothing at all is valid and allowed, or the sampler does not work.
        """
        if self._queue:
            return self._go_on(self._queue.pop(0))
        suggestion = self._suggest(rng)
        if not self._levels:
            return suggestion
        trial = self._trials[-1]
        trial.values = list(suggestion.architecture.values[len(self.space.decisions) :])
        trial.asked = self._levels[0]
        return replace(suggestion, fidelity=trial.asked, trial=len(self._trials) - 1)

    def _suggest(self, rng: np.random.Generator) -> Suggestion:
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

        What was never suggested is learned from all the same. A second result of the same, with a
        pruner of a trial at a fidelity, is ignored.

        Raises:
            SearchError: It is not of this space, or with a pruner not of the trial of its number.
        """
        self._gate.check(suggestion)
        scores = scores_of(self.objectives, metrics)
        if self._levels and suggestion.trial is not None:
            check_trial(suggestion, [trial.fingerprint for trial in self._trials])
            self._report(suggestion, None if scores is None else scores[0])
        elif self.config.repeats or not self._is_second(suggestion):
            trial = self._running(suggestion)
            trial.state = "fail" if scores is None else "complete"
            trial.scores = None if scores is None else list(scores)

    def ongoing(self) -> Sequence[int]:
        """Return the trials that may go on, those first that will; none without a pruner."""
        out = [i for i, trial in enumerate(self._trials) if trial.asked is not None]
        return [*self._queue, *out]

    def options(self) -> Mapping[str, Any]:
        """Return the configuration and the objectives."""
        return {"name": "optuna", **describe_objectives(self.objectives), **asdict(self.config)}

    def state(self) -> Mapping[str, Any]:
        """Return what was suggested, the trials, their parameters, notes, and what goes on."""
        to_json = import_optuna().distributions.distribution_to_json
        return {
            "seen": list(self._gate.seen),
            "trials": [asdict(trial) for trial in self._trials],
            "parameters": {name: to_json(d) for name, d in self._parameters.items()},
            "notes": dict(self._notes),
            "queue": list(self._queue),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the trials of a state."""
        from_json = import_optuna().distributions.json_to_distribution
        self._gate.restore(state["seen"])
        self._trials = [_Trial.restored(trial) for trial in state["trials"]]
        self._parameters = {name: from_json(text) for name, text in state["parameters"].items()}
        self._notes = dict(state["notes"])
        self._queue = list(state["queue"])

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

    def _is_second(self, suggestion: Suggestion) -> bool:
        """Say whether there is a trial of this already, and none that waits for a result."""
        same = [trial for trial in self._trials if trial.fingerprint == suggestion.fingerprint]
        return bool(same) and not any(trial.waits for trial in same)

    def _running(self, suggestion: Suggestion) -> _Trial:
        for trial in self._trials:
            if trial.waits and trial.fingerprint == suggestion.fingerprint:
                return trial
        self._trials.append(self._expressed(suggestion))
        return self._trials[-1]

    def _go_on(self, number: int) -> Suggestion:
        """Suggest a trial again, at the next fidelity."""
        trial = self._trials[number]
        trial.asked = self._levels[len(trial.reports)]
        found = replay(self.space, trial.values)
        return Suggestion(found, trial.fingerprint, fidelity=trial.asked, trial=number)

    def _report(self, suggestion: Suggestion, score: float | None) -> None:
        """Take note of a score at a fidelity, and of whether the trial goes on."""
        number, fidelity = suggestion.trial, suggestion.fidelity
        assert number is not None
        if self._trials[number].asked != fidelity:
            return
        trial = self._trials[number]
        trial.asked = None
        if score is None:
            trial.state = "fail"
            return
        trial.reports.append([fidelity, score])
        if fidelity == self._levels[-1]:
            trial.state, trial.scores = "complete", [score]
        elif self._should_prune(number):
            trial.state, trial.scores = "pruned", [score]
        else:
            self._queue.append(number)

    def _should_prune(self, number: int) -> bool:
        """Ask the pruner; keep what it notes with the trial."""
        study, storage, study_number = self._study(0)
        place = storage.get_trial_id_from_study_id_trial_number(study_number, number)
        decided = bool(study.pruner.prune(study, storage.get_trial(place)))
        self._trials[number].system = dict(storage.get_trial(place).system_attrs)
        return decided

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
        study = optuna.load_study(
            study_name=_STUDY, storage=storage, sampler=self._sampler(seed), pruner=self._pruner()
        )
        if isinstance(study.pruner, optuna.pruners.HyperbandPruner):  # it makes its brackets then
            study.pruner.prune(study, optuna.trial.create_trial(value=0.0))
        return study, storage, number

    def _frozen(self, trial: _Trial) -> Any:
        optuna = import_optuna()
        return optuna.trial.create_trial(
            state=optuna.trial.TrialState[trial.state.upper()],
            values=trial.scores,
            params=trial.params,
            distributions={name: self._parameters[name] for name in trial.params},
            system_attrs=trial.system,
            intermediate_values={fidelity: score for fidelity, score in trial.reports},
        )

    def _pruner(self) -> Any:
        if self.make_pruner is not None:
            return self.make_pruner()
        if self.config.pruner is None:
            return import_optuna().pruners.NopPruner()
        arguments = self.config.pruner_arguments
        return make_pruner(self.config.pruner, arguments, self._levels, self.config.eta)

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
