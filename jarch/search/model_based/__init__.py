"""Searchers that fit a surrogate to the results, and what they are made of."""

from .acquisitions import (
    ACQUISITIONS as ACQUISITIONS,
    AcquisitionName as AcquisitionName,
    acquire as acquire,
    confidence_bound as confidence_bound,
    expected_improvement as expected_improvement,
    improvement as improvement,
    probability_of_improvement as probability_of_improvement,
)
from .bananas import BananasConfig as BananasConfig, BananasSearcher as BananasSearcher
from .candidates import (
    Pool as Pool,
    mutation_pool as mutation_pool,
    random_pool as random_pool,
    tree_pool as tree_pool,
)
from .config import ModelBasedConfig as ModelBasedConfig
from .nasbowl import NasBowlConfig as NasBowlConfig, NasBowlSearcher as NasBowlSearcher
from .npenas import NpenasConfig as NpenasConfig, NpenasSearcher as NpenasSearcher
from .observations import Observations as Observations
from .rounds import ModelBasedSearcher as ModelBasedSearcher
from .smbo import Optimizer as Optimizer, SmboConfig as SmboConfig, SmboSearcher as SmboSearcher
