"""The candidates of the benchmark of evaluation: random nets of a space, with their decisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

import jarch as ja
from jarch.ir import complete

EPOCHS = 5


class Candidate(NamedTuple):
    """One net.

    Attributes:
        architecture: As jarch has it.
        decisions: By key; from them the net is written by hand.
    """

    architecture: ja.Architecture
    decisions: Mapping[str, Any]


def draw_candidates(number: int, seed: int = 0) -> list[Candidate]:
    """Return random nets of `jarch.spaces.mobilenet`, each decision drawn uniformly."""
    space, rng = ja.trace(ja.spaces.mobilenet), np.random.default_rng(seed)
    found: list[Candidate] = []
    for _ in range(number):
        decisions: dict[str, Any] = {}

        def choose(decision: Any, made: dict[str, Any] = decisions) -> object:
            made[decision.key] = value = decision.domain.sample(rng)
            return value

        found.append(Candidate(complete(space, choose), decisions))
    return found


def config_of(seed: int) -> ja.TrainConfig:
    """Return how each candidate is trained."""
    return ja.TrainConfig(epochs=EPOCHS, seed=seed)
