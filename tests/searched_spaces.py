"""Small spaces that the tests of searchers share, and a score on one of them."""

from itertools import pairwise

import numpy as np

import jarch as ja
from jarch import nn
from jarch.search import Searcher, SpaceExhausted, Suggestion

WIDTHS = [8, 16, 32, 64]


def chain() -> ja.Fragment:
    """Eight decisions among four values: 65,536 architectures."""
    return ja.sequential(*[nn.dense(ja.Discrete(WIDTHS, name="width")) for _ in range(8)])


def matches(architecture: ja.Architecture, seed: int = 0) -> dict[str, float]:
    """Return how much of a hidden architecture was found; matches in a row count more."""
    hidden = [WIDTHS[(i * i + i // 2) % 4] for i in range(8)]
    same = [a == b for a, b in zip(architecture.values, hidden, strict=True)]
    rows = sum(a and b for a, b in pairwise(same))
    return {"accuracy": (sum(same) + rows) / 15, "loss": -(sum(same) + rows) / 15}


def two_steps() -> ja.Fragment:
    """A side of two, then a width of three: six architectures."""

    def pick(side: str) -> ja.Fragment:
        return nn.dense(ja.Discrete([1, 2, 3], name="width"), use_bias=side == "left")

    side = ja.Discrete(["left", "right"], name="side")
    return ja.substitution(pick, {"side": side}, name="pick")


def ask_all(searcher: Searcher, rng: np.random.Generator) -> list[Suggestion]:
    """Ask until the space is exhausted; tell nothing."""
    found: list[Suggestion] = []
    while True:
        try:
            found.append(searcher.ask(rng))
        except SpaceExhausted:
            return found


def differences(first: ja.Architecture, second: ja.Architecture) -> int:
    return sum(a != b for a, b in zip(first.values, second.values, strict=True))
