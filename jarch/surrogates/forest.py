"""Trees: random forests, and gradient boosting; both by scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor

from jarch.ir import Architecture

from .checks import check_at_least
from .encoder import Encoder, FittedEncoder
from .graphs import gathered
from .joined import JoinedEncoder
from .numbers import NumberEncoder
from .surrogate import FloatArray, Prediction, SurrogateError, check_observations
from .weisfeiler_lehman import WeisfeilerLehmanEncoder

_SEEDS = 2**31


@dataclass(frozen=True, slots=True, eq=False)
class FittedMembers:
    """Several models of one encoding, whose mean is the prediction and whose spread its doubt.

    Attributes:
        encoder: Says what the columns mean.
        members: Each with a method `predict` of scikit-learn, for standardised scores.
        location: The mean of the scores before they were standardised.
        scale: Their standard deviation.
    """

    encoder: FittedEncoder
    members: Sequence[Any]
    location: float
    scale: float

    def predict(self, architectures: Sequence[Architecture]) -> Prediction:
        """Return mean and standard deviation over the members."""
        if not architectures:
            return Prediction(np.zeros(0), np.zeros(0))
        rows = self.encoder.encode(architectures).astype(np.float32)
        found = self.location + self.scale * np.array([m.predict(rows) for m in self.members])
        return Prediction(found.mean(axis=0), found.std(axis=0))

    def sample(self, architectures: Sequence[Architecture], rng: np.random.Generator) -> FloatArray:
        """Return what one member predicts, drawn at random."""
        member = self.members[int(rng.integers(len(self.members)))]
        if not architectures:
            return np.zeros(0)
        rows = self.encoder.encode(architectures).astype(np.float32)
        found: FloatArray = self.location + self.scale * np.asarray(member.predict(rows))
        return found


def neighbourhoods_and_numbers() -> JoinedEncoder:
    """Return the encoding of what is there, and of how large it is."""
    return JoinedEncoder((WeisfeilerLehmanEncoder(1), NumberEncoder(0)))


@dataclass(frozen=True, slots=True)
class ForestSurrogate:
    """A random forest; its doubt is the spread over the trees.

    Attributes:
        encoder: What the trees see.
        trees: How many.
        features: The fraction of the columns among which each split is chosen.
        leaf: How many observations a leaf has at least.

    Raises:
        SurrogateError: A number is out of range.

    Reference:
        Breiman 2001, "Random forests", Machine Learning 45; for the spread as an uncertainty
        Hutter, Hoos and Leyton-Brown 2011, "Sequential model-based optimization for general
        algorithm configuration", LION.

    Example:
        >>> import jarch as ja
        >>> nets = list(ja.enumerate_architectures(ja.trace(ja.spaces.digits_dense)))
        >>> depths = np.array([net.values[0] for net in nets], float)
        >>> forest = ForestSurrogate(trees=10)
        >>> fitted = forest.fit(nets[::2], depths[::2], np.random.default_rng(0))
        >>> bool(np.corrcoef(fitted.predict(nets[1::2]).mean, depths[1::2])[0, 1] > 0.8)
        True
    """

    encoder: Encoder = field(default_factory=neighbourhoods_and_numbers)
    trees: int = 100
    features: float = 1 / 3
    leaf: int = 1

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_at_least(self, 1, "trees", "leaf")
        if not 0 < self.features <= 1:
            raise SurrogateError(f"features is {self.features}; use a fraction above 0, up to 1")

    def fit(
        self, architectures: Sequence[Architecture], scores: FloatArray, rng: np.random.Generator
    ) -> FittedMembers:
        """Grow the trees, each on as many observations drawn with replacement.

        Raises:
            SurrogateError: Scores are missing or not finite.
        """
        scores, location, scale = _standardized(architectures, scores)
        architectures = gathered(architectures)
        encoder = self.encoder.fit(architectures)
        forest: Any = RandomForestRegressor(
            self.trees,
            max_features=self.features,
            min_samples_leaf=self.leaf,
            random_state=int(rng.integers(_SEEDS)),
        )
        forest.fit(encoder.encode(architectures).astype(np.float32), scores)
        members = [_Tree(tree.tree_) for tree in forest.estimators_]
        return FittedMembers(encoder, members, location, scale)


@dataclass(frozen=True, slots=True)
class BoostingSurrogate:
    """Gradient boosting of shallow trees; its doubt is the spread over bootstrapped repetitions.

    Attributes:
        encoder: What the trees see.
        members: How many times boosting is repeated, each time with observations drawn with
            replacement.
        trees: How many in each.
        depth: Of a tree.
        learning_rate: How much of the remainder a tree takes.
        features: The fraction of the columns among which each split is chosen.

    Raises:
        SurrogateError: A number is out of range.

    Reference:
        Friedman 2001, "Greedy function approximation: a gradient boosting machine", Annals of
        Statistics 29.

    Example:
        >>> import jarch as ja
        >>> nets = list(ja.enumerate_architectures(ja.trace(ja.spaces.digits_dense)))
        >>> depths = np.array([net.values[0] for net in nets], float)
        >>> boosting = BoostingSurrogate(members=2, trees=20)
        >>> fitted = boosting.fit(nets[::2], depths[::2], np.random.default_rng(0))
        >>> bool(np.corrcoef(fitted.predict(nets[1::2]).mean, depths[1::2])[0, 1] > 0.8)
        True
    """

    encoder: Encoder = field(default_factory=neighbourhoods_and_numbers)
    members: int = 8
    trees: int = 150
    depth: int = 4
    learning_rate: float = 0.1
    features: float = 1 / 3

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_at_least(self, 1, "members", "trees", "depth")
        for name in ("learning_rate", "features"):
            if not 0 < getattr(self, name) <= 1:
                raise SurrogateError(f"{name} is {getattr(self, name)}; use one above 0, up to 1")

    def fit(
        self, architectures: Sequence[Architecture], scores: FloatArray, rng: np.random.Generator
    ) -> FittedMembers:
        """Boost once for each member.

        Raises:
            SurrogateError: Scores are missing or not finite.
        """
        scores, location, scale = _standardized(architectures, scores)
        architectures = gathered(architectures)
        encoder = self.encoder.fit(architectures)
        rows = encoder.encode(architectures).astype(np.float32)
        members: list[Any] = []
        for _ in range(self.members):
            drawn = rng.integers(len(rows), size=len(rows))
            member: Any = GradientBoostingRegressor(
                n_estimators=self.trees,
                max_depth=self.depth,
                learning_rate=self.learning_rate,
                max_features=self.features,
                random_state=int(rng.integers(_SEEDS)),
            )
            members.append(member.fit(rows[drawn], scores[drawn]))
        return FittedMembers(encoder, members, location, scale)


@dataclass(frozen=True, slots=True, eq=False)
class _Tree:
    """A tree without scikit-learn's checks of its input, which take longer than the tree."""

    tree: Any

    def predict(self, rows: Any) -> FloatArray:
        found: FloatArray = self.tree.predict(rows)[:, 0]
        return found


def _standardized(
    architectures: Sequence[Architecture], scores: FloatArray
) -> tuple[FloatArray, float, float]:
    scores = check_observations(architectures, scores)
    location, scale = float(scores.mean()), float(scores.std()) or 1.0
    return (scores - location) / scale, location, scale
