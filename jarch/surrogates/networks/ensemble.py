"""An ensemble of feed-forward networks on an encoding: the predictor of BANANAS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import jax
import numpy as np
from numpy.typing import NDArray

from jarch.ir import Architecture
from jarch.surrogates.checks import check_above_zero, check_at_least
from jarch.surrogates.encoder import Encoder, FittedEncoder
from jarch.surrogates.graphs import gathered
from jarch.surrogates.joined import JoinedEncoder
from jarch.surrogates.modules import HashingEncoder
from jarch.surrogates.numbers import NumberEncoder
from jarch.surrogates.paths import PathEncoder
from jarch.surrogates.surrogate import FloatArray, check_observations

from .fitted import FittedNetworks, initial_layer, standardized
from .training import SMALLEST, Recipe, Tree, padded, room, train

_COLUMNS = 256


def paths_and_modules() -> JoinedEncoder:
    """Return the encoding that works on every space."""
    modules = HashingEncoder(None, most=_COLUMNS)
    return JoinedEncoder((PathEncoder(most=_COLUMNS), modules, NumberEncoder(1, squares=False)))


@dataclass(frozen=True, slots=True)
class DeepEnsemble:
    """Networks that differ in how they begin and in which order they see the observations.

    Five networks of ten layers, twenty wide, as in the paper and its authors' code, but for this:

    - The paper's loss is the error relative to how far a score is from a bound that no score
      passes, which must be known; so good scores count more. Here the bound is `margin` standard
      deviations beyond the best score seen, where it is known which scores are better: a searcher
      tells by `directed`. Where it is not known, all errors count alike.
    - Scores are standardised, so that they may be of any kind.
    - Beside the paths of the paper the networks see modules, connections and numbers. In a space
      of chains each architecture is a path of its own, and paths alone say nothing of others.
    - Beyond 256 observations a batch is of 128, beyond 1,024 of 512, and so on. So a fit never
      takes more than 8 steps an epoch, however many observations there are.

    Attributes:
        encoder: What the networks see; columns are divided by their largest size.
        columns: So many columns at most, those that vary most.
        members: How many networks.
        layers: Hidden layers of each.
        width: Of a layer.
        epochs: Passes over the observations.
        batch: Observations a step.
        learning_rate: Of Adam.
        margin: How far beyond the best score the bound lies, in standard deviations.
        maximize: Whether more is better; None where that is not known.

    Raises:
        SurrogateError: A number is out of range.

    Reference:
        White, Neiswanger and Savani 2021, "BANANAS: Bayesian optimization with neural architectures
        for neural architecture search", AAAI, section 4 and the authors' code, whose Adam has a
        second decay of 0.99. Lakshminarayanan, Pritzel and Blundell 2017, "Simple and scalable
        predictive uncertainty estimation using deep ensembles", NeurIPS.

    Example:
        >>> from jarch.surrogates import make_surrogate
        >>> ensemble = make_surrogate("deep-ensemble", {"members": 3, "encoder": "hashing"})
        >>> ensemble.members, ensemble.encoder
        (3, HashingEncoder(size=256, most=None))
        >>> ensemble.directed(maximize=False).maximize  # as a searcher tells it
        False
    """

    encoder: Encoder = field(default_factory=paths_and_modules)
    columns: int = _COLUMNS
    members: int = 5
    layers: int = 10
    width: int = 20
    epochs: int = 150
    batch: int = 32
    learning_rate: float = 0.01
    margin: float = 0.1
    maximize: bool | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_at_least(self, 1, "columns", "members", "layers", "width", "epochs", "batch")
        check_above_zero(self, "learning_rate", "margin")

    def directed(self, maximize: bool) -> DeepEnsemble:
        """Return the same, knowing which scores are better, unless it knows already."""
        return self if self.maximize is not None else replace(self, maximize=maximize)

    def fit(
        self, architectures: Sequence[Architecture], scores: FloatArray, rng: np.random.Generator
    ) -> FittedNetworks:
        """Train the networks, all at once.

        Raises:
            SurrogateError: Scores are missing or not finite.
        """
        scores = check_observations(architectures, scores)
        targets, location, scale = standardized(scores, self.maximize is True)
        known = gathered(architectures)
        rows, inputs = _fit_rows(self.encoder.fit(known), known, self.columns)
        sizes = [rows.size, *[self.width] * self.layers, 1]
        layers = [initial_layer(rng, self.members, a, b) for a, b in pairwise(sizes)]
        recipe = Recipe(
            self.epochs, self.batch, self.learning_rate, second_moment=0.99, loss="absolute"
        )
        trained = train(apply_layers, layers, inputs, targets, self._weights(targets), rng, recipe)
        return FittedNetworks(apply_layers, trained, rows, location, scale)

    def _weights(self, targets: FloatArray) -> FloatArray:
        """Return how much each error counts; the targets are to be minimised, or without aim."""
        if self.maximize is None:
            return np.ones(len(targets))
        weights: FloatArray = 1 / (targets - targets.min() + self.margin)
        return weights


def apply_layers(parameters: Tree, rows: jax.Array) -> jax.Array:
    """Return what a network says of b rows (b, d): shape (b,)."""
    *hidden, (last, bias) = parameters
    # the axis of observations is last: it is longer than a layer is wide, which CPUs like better
    seen = rows.T
    for weights, shift in hidden:
        seen = jax.nn.relu(weights.T @ seen + shift[:, None])
    found: jax.Array = (last.T @ seen)[0] + bias[0]
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The columns of an encoding that a network sees.

    Attributes:
        encoder: Fitted.
        kept: The places of the columns: shape (d,).
        scale: Their largest sizes: shape (d,).
        size: Of a row, with zeros after its end.
    """

    encoder: FittedEncoder
    kept: NDArray[np.int64]
    scale: FloatArray
    size: int

    def __call__(self, architectures: Sequence[Architecture]) -> NDArray[np.float32]:
        """Return the rows of architectures: shape (n, size)."""
        return self.of(self.encoder.encode(architectures))

    def of(self, encoded: FloatArray) -> NDArray[np.float32]:
        """Return the rows of what was encoded."""
        rows = encoded[:, self.kept] / self.scale
        return padded(rows.astype(np.float32), self.size, axis=1)


def _fit_rows(
    encoder: FittedEncoder, architectures: Sequence[Architecture], most: int
) -> tuple[_Rows, NDArray[np.float32]]:
    """Return the columns that vary most among architectures, and their rows."""
    encoded = encoder.encode(architectures)
    scale = np.abs(encoded).max(axis=0, initial=0.0)
    scale[scale == 0] = 1.0
    deviation = (encoded / scale).std(axis=0)
    varying = int((deviation > 1e-9).sum())
    kept = np.sort(np.argsort(-deviation, kind="stable")[: min(varying, most)])
    rows = _Rows(encoder, kept, scale[kept], room(len(kept), SMALLEST))
    return rows, rows.of(encoded)
