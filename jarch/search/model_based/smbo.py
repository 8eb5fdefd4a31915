"""Sequential model-based optimisation with any surrogate, at random or by tree search."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias, get_args

import numpy as np

from jarch.search.checks import check_at_least, check_name
from jarch.search.searcher import SearchError
from jarch.surrogates import Fitted

from .candidates import Pool, random_pool, tree_pool
from .config import ModelBasedConfig, Pending, check_edits
from .rounds import ModelBasedSearcher

Optimizer: TypeAlias = Literal["random", "mcts", "mutation"]
"""How candidates are found that are worth much."""


@dataclass(frozen=True, slots=True)
class SmboConfig(ModelBasedConfig):
    """How candidates are found and compared.

    Surrogate, `candidates` and `epsilon` are those of DeepArchitect. It compared by the mean alone,
    from the second evaluation on.

    Attributes:
        candidates: How many are drawn, or how many walks the tree search makes.
        pending: See `ModelBasedConfig`.
        optimizer: Draw candidates at random, search for them with a tree, or mutate the best.
        epsilon: The probability that a suggestion is drawn at random, whatever the surrogate says.
        parents: How many of the best are mutated, where the optimizer is "mutation".
        edits: How many decisions a mutation changes on average.

    Raises:
        SearchError: A number is out of range, or a name unknown.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> options = {"optimizer": "mcts", "acquisition": "mean", "initial": 1}
        >>> searcher = ja.make_searcher("smbo", space, options)  # as in DeepArchitect
        >>> searcher.options()["candidates"], searcher.options()["epsilon"]
        (512, 0.1)
    """

    candidates: int = 512
    pending: Pending = "believe"
    optimizer: Optimizer = "random"
    epsilon: float = 0.1
    parents: int = 10
    edits: float = 1.0

    def __post_init__(self) -> None:
        """Check numbers and names."""
        ModelBasedConfig.__post_init__(self)
        check_at_least(self, 1, "parents")
        check_edits(self.edits)
        check_name("optimizer", self.optimizer, get_args(Optimizer))
        if not 0 <= self.epsilon <= 1:
            raise SearchError(f"epsilon is {self.epsilon}; a probability is in 0..1")


@dataclass(slots=True)
class SmboSearcher(ModelBasedSearcher[SmboConfig]):
    """Suggests what an acquisition function values most among many candidates, one by one.

    See `ModelBasedSearcher` for how rounds go. Candidates are drawn at random, or are the walks of
    a tree search (see `MctsSearcher`) that is told what the acquisition function says of each; or
    they are mutations of the best results.

    Reference:
        Negrinho and Gordon 2017, "DeepArchitect: automatically designing and training deep
        architectures", section 5.3. Hutter, Hoos and Leyton-Brown 2011, "Sequential model-based
        optimization for general algorithm configuration".

    Example:
        >>> import jarch as ja
        >>> from jarch.search.model_based import SmboConfig, SmboSearcher
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> config = SmboConfig("ridge", candidates=64, initial=5)
        >>> searcher = SmboSearcher(space, config, objective=ja.Objective("size"))
        >>> def largest(architecture, seed):
        ...     return {"size": ja.analyze(architecture, {"in": (8, 8, 1)}).parameters}
        >>> found = ja.run_search(searcher, largest, 12, objective="size")
        >>> len(found.evaluations)
        12
    """

    name: ClassVar[str] = "smbo"

    config: SmboConfig = field(default_factory=SmboConfig)

    def _strays(self, rng: np.random.Generator) -> bool:
        return self.config.epsilon > 0 and rng.random() < self.config.epsilon

    def _candidates(self, fitted: Fitted, rng: np.random.Generator) -> Pool:
        config = self.config
        if config.optimizer == "random":
            return random_pool(self._gate, rng, config.candidates)
        if config.optimizer == "mcts":
            return tree_pool(
                self._gate,
                rng,
                config.candidates,
                lambda architectures: self._value(fitted, architectures, rng),
            )
        return self._mutations(rng, config.candidates, config.parents, config.edits)
