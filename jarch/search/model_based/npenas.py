"""NPENAS: evolution in which a predictor chooses among many children."""

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
class NpenasConfig(ModelBasedConfig):
    """How children are made and compared; the defaults are those of the paper's NPENAS-NP.

    See `jarch.surrogates.GraphNetwork` for in what its predictor differs.

    The paper's NPENAS-BO draws scores: `acquisition="independent_thompson_sampling"`.

    Attributes:
        surrogate: See `ModelBasedConfig`.
        surrogate_options: See `ModelBasedConfig`.
        acquisition: See `ModelBasedConfig`.
        batch: See `ModelBasedConfig`.
        parents: How many of the best have children, `candidates / parents` each; up to five
            times as many, where too few of the children are new.
        edits: Each decision of n changes with the probability `edits / n`, at least one does.

    Raises:
        SearchError: A number is out of range, or a name unknown.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> config = ja.NpenasConfig("ridge", initial=5)  # quick, in place of the network
        >>> ja.NpenasSearcher(space, config).options()["acquisition"]
        'mean'
    """

    surrogate: str = "graph-network"
    surrogate_options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    acquisition: AcquisitionName = "mean"
    batch: int = 10
    parents: int = 10
    edits: float = 1.0

    def __post_init__(self) -> None:
        """Check numbers and names."""
        ModelBasedConfig.__post_init__(self)
        check_at_least(self, 1, "parents")
        check_edits(self.edits)


@dataclass(slots=True)
class NpenasSearcher(ModelBasedSearcher[NpenasConfig]):
    """Mutates the ten best ten times each, and evaluates the ten children predicted to be best.

    See `ModelBasedSearcher` for how rounds go.

    Reference:
        Wei, Niu, Tang, Wang, Hu and Liang 2022, "NPENAS: neural predictor guided evolution for
        neural architecture search", IEEE Transactions on Neural Networks and Learning Systems,
        algorithm 1.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> config = ja.NpenasConfig("ridge", initial=5, candidates=20, batch=2, parents=2)
        >>> searcher = ja.NpenasSearcher(space, config, objective=ja.Objective("size"))
        >>> def largest(architecture, seed):
        ...     return {"size": ja.analyze(architecture, {"in": (8, 8, 1)}).parameters}
        >>> found = ja.run_search(searcher, largest, 12, objective="size")
        >>> found.best.values[:2]
        (3, 128)
    """

    name: ClassVar[str] = "npenas"

    config: NpenasConfig = field(default_factory=NpenasConfig)

    def _candidates(self, fitted: Fitted, rng: np.random.Generator) -> Pool:
        config = self.config
        return self._mutations(rng, config.candidates, config.parents, config.edits)
