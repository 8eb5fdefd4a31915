"""What all searchers with a policy can be told."""

from __future__ import annotations

from dataclasses import dataclass

from jarch.search.checks import check_at_least, check_probabilities
from jarch.search.searcher import SearchError


@dataclass(frozen=True, slots=True)
class PolicyConfig:
    """What all searchers with a policy can be told.

    Attributes:
        layers: How many layers of LSTM there are above each other. With 0 the policy has no memory:
            each value of each decision has a score of its own, whatever else was decided.
        units: Of each layer, and of what stands for a decision or a value.
        scale: Weights begin uniform between minus and plus this.
        learning_rate: Of Adam.
        batch: How many results an update waits for.
        decay: How much of the baseline stays with each result; the rest is the result's reward.
        exponent: To which power a score is raised, once it is stretched to 0..1.
        entropy: How much an update also raises the entropy of the policy.
        bins: Into how many parts a domain is cut that holds real numbers or more than 64 values.
        repeats: Suggest equal models more than once.

    Raises:
        SearchError: A number is out of range.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> options = {"layers": 0, "learning_rate": 0.1, "batch": 4}  # small, and quick to learn
        >>> searcher = ja.make_searcher("reinforce", ja.trace(ja.spaces.digits_dense), options)
        >>> suggestion = searcher.ask(np.random.default_rng(0))
        >>> list(searcher.network.weights)  # without layers the scores of values are all it has
        ['table']
    """

    layers: int = 2
    units: int = 35
    scale: float = 0.08
    learning_rate: float = 6e-4
    batch: int = 8
    decay: float = 0.95
    exponent: float = 3.0
    entropy: float = 0.0
    bins: int = 16
    repeats: bool = False

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_at_least(self, 0, "layers", "entropy")
        check_at_least(self, 1, "units", "batch")
        check_at_least(self, 2, "bins")
        check_probabilities(self, "decay")
        for name in ("scale", "learning_rate", "exponent"):
            if not getattr(self, name) > 0:
                raise SearchError(f"{name} is {getattr(self, name)}; use a number above 0")
