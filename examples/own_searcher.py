"""Write a searcher of one's own, simulated annealing, and hold it against random search.

Each candidate is scored by a formula, so this takes seconds: `python examples/own_searcher.py`.
`docs/searchers/README.md` says more; `jarch.testing.check_searcher` tests a searcher thoroughly.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

import jarch as ja
from jarch.search import Constraint, Metrics, NothingToMutate, mutate
from jarch.search.gate import Gate


class Annealing:
    """Walks from one architecture to a neighbour: to a worse one ever more rarely."""

    def __init__(
        self, space: ja.Space, objective: ja.Objective, constraint: Constraint | None = None
    ) -> None:
        self.space, self.objective = space, objective
        self.gate = Gate(space, constraint)  # lets what is valid and new through
        self.here: ja.Architecture | None = None
        self.score, self.temperature = -math.inf, 0.1

    def ask(self, rng: np.random.Generator) -> ja.Suggestion:
        """Suggest a change of where we are; at the beginning, or without one, anything."""
        if self.here is not None:
            for _ in range(20):
                try:
                    suggestion = self.gate.admit(mutate, self.space, self.here, rng)
                except NothingToMutate:  # the space has no decisions
                    break
                if suggestion is not None:
                    return suggestion
        return self.gate.draw(rng)

    def tell(self, suggestion: ja.Suggestion, metrics: Metrics | None) -> None:
        """Go there if it is better, or with a probability that falls with time and distance."""
        score = self.objective.of(metrics)
        if not self.gate.takes(suggestion) or score is None:  # told before, or it failed
            return
        gain = score - self.score if self.objective.maximize else self.score - score
        self.temperature *= 0.97
        # The last digits of a hash serve as a random number: what is told must not depend on more.
        chance = int(suggestion.fingerprint[-8:], 16) / 2**32
        if self.here is None or gain > 0 or chance < math.exp(gain / self.temperature):
            self.here, self.score = suggestion.architecture, score

    def options(self) -> Mapping[str, Any]:
        """Name the algorithm; a run folder keeps this."""
        return {"name": "annealing", **self.objective.options()}

    def state(self) -> Mapping[str, Any]:
        """Return all it knows, so that a search can go on in another process."""
        here = None if self.here is None else ja.to_json(self.here)
        score = None if self.here is None else self.score
        known = {"here": here, "score": score, "temperature": self.temperature}
        return {**self.gate.state(), **known}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Know what `state` returned."""
        self.gate.restore_state(state)
        self.here = None if state["here"] is None else ja.from_json(state["here"])
        self.score = -math.inf if state["score"] is None else state["score"]
        self.temperature = state["temperature"]


def rate(architecture: ja.Architecture, seed: int) -> dict[str, float]:
    """Return a stand-in for what training would tell: weights for each byte of activations."""
    size = ja.analyze(architecture, {"in": (32, 32, 3)})
    return {"score": math.log(size.parameters / size.activation_bytes)}


space = ja.trace(ja.spaces.mobilenet)
best: dict[str, list[float]] = {"random": [], "annealing": []}
for seed in range(10):
    searchers: dict[str, ja.Searcher] = {
        "random": ja.RandomSearcher(space),
        "annealing": Annealing(space, ja.Objective("score")),
    }
    for name, searcher in searchers.items():
        found = ja.run_search(searcher, rate, evaluations=40, seed=seed, objective="score")
        assert found.best_architecture is not None
        best[name].append(rate(found.best_architecture, 0)["score"])
for name, scores in best.items():
    print(f"{name:9} best of 40, mean of 10 seeds: {np.mean(scores):.2f}")
