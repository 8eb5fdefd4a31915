"""Surrogates that note what they are told, and spaces to search with them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.ir import Architecture
from jarch.search import (
    Searcher,
)
from jarch.surrogates import (
    FloatArray,
    Prediction,
)

WIDTHS = [8, 16, 32, 64]


def chain() -> ja.Fragment:
    """Six decisions among four values: 4,096 architectures."""
    return ja.sequential(*[nn.dense(ja.Discrete(WIDTHS, name="width")) for _ in range(6)])


def width() -> ja.Fragment:
    return nn.dense(ja.Discrete(range(1, 21), name="width"))


def two_widths() -> ja.Fragment:
    """25 architectures, of which 6 have widths whose sum is a multiple of 4."""
    return ja.sequential(*[nn.dense(ja.Discrete(range(1, 6), name="width")) for _ in range(2)])


def total(architecture: Architecture) -> float:
    return float(sum(value for value in architecture.values if isinstance(value, int)))


def score(searcher: Searcher, rng: np.random.Generator, times: int = 1) -> list[Architecture]:
    """Ask and tell the sum of the widths, one after another."""
    asked: list[Architecture] = []
    for _ in range(times):
        suggestion = searcher.ask(rng)
        asked.append(suggestion.architecture)
        searcher.tell(suggestion, {"accuracy": total(suggestion.architecture)})
    return asked


def differences(first: Architecture, second: Architecture) -> int:
    return sum(a != b for a, b in zip(first.values, second.values, strict=True))


@dataclass
class Knows:
    """Predicts a function of the architecture, plus noise that the fit drew."""

    function: Callable[[Architecture], float]
    noise: float
    std: float

    def predict(self, architectures: Sequence[Architecture]) -> Prediction:
        mean = np.array([self.function(a) for a in architectures], np.float64)
        shaken = mean + self.noise * np.sin(mean)
        return Prediction(shaken, np.full(len(mean), self.std))

    def sample(self, architectures: Sequence[Architecture], rng: np.random.Generator) -> FloatArray:
        return self.predict(architectures).mean + self.std * rng.normal()


@dataclass
class Spy:
    """A surrogate that knows the truth, and keeps what it was told."""

    function: Callable[[Architecture], float] = total
    noise: float = 0.0
    std: float = 1e-6
    fits: list[tuple[list[Architecture], list[float]]] = field(
        default_factory=list[tuple[list[Architecture], list[float]]]
    )

    def fit(
        self, architectures: Sequence[Architecture], scores: FloatArray, rng: np.random.Generator
    ) -> Knows:
        self.fits.append((list(architectures), scores.tolist()))
        return Knows(self.function, self.noise * rng.normal(), self.std)


@pytest.fixture
def spy() -> Spy:
    """Return a spy that no one has asked yet."""
    return Spy()


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)
