"""BANANAS: an ensemble of predictors, independent Thompson sampling, mutation of the best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from jarch.search.checks import check_at_least
from jarch.surrogates import Fitted

from .acquisitions import AcquisitionName
from .candidates import Pool
from .config import ModelBasedConfig, check_edits
from .rounds import ModelBasedSearcher


@dataclass(frozen=True, slots=True)
class BananasConfig(ModelBasedConfig):
    """How candidates are found and compared; the defaults are those of the paper.

    See `jarch.surrogates.DeepEnsemble` for in what its predictor differs.

    Attributes:
        surrogate: See `ModelBasedConfig`.
        surrogate_options: See `ModelBasedConfig`.
        acquisition: See `ModelBasedConfig`.
        exploration: See `ModelBasedConfig`.
        batch: See `ModelBasedConfig`.
        parents: How many of the best are mutated; up to five times as many, where too few
            of the mutations are new.
        edits: Each decision of n changes with the probability `edits / n`, at least one does.

    Raises:
        SearchError: A number is out of range, or a name unknown.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> config = ja.BananasConfig("ridge", initial=5, batch=2)  # not an ensemble: quick
        >>> ja.BananasSearcher(space, config).options()["acquisition"]
        'independent_thompson_sampling'
    """

    surrogate: str = "deep-ensemble"
    surrogate_options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    acquisition: AcquisitionName = "independent_thompson_sampling"
    exploration: float = 0.5
    batch: int = 10
    parents: int = 1
    edits: float = 1.0

    def __post_init__(self) -> None:
        """Check numbers and names."""
        ModelBasedConfig.__post_init__(self)
        check_at_least(self, 1, "parents")
        check_edits(self.edits)


@dataclass(slots=True)
class BananasSearcher(ModelBasedSearcher[BananasConfig]):
    """Mutates the best, and evaluates those that draws from an ensemble's predictions favour.

    See `ModelBasedSearcher` for how rounds go. Candidates are mutations of the best result so far;
    where those are known already, of the next best. Each one's score is drawn from a normal
    distribution with the mean and the deviation over an ensemble of networks that see its paths.

    Reference:
        White, Neiswanger and Savani 2021, "BANANAS: Bayesian optimization with neural architectures
        for neural architecture search", AAAI; algorithm 1. Defaults as in the authors' code.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> config = ja.BananasConfig("ridge", initial=5, candidates=20, batch=2)  # quick
        >>> searcher = ja.BananasSearcher(space, config, objective=ja.Objective("size"))
        >>> def largest(architecture, seed):
        ...     return {"size": ja.analyze(architecture, {"in": (8, 8, 1)}).parameters}
        >>> found = ja.run_search(searcher, largest, 12, objective="size")
        >>> found.best.values[:2]
        (3, 128)
    """

    name: ClassVar[str] = "bananas"

    config: BananasConfig = field(default_factory=BananasConfig)

    def _candidates(self, fitted: Fitted, rng: np.random.Generator) -> Pool:
        config = self.config
        return self._mutations(rng, config.candidates, config.parents, config.edits)
