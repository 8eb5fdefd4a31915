"""Suggesting by a policy, and updating it by what comes back: what its searchers share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from jarch.ir import Architecture, Constant, IndependentHyperparameter, Space, complete
from jarch.search.constraints import Constraint
from jarch.search.fences import FencedScores
from jarch.search.gate import Gate
from jarch.search.objective import Objective
from jarch.search.searcher import Metrics, Suggestion

from .config import PolicyConfig
from .decisions import decide
from .network import Network, Walk
from .trajectory import Batch, Trajectory, pad

C = TypeVar("C", bound=PolicyConfig)

ATTEMPTS = 100  # walks in a row that give nothing new, after which one is drawn at random


@dataclass(slots=True)
class PolicySearcher(ABC, Generic[C]):
    """Makes each decision as a policy says, and updates the policy by a batch of results.

    The policy is an LSTM that reads the key of the decision to make and the value of the one before
    it, and scores the values there are. It sees the transitions alone, so it works on every space;
    see `decide` for domains that are large or no list of values.

    A reward is a score stretched to 0..1 from the worst score told to the best, and raised to a
    power; a failure has the reward 0, and so has a score beyond the outer fence, which is no part
    of the range (see `jarch.search.fences`). What it is compared with is an exponential moving
    average of the rewards of earlier batches, and for the first batch its mean. An update is made
    once a batch of results is there, whichever come back; what never does is missed by nobody.

    What is invalid or known is chosen anew, and the policy does not learn from that. Where 100
    walks in a row give nothing new, an architecture is drawn at random, to the last of the space,
    from which the policy does not learn either.

    Attributes:
        space: Where to search.
        config: The policy, and how it learns.
        objective: What is rewarded.
        constraint: Returns False, or raises `InvalidArchitecture`, for those not to suggest.
        network: The policy; None before the first suggestion.

    Example:
        >>> import jarch as ja
        >>> from jarch.search.policies import PolicyConfig, PolicySearcher
        >>> class Looks(PolicySearcher[PolicyConfig]):  # and changes nothing
        ...     name = "looks"
        ...     def _improve(self, network, batch):
        ...         print("rewards above the baseline:", batch.advantages.tolist())
        >>> config = PolicyConfig(layers=0, batch=3, exponent=1.0)
        >>> searcher = Looks(ja.trace(ja.spaces.digits_dense), config)
        >>> rng = np.random.default_rng(0)
        >>> for accuracy in (0.5, 0.75, 1.0):
        ...     searcher.tell(searcher.ask(rng), {"accuracy": accuracy})
        rewards above the baseline: [-0.5, 0.0, 0.5]
    """

    name: ClassVar[str]

    space: Space
    config: C
    objective: Objective = field(default_factory=Objective, kw_only=True)
    constraint: Constraint | None = field(default=None, kw_only=True)
    network: Network | None = field(init=False, default=None, repr=False)
    _gate: Gate = field(init=False, repr=False)
    _out: dict[str, list[Trajectory | None]] = field(
        init=False, default_factory=dict[str, "list[Trajectory | None]"], repr=False
    )
    _told: list[tuple[Trajectory, float | None]] = field(
        init=False, default_factory=list[tuple[Trajectory, "float | None"]], repr=False
    )
    _baseline: float | None = field(init=False, default=None, repr=False)
    _scores: FencedScores = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin without a policy."""
        self._gate = Gate(self.space, self.constraint, self.config.repeats)
        self._scores = FencedScores(self.objective.maximize)

    def ask(self, rng: np.random.Generator) -> Suggestion:
        """Return what the policy leads to.

        Raises:
            SpaceExhausted: Nothing new is left.
            SearchError: Nothing at all is valid and allowed.
        """
        if self.network is None:
            self.network = self._make_network(int(rng.integers(2**32)))
        for _ in range(ATTEMPTS):
            walk = self.network.begin()
            suggestion = self._gate.admit(self._follow, walk, rng)
            if suggestion is not None:
                return self._send(suggestion, walk.trajectory)
        return self._send(self._gate.draw(rng), None)

    def tell(self, suggestion: Suggestion, metrics: Metrics | None) -> None:
        """Take note of a result; update the policy where a batch of them is there."""
        self._gate.check(suggestion)
        ways = self._out.get(suggestion.fingerprint)
        if not ways:
            return
        trajectory = ways.pop(0)
        if not ways:
            del self._out[suggestion.fingerprint]
        score = self.objective.of(metrics)
        if score is not None:
            self._scores.add(score)
        if trajectory is not None:
            self._told.append((trajectory, score))
            if len(self._told) == self.config.batch:
                self._learn()

    def options(self) -> Mapping[str, Any]:
        """Return the configuration and the objective."""
        return {"name": self.name, **self.objective.options(), **asdict(self.config)}

    def state(self) -> Mapping[str, Any]:
        """Return what was suggested, the policy with its optimiser, and what it is yet to learn."""
        return {
            "seen": list(self._gate.seen),
            "network": None if self.network is None else self.network.state(),
            "baseline": self._baseline,
            "scores": self._scores.state(),
            "told": [[trajectory.to_data(), score] for trajectory, score in self._told],
            "out": {
                found: [None if way is None else way.to_data() for way in ways]
                for found, ways in self._out.items()
            },
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the policy of a state, and what it is to learn from."""
        self._gate.restore(state["seen"])
        self.network = None
        if state["network"] is not None:
            self.network = self._make_network(state["network"]["seed"])
            self.network.restore(state["network"])
        self._baseline = state["baseline"]
        self._scores.restore(state["scores"])
        self._told = [(Trajectory.from_data(data), score) for data, score in state["told"]]
        self._out = {
            found: [None if way is None else Trajectory.from_data(way) for way in ways]
            for found, ways in state["out"].items()
        }

    @abstractmethod
    def _improve(self, network: Network, batch: Batch) -> None:
        """Update the policy by a batch."""

    def _make_network(self, seed: int) -> Network:
        config = self.config
        return Network(seed, config.layers, config.units, config.scale)

    def _follow(self, walk: Walk, rng: np.random.Generator) -> Architecture:
        """Return the architecture that a walk leads to."""

        def pick(question: str, answers: Sequence[str]) -> int:
            return walk.pick(question, answers, rng)

        def choose(hyperparameter: IndependentHyperparameter) -> Constant:
            return decide(hyperparameter, pick, self.config.bins, rng)

        return complete(self.space, choose)

    def _send(self, suggestion: Suggestion, trajectory: Trajectory | None) -> Suggestion:
        self._out.setdefault(suggestion.fingerprint, []).append(trajectory)
        return suggestion

    def _learn(self) -> None:
        rewards = [self._reward(score) for _, score in self._told]
        baseline = float(np.mean(rewards)) if self._baseline is None else self._baseline
        batch = pad([way for way, _ in self._told], [reward - baseline for reward in rewards])
        for reward in rewards:
            baseline = self.config.decay * baseline + (1 - self.config.decay) * reward
        self._baseline = baseline
        self._told = []
        assert self.network is not None
        self._improve(self.network, batch)

    def _reward(self, score: float | None) -> float:
        """Return how far a score is from the worst to the best, raised to a power."""
        worst, best = self._scores.worst, self._scores.best
        if score is None or worst == best:
            return 0.0
        reward: float = (
            (self._scores.clip(score) - worst) / (best - worst)
        ) ** self.config.exponent
        return reward
