"""Searchers, and the loop in which they suggest, candidates are evaluated, and they learn.

What takes long to import, such as a searcher whose policy is a network, is loaded on first use.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from jarch.ir.lazy_names import lazy_names

from .catalogue import (
    SEARCHERS as SEARCHERS,
    from_state as from_state,
    make_searcher as make_searcher,
)
from .constraints import Constraint as Constraint, within as within
from .edits import (
    NothingToMutate as NothingToMutate,
    Where as Where,
    crossover as crossover,
    edit as edit,
    moves as moves,
    mutable as mutable,
    mutate as mutate,
    mutate_each as mutate_each,
    neighbours as neighbours,
)
from .evolution import EvolutionConfig as EvolutionConfig, EvolutionSearcher as EvolutionSearcher
from .exhaustive import (
    ExhaustiveConfig as ExhaustiveConfig,
    ExhaustiveSearcher as ExhaustiveSearcher,
)
from .local_search import LocalSearchConfig as LocalSearchConfig, LocalSearcher as LocalSearcher
from .loop import random_search as random_search, run_search as run_search
from .mcts import (
    BisectionMctsConfig as BisectionMctsConfig,
    MctsConfig as MctsConfig,
    MctsSearcher as MctsSearcher,
)
from .multi_fidelity import (
    AshaConfig as AshaConfig,
    AshaSearcher as AshaSearcher,
    AsyncHyperbandConfig as AsyncHyperbandConfig,
    AsyncHyperbandSearcher as AsyncHyperbandSearcher,
    BohbConfig as BohbConfig,
    BohbSearcher as BohbSearcher,
    HyperbandConfig as HyperbandConfig,
    HyperbandSearcher as HyperbandSearcher,
    SuccessiveHalvingConfig as SuccessiveHalvingConfig,
    SuccessiveHalvingSearcher as SuccessiveHalvingSearcher,
    SuccessiveNarrowingConfig as SuccessiveNarrowingConfig,
    SuccessiveNarrowingSearcher as SuccessiveNarrowingSearcher,
)
from .multi_objective import (
    FrontLocalConfig as FrontLocalConfig,
    FrontLocalSearcher as FrontLocalSearcher,
    MoAshaConfig as MoAshaConfig,
    MoAshaSearcher as MoAshaSearcher,
    Nsga2Config as Nsga2Config,
    Nsga2Searcher as Nsga2Searcher,
    Nsga3Config as Nsga3Config,
    Nsga3Searcher as Nsga3Searcher,
    ParetoArchive as ParetoArchive,
    hypervolume as hypervolume,
    pareto_front as pareto_front,
)
from .objective import Objective as Objective
from .random_searcher import RandomConfig as RandomConfig, RandomSearcher as RandomSearcher
from .result import (
    SearchResult as SearchResult,
    Stopped as Stopped,
    rank_evaluations as rank_evaluations,
)
from .searcher import (
    FidelitySearcher as FidelitySearcher,
    Metrics as Metrics,
    Searcher as Searcher,
    SearchError as SearchError,
    SpaceExhausted as SpaceExhausted,
    Suggestion as Suggestion,
)
from .together import EvaluatesTogether as EvaluatesTogether
from .trial import (
    Evaluate as Evaluate,
    FidelityEvaluator as FidelityEvaluator,
    KeepsTrials as KeepsTrials,
    KnowsMetrics as KnowsMetrics,
    Observes as Observes,
    TellsCosts as TellsCosts,
    WithFidelity as WithFidelity,
    evaluation_of as evaluation_of,
)

if TYPE_CHECKING:
    from .multi_objective.parego import (
        ParegoConfig as ParegoConfig,
        ParegoSearcher as ParegoSearcher,
    )
    from .quasi_random import (
        QuasiRandomConfig as QuasiRandomConfig,
        QuasiRandomSearcher as QuasiRandomSearcher,
    )

if TYPE_CHECKING:
    from .model_based import (
        BananasConfig as BananasConfig,
        BananasSearcher as BananasSearcher,
        NasBowlConfig as NasBowlConfig,
        NasBowlSearcher as NasBowlSearcher,
        NpenasConfig as NpenasConfig,
        NpenasSearcher as NpenasSearcher,
        SmboConfig as SmboConfig,
        SmboSearcher as SmboSearcher,
    )
    from .policies import (
        PpoConfig as PpoConfig,
        PpoSearcher as PpoSearcher,
        ReinforceConfig as ReinforceConfig,
        ReinforceSearcher as ReinforceSearcher,
    )

_LAZY: Mapping[str, str] = {
    "BananasConfig": "model_based",
    "BananasSearcher": "model_based",
    "NasBowlConfig": "model_based",
    "NasBowlSearcher": "model_based",
    "NpenasConfig": "model_based",
    "NpenasSearcher": "model_based",
    "SmboConfig": "model_based",
    "SmboSearcher": "model_based",
    "ParegoConfig": "multi_objective.parego",
    "ParegoSearcher": "multi_objective.parego",
    "PpoConfig": "policies",
    "PpoSearcher": "policies",
    "ReinforceConfig": "policies",
    "ReinforceSearcher": "policies",
    "QuasiRandomConfig": "quasi_random",
    "QuasiRandomSearcher": "quasi_random",
}
"""Where names are found that are loaded on first use; each also stands in a block for checkers."""

if not TYPE_CHECKING:  # checkers see the names above, and so find misspelt ones
    __getattr__, __dir__ = lazy_names(__name__, globals(), _LAZY)
