"""Rounds of fitting a surrogate and choosing by it: what all searchers with a surrogate share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from jarch.ir import Architecture, Space
from jarch.search.checks import check_where
from jarch.search.constraints import Constraint
from jarch.search.edits import Where, anywhere
from jarch.search.gate import Gate
from jarch.search.objective import Objective
from jarch.search.searcher import Metrics, Suggestion
from jarch.surrogates import Fitted, FloatArray, Surrogate, informed, make_surrogate

from .acquisitions import AcquisitionName, acquire
from .candidates import Pool, mutation_pool
from .config import ModelBasedConfig
from .observations import Observations

C = TypeVar("C", bound=ModelBasedConfig)

PATIENCE = 5  # so many times the parents may be mutated before there are mutations enough


@dataclass(slots=True)
class ModelBasedSearcher(ABC, Generic[C]):
    """Fits a surrogate to the results, and suggests what is worth most by it, round by round.

    Architectures are random until enough results have come back. Then each round makes candidates,
    compares them by the acquisition function, and chooses the best few, which are suggested one
    after another. The next round begins when they are all out, with the results there are by then:
    it never waits. The surrogate is fitted only where there are new results; its randomness comes
    from a seed that is part of the state. A failure counts like the worst score told, and so does a
    score beyond the outer fence of all; see `jarch.search.fences`.

    Where no candidate is new, an architecture is drawn at random, to the last of the space.

    Attributes:
        space: Where to search.
        config: Which surrogate, and how rounds go.
        objective: What the surrogate predicts: scores as they are, whichever direction is better.
        constraint: Returns False, or raises `InvalidArchitecture`, for those not to suggest.
        where: Which decisions may mutate, where candidates are mutations; by default all.
        surrogate: What predicts, in place of the one that the configuration names. It is no part of
            the state: a restored searcher must be given an equal one.

    Example:
        >>> import jarch as ja
        >>> from jarch.search.model_based import ModelBasedConfig, ModelBasedSearcher, random_pool
        >>> class Mine(ModelBasedSearcher[ModelBasedConfig]):
        ...     name = "mine"
        ...     def _candidates(self, fitted, rng):  # what a round may choose among
        ...         return random_pool(self._gate, rng, self.config.candidates)
        >>> searcher = Mine(ja.trace(ja.spaces.digits_dense), ModelBasedConfig(initial=5))
        >>> found = ja.run_search(searcher, lambda a, seed: {"accuracy": a.values[1] / 128}, 8)
        >>> found.best.values[1], searcher.fitted() is not None
        (128, True)
    """

    name: ClassVar[str]

    space: Space
    config: C
    objective: Objective = field(default_factory=Objective, kw_only=True)
    constraint: Constraint | None = field(default=None, kw_only=True)
    where: Where = field(default=anywhere, kw_only=True)
    surrogate: Surrogate | None = field(default=None, kw_only=True)
    _gate: Gate = field(init=False, repr=False)
    _learner: Surrogate = field(init=False, repr=False)
    _seen: Observations = field(init=False, repr=False)
    _queue: list[Architecture] = field(init=False, default_factory=list[Architecture], repr=False)
    _fit: tuple[int, int] | None = field(init=False, default=None, repr=False)
    _fitted: Fitted | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        """Begin without results."""
        check_where(self.space, self.where)
        self._gate = Gate(self.space, self.constraint, self.config.repeats)
        learner = self.surrogate or make_surrogate(
            self.config.surrogate, self.config.surrogate_options
        )
        self._learner = informed(learner, self.objective.maximize)
        self._seen = Observations(self.space, self.objective, self.config.overdue)

    def ask(self, rng: np.random.Generator) -> Suggestion:
        """Return a random architecture to begin with, later what the surrogate favours.

        Raises:
            SpaceExhausted: Nothing new is left.
            SearchError: Nothing at all is valid and allowed.
        """
        ready = self._seen.succeeded >= self.config.initial and not self._strays(rng)
        suggestion = (self._next(rng) if ready else None) or self._gate.draw(rng)
        if self.config.pending != "ignore":
            self._seen.send(suggestion)
        return suggestion

    def tell(self, suggestion: Suggestion, metrics: Metrics | None) -> None:
        """Remember the result for the next round."""
        if self._gate.takes(suggestion):
            self._seen.take(suggestion, self.objective.of(metrics))

    def options(self) -> Mapping[str, Any]:
        """Return the configuration and the objective; a surrogate of one's own by its class."""
        options = {"name": self.name, **self.objective.options(), **asdict(self.config)}
        if self.surrogate is not None:
            kind = type(self.surrogate)
            options["surrogate"] = f"{kind.__module__}.{kind.__qualname__}"
        return options

    def state(self) -> Mapping[str, Any]:
        """Return the results, what was suggested, and what the round has chosen."""
        return {
            **self._gate.state(),
            **self._seen.state(),
            "queue": [self._seen.values(architecture) for architecture in self._queue],
            "fit": None if self._fit is None else list(self._fit),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the results of a state; the surrogate is fitted again when it is needed."""
        self._gate.restore_state(state)
        self._seen.restore(state)
        self._queue = [self._seen.from_values(values) for values in state["queue"]]
        fit = state["fit"]
        self._fit = None if fit is None else (fit[0], fit[1])
        self._fitted = None

    def fitted(self) -> Fitted | None:
        """Return the surrogate as the last round fitted it; None before the first."""
        if self._fit is None:
            return None
        if self._fitted is None:
            seed, count = self._fit
            architectures, scores = self._seen.data(count)
            generator = np.random.default_rng(seed)
            self._fitted = self._learner.fit(architectures, scores, generator)
        return self._fitted

    @abstractmethod
    def _candidates(self, fitted: Fitted, rng: np.random.Generator) -> Pool:
        """Return what a round may choose among."""

    def _strays(self, rng: np.random.Generator) -> bool:
        """Say whether to draw at random this time, whatever the surrogate says."""
        return False

    def _mutations(self, rng: np.random.Generator, number: int, parents: int, edits: float) -> Pool:
        """Return mutations of the best results, equally many of each, or else of the next best."""
        return mutation_pool(
            self._gate,
            self._seen.best(parents * PATIENCE),
            rng,
            number,
            attempts=-(-number // parents),
            edits=edits,
            where=self.where,
        )

    def _next(self, rng: np.random.Generator) -> Suggestion | None:
        """Return what the round has chosen, or the next one; None where there is nothing."""
        while self._queue or self._plan(rng):
            suggestion = self._gate.admit(self._queue.pop, 0)
            if suggestion is not None:
                return suggestion
        return None

    def _plan(self, rng: np.random.Generator) -> bool:
        """Begin a round; say whether there is anything to choose from."""
        fitted = self._model(rng)
        pool = list(self._candidates(fitted, rng).values())
        if pool:
            values = self._value(fitted, pool, rng)
            order = np.argsort(-values, kind="stable")
            self._queue = [pool[int(i)] for i in order[: self.config.batch]]
        return bool(pool)

    def _value(
        self, fitted: Fitted, architectures: Sequence[Architecture], rng: np.random.Generator
    ) -> FloatArray:
        """Return what architectures are worth: by the acquisition, or by the mean if that is 0."""
        values = self._acquire(self.config.acquisition, fitted, architectures, rng)
        return values if values.any() else self._acquire("mean", fitted, architectures, rng)

    def _acquire(
        self,
        name: AcquisitionName,
        fitted: Fitted,
        architectures: Sequence[Architecture],
        rng: np.random.Generator,
    ) -> FloatArray:
        best, maximize = self._seen.best_score(), self.objective.maximize
        exploration = self.config.exploration
        return acquire(
            name, fitted, architectures, best, rng, maximize=maximize, exploration=exploration
        )

    def _model(self, rng: np.random.Generator) -> Fitted:
        """Return the surrogate, fitted anew where there are new results."""
        count = len(self._seen.told)
        if self._fit is None or self._fit[1] != count:
            self._fit = int(rng.integers(2**32)), count
            self._fitted = None
        fitted = self.fitted()
        assert fitted is not None
        return self._imagine(fitted) if self._seen.out else fitted

    def _imagine(self, fitted: Fitted) -> Fitted:
        """Return the surrogate fitted to the results and to what is thought of those that are out.

        Reference: Ginsbourger, Le Riche and Carraro 2010, "Kriging is well-suited to parallelize
        optimization", section 4.2: the Kriging believer and the constant liar.
        """
        assert self._fit is not None
        seed, count = self._fit
        architectures, scores = self._seen.data(count)
        out = [pending.architecture for pending in self._seen.out]
        if self.config.pending == "believe":
            thought = fitted.predict(out).mean
        else:
            thought = np.full(len(out), self.objective.worst(scores.tolist(), float))
        generator = np.random.default_rng(seed)
        return self._learner.fit(
            [*architectures, *out], np.concatenate([scores, thought]), generator
        )
