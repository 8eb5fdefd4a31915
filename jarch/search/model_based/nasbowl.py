"""NAS-BOWL: Bayesian optimisation by a Gaussian process with a Weisfeiler-Lehman kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from jarch.search.checks import check_at_least
from jarch.search.searcher import SearchError
from jarch.surrogates import Fitted

from .candidates import Pool, random_pool
from .config import ModelBasedConfig, Pending, check_edits
from .rounds import ModelBasedSearcher


@dataclass(frozen=True, slots=True)
class NasBowlConfig(ModelBasedConfig):
    """How candidates are found and compared; the defaults are those of the paper.

    Attributes:
        surrogate: See `ModelBasedConfig`.
        surrogate_options: See `ModelBasedConfig`.
        candidates: See `ModelBasedConfig`.
        batch: See `ModelBasedConfig`.
        pending: See `ModelBasedConfig`.
        mutated: The part of the candidates that are mutations; the others are random.
        parents: How many of the best are mutated, equally often; up to five times as many, where
            too few of the mutations are new.
        edits: Each decision of n changes with the probability `edits / n`, at least one does.

    Raises:
        SearchError: A number is out of range, or a name unknown.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> config = ja.NasBowlConfig(initial=5, candidates=20, mutated=1.0, pending="worst")
        >>> ja.NasBowlSearcher(space, config).options()["surrogate"]
        'gp-wl'
    """

    surrogate: str = "gp-wl"
    surrogate_options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    candidates: int = 200
    batch: int = 5
    pending: Pending = "believe"
    mutated: float = 0.5
    parents: int = 10
    edits: float = 1.0

    def __post_init__(self) -> None:
        """Check numbers and names."""
        ModelBasedConfig.__post_init__(self)
        check_at_least(self, 1, "parents")
        check_edits(self.edits)
        if not 0 <= self.mutated <= 1:
            raise SearchError(f"mutated is {self.mutated}; a part of the candidates is in 0..1")


@dataclass(slots=True)
class NasBowlSearcher(ModelBasedSearcher[NasBowlConfig]):
    """Evaluates those of which a Gaussian process over graphs expects the most improvement.

    See `ModelBasedSearcher` for how rounds go. Half of the candidates are mutations of the ten best
    results, half are random.

    Reference:
        Ru, Wan, Dong and Osborne 2021, "Interpretable neural architecture search via Bayesian
        optimisation with Weisfeiler-Lehman kernels", ICLR; algorithm 1.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> config = ja.NasBowlConfig(initial=5, candidates=20, batch=2)
        >>> searcher = ja.NasBowlSearcher(space, config, objective=ja.Objective("size"))
        >>> def largest(architecture, seed):
        ...     return {"size": ja.analyze(architecture, {"in": (8, 8, 1)}).parameters}
        >>> found = ja.run_search(searcher, largest, 12, objective="size")
        >>> found.best.values[:2]
        (3, 128)
    """

    name: ClassVar[str] = "nasbowl"

    config: NasBowlConfig = field(default_factory=NasBowlConfig)

    def _candidates(self, fitted: Fitted, rng: np.random.Generator) -> Pool:
        config = self.config
        number = round(config.candidates * config.mutated)
        pool = self._mutations(rng, number, config.parents, config.edits) if number else {}
        return pool | random_pool(self._gate, rng, config.candidates - number)
