"""Several networks that have learned the same scores, and how they begin."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jarch.ir import Architecture
from jarch.surrogates.surrogate import FloatArray, Prediction

from .training import Apply, Tree, predict


@dataclass(frozen=True, slots=True, eq=False)
class FittedNetworks:
    """K networks, whose mean is the prediction and whose spread its doubt. A `Fitted`.

    Attributes:
        apply: From the parameters of one network to standardised scores.
        parameters: Each array with an axis of K in front.
        describe: From architectures to what the networks take.
        location: The mean of the scores before they were standardised.
        scale: Their standard deviation; below zero where standardising turned them round.
        rows: The scores of so many architectures are predicted at once, to spare memory.

    Example:
        >>> import jarch as ja
        >>> def apply(weight, rows):  # one network: from (m, 1) to (m,)
        ...     return weight * rows[:, 0]
        >>> def depths(architectures):
        ...     return np.array([[net.values[0]] for net in architectures], np.float32)
        >>> nets = [ja.replay(ja.trace(ja.spaces.digits_dense), [d, 16, "relu"]) for d in (1, 2)]
        >>> fitted = FittedNetworks(apply, np.array([1.0, 3.0], np.float32), depths, 0.0, 1.0)
        >>> mean, std = fitted.predict(nets)
        >>> mean.tolist(), std.tolist()
        ([2.0, 4.0], [1.0, 2.0])
    """

    apply: Apply
    parameters: Tree
    describe: Callable[[Sequence[Architecture]], Tree]
    location: float
    scale: float
    rows: int = 1024

    def predict(self, architectures: Sequence[Architecture]) -> Prediction:
        """Return mean and standard deviation over the networks."""
        if not architectures:
            return Prediction(np.zeros(0), np.zeros(0))
        found = self._members(architectures)
        return Prediction(found.mean(axis=0), found.std(axis=0))

    def sample(self, architectures: Sequence[Architecture], rng: np.random.Generator) -> FloatArray:
        """Return what one network predicts, drawn at random."""
        if not architectures:
            return np.zeros(0)
        found = self._members(architectures)
        chosen: FloatArray = found[int(rng.integers(len(found)))]
        return chosen

    def _members(self, architectures: Sequence[Architecture]) -> FloatArray:
        """Return what each network predicts: shape (K, m)."""
        parts = [architectures[i : i + self.rows] for i in range(0, len(architectures), self.rows)]
        found = [predict(self.apply, self.parameters, self.describe(part)) for part in parts]
        return self.location + self.scale * np.concatenate(found, axis=1)


def standardized(scores: FloatArray, turned: bool = False) -> tuple[FloatArray, float, float]:
    """Return scores of mean 0 and deviation 1, and the location and scale to go back.

    Where all scores are equal, so is what is predicted: the scale is 0.

    Args:
        scores: Of shape (n,).
        turned: Change their sign.
    """
    location = float(scores.mean())
    scale = float(scores.std())
    if not scale > 1e-12 * abs(location):  # what is left of equal scores is rounding
        return np.zeros(len(scores)), location, 0.0
    scale = -scale if turned else scale
    return (scores - location) / scale, location, scale


def initial_layer(
    rng: np.random.Generator, members: int, inputs: int, outputs: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return weights (K, inputs, outputs) and biases (K, outputs) of a dense layer.

    Reference:
        Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural
        networks", AISTATS.
    """
    limit = math.sqrt(6 / (inputs + outputs))
    weights = rng.uniform(-limit, limit, (members, inputs, outputs))
    return weights.astype(np.float32), np.zeros((members, outputs), np.float32)
