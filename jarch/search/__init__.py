"""Searchers, and the loop in which they suggest, candidates are evaluated, and they learn."""

from .catalogue import SEARCHERS as SEARCHERS, make_searcher as make_searcher
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
from .mcts import MctsConfig as MctsConfig, MctsSearcher as MctsSearcher
from .objective import Objective as Objective
from .random_searcher import RandomConfig as RandomConfig, RandomSearcher as RandomSearcher
from .result import (
    SearchResult as SearchResult,
    Stopped as Stopped,
    rank_evaluations as rank_evaluations,
)
from .searcher import (
    Metrics as Metrics,
    Searcher as Searcher,
    SearchError as SearchError,
    SpaceExhausted as SpaceExhausted,
    Suggestion as Suggestion,
)
from .trial import Evaluate as Evaluate
