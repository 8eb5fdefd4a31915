"""BOHB: Hyperband that draws its candidates from where the better ones were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

import numpy as np

from jarch.ir import Architecture, Constant, as_constant
from jarch.search.checks import check_at_least, check_name, check_probabilities
from jarch.search.model_based.acquisitions import ACQUISITIONS, AcquisitionName
from jarch.search.searcher import SearchError, Suggestion
from jarch.surrogates import make_surrogate

from .bracketed import BracketConfig, BracketSearcher, Plan
from .densities import KernelDensity, Point, point_of
from .ladder import brackets
from .surrogate_model import SurrogateModel


@dataclass(frozen=True, slots=True)
class BohbConfig(BracketConfig):
    """The brackets, and how candidates are drawn; the defaults are those of the paper.

    Attributes:
        maximum: The fidelity of the highest rung, such as the epochs of a training in full.
        minimum: No rung is below this fidelity.
        eta: A rung has one in so many of the candidates of the rung below.
        random_fraction: The probability that a candidate is drawn at random, whatever is known.
        top: The part of the results at a fidelity that counts as good.
        candidates: How many are drawn from the good, to take the one that is least like the bad.
        bandwidth_factor: By which bandwidths of ranges are wider when drawing.
        min_bandwidth: No bandwidth is below this.
        min_points: At least so many are good, and so many bad; None for one more than there are
            decisions, by the architecture with the most.
        surrogate: In place of the densities, the name of what predicts scores; see
            `jarch.surrogates.SURROGATES`. Of `candidates` mutations of the best part that is taken
            which the acquisition function values most. None for the densities of the paper.
        surrogate_options: Its options, by name.
        acquisition: See `jarch.search.model_based.ACQUISITIONS`.
        exploration: How many standard deviations the confidence bound adds.
        overdue: See `BracketConfig`.
        repeats: Suggest equal models more than once.

    Raises:
        SearchError: A number is out of range.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> config = ja.BohbConfig(maximum=9, min_points=2)
        >>> searcher = ja.BohbSearcher(ja.trace(ja.spaces.digits_dense), config)
        >>> rng = np.random.default_rng(0)
        >>> for accuracy in (0.5, 0.7, 0.6, 0.8):
        ...     searcher.tell(searcher.ask(rng), {"accuracy": accuracy})
        >>> searcher.fitted() is not None  # with three decisions it takes six results by default
        True
    """

    maximum: int = 81
    minimum: int = 1
    eta: int = 3
    random_fraction: float = 1 / 3
    top: float = 0.15
    candidates: int = 64
    bandwidth_factor: float = 3.0
    min_bandwidth: float = 1e-3
    min_points: int | None = None
    surrogate: str | None = None
    surrogate_options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    acquisition: AcquisitionName = "expected_improvement"
    exploration: float = 2.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        BracketConfig.__post_init__(self)
        check_probabilities(self, "random_fraction", "top")
        check_at_least(self, 1, "candidates", "min_points")
        check_at_least(self, 0, "exploration")
        check_name("acquisition", self.acquisition, ACQUISITIONS)
        if self.bandwidth_factor <= 0:
            raise SearchError(f"bandwidth_factor is {self.bandwidth_factor}; use more than 0")
        if not 0 < self.min_bandwidth < 1:
            raise SearchError(f"min_bandwidth is {self.min_bandwidth}; use a number in 0..1")

    def plan(self) -> Plan:
        """Return the brackets of Hyperband."""
        return brackets(self.maximum, self.eta, self.minimum)


@dataclass(frozen=True, slots=True)
class BohbModel:
    """Where the results are good, and where they are bad.

    Attributes:
        good: The density of the best part.
        bad: That of the others.
    """

    good: KernelDensity
    bad: KernelDensity


@dataclass(slots=True)
class BohbSearcher(BracketSearcher[BohbConfig]):
    """Runs the brackets of Hyperband with candidates that a model of the good ones proposes.

    The model is made of the results at the highest fidelity that has at least `min_points + 2` of
    them: a kernel density of the best part and one of the others (see `KernelDensity`). Candidates
    are drawn from the first, with wider bumps, and that is taken of which the quotient of the first
    and the second density is highest. A part of the candidates is random all the same, and all are
    until there is a model, or where nothing that it proposes is new. Failures count as the worst.
    A surrogate may take the place of the densities, which is not of the paper.

    See `BracketSearcher` for what late results do.

    Reference:
        Falkner, Klein and Hutter 2018, "BOHB: robust and efficient hyperparameter optimization at
        scale", ICML; algorithms 1 and 2.

    Example:
        >>> import jarch as ja
        >>> from jarch.search import WithFidelity
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Integer(1, 1000, name="width")))
        >>> def evaluate(architecture, seed, fidelity):
        ...     return {"accuracy": -abs(architecture.values[0] - 300) / fidelity}
        >>> searcher = BohbSearcher(space, BohbConfig(maximum=9))
        >>> found = ja.run_search(searcher, WithFidelity(evaluate, full=9), 100)
        >>> abs(found.best.decisions[0][1] - 300) < 10
        True
    """

    name: ClassVar[str] = "bohb"

    config: BohbConfig = field(default_factory=BohbConfig)
    _told: dict[int, list[tuple[Point, float | None]]] = field(
        init=False, default_factory=dict[int, list[tuple[Point, float | None]]], repr=False
    )
    _records: list[list[Any]] = field(init=False, default_factory=list[list[Any]], repr=False)
    _model: BohbModel | None = field(init=False, default=None, repr=False)
    _fresh: bool = field(init=False, default=True, repr=False)
    _surrogate: SurrogateModel | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        """Begin before the first bracket, without results."""
        super(BohbSearcher, self).__post_init__()  # slots make another class of it: no bare super
        config = self.config
        if config.surrogate is not None:
            self._surrogate = SurrogateModel(
                self.space,
                self.objective,
                make_surrogate(config.surrogate, config.surrogate_options),
                config.acquisition,
                config.exploration,
                config.top,
                config.candidates,
            )

    def state(self) -> Mapping[str, Any]:
        """Return what was suggested, the brackets that are going on, and all results."""
        told = [list(record) for record in self._records]
        return {**BracketSearcher[BohbConfig].state(self), "told": told}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the brackets and the results of a state."""
        BracketSearcher[BohbConfig].restore(self, state)
        self._told, self._records, self._fresh = {}, [], False
        for fidelity, values, score in state["told"]:
            constants = cast("tuple[Constant, ...]", as_constant(values, "values"))
            self._note(fidelity, constants, score)
        if self._surrogate is not None:
            self._surrogate.restore(state["told"])

    def _draw(self, rng: np.random.Generator) -> Suggestion:
        proposed = None if rng.random() < self.config.random_fraction else self._proposal(rng)
        return proposed or self._gate.draw(rng)

    def _proposal(self, rng: np.random.Generator) -> Suggestion | None:
        """Return what the model proposes; None where there is no model, or nothing of it is new."""
        if self._surrogate is None:
            model = self.fitted()
            return None if model is None else self._propose(model, rng)
        fidelity = self._ready()
        best = None if fidelity is None else self._surrogate.propose(self._gate, fidelity, rng)
        return None if best is None else self._gate.admit(lambda: best)

    def _learn(self, suggestion: Suggestion, score: float | None) -> None:
        assert suggestion.fidelity is not None
        values = suggestion.architecture.values[len(self.space.decisions) :]
        self._note(suggestion.fidelity, values, score)
        if self._surrogate is not None:
            self._surrogate.note(suggestion, score)

    def _note(self, fidelity: int, values: tuple[Constant, ...], score: float | None) -> None:
        point = point_of(self.space, values)
        self._told.setdefault(fidelity, []).append((point, score))
        self._records.append([fidelity, list(values), score])
        self._fresh = False

    def _propose(self, model: BohbModel, rng: np.random.Generator) -> Suggestion | None:
        """Return the best of what the model proposes; None where nothing of it is new."""
        best: Architecture | None = None
        highest = -np.inf
        for _ in range(self.config.candidates):
            point: Point = {}

            def draw() -> Architecture:
                nonlocal point
                found, point = model.good.sample(self.space, rng, self.config.bandwidth_factor)
                return found

            candidate = self._gate.consider(draw)
            if candidate is not None:
                quotient = model.good.log_density(point) - model.bad.log_density(point)
                if best is None or quotient > highest:
                    best, highest = candidate[0], quotient
        chosen = best
        return None if chosen is None else self._gate.admit(lambda: chosen)

    def fitted(self) -> BohbModel | None:
        """Return the model of the results; None where they are too few."""
        if not self._fresh:
            self._model, self._fresh = self._fit(), True
        return self._model

    def _ready(self) -> int | None:
        """Return the highest fidelity with results enough; None where there is none."""
        for fidelity in sorted(self._told, reverse=True):
            if len(self._told[fidelity]) >= self._least(fidelity) + 2:
                return fidelity
        return None

    def _least(self, fidelity: int) -> int:
        points = self.config.min_points
        return self._dimensions(fidelity) + 1 if points is None else points

    def _dimensions(self, fidelity: int) -> int:
        return max(len(point) for point, _ in self._told[fidelity])

    def _fit(self) -> BohbModel | None:
        config, fidelity = self.config, self._ready()
        if fidelity is None:
            return None
        points = [point for point, _ in self._sorted(self._told[fidelity])]
        least, dimensions = self._least(fidelity), self._dimensions(fidelity)
        good = max(least, int(config.top * len(points)))
        bad = max(least, len(points) - good)
        return BohbModel(
            KernelDensity(points[:good], dimensions, config.min_bandwidth),
            KernelDensity(points[-bad:], dimensions, config.min_bandwidth),
        )

    def _sorted(self, told: list[tuple[Point, float | None]]) -> list[tuple[Point, float | None]]:
        """Return results, the best first and failures last, of equals the earlier first."""
        sign = -1.0 if self.objective.maximize else 1.0
        return sorted(told, key=lambda pair: (pair[1] is None, sign * (pair[1] or 0.0)))
