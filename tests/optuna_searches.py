"""A space, its scores, and searchers of Optuna on it, for the tests of the bridge."""

from __future__ import annotations

import numpy as np

import jarch as ja
from jarch import nn
from jarch.search import (
    Objective,
)
from jarch.search.bridges import (
    OptunaConfig,
    OptunaSearcher,
)

LOSS = Objective("loss", maximize=False)
SIZE = Objective("size", maximize=False)


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
