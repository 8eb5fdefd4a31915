"""Searchers, and the loop in which they suggest, candidates are evaluated, and they learn."""

from .constraints import Constraint as Constraint, within as within
from .loop import random_search as random_search, run_search as run_search
from .random_searcher import RandomSearcher as RandomSearcher
from .result import (
    SearchResult as SearchResult,
    Stopped as Stopped,
    rank_evaluations as rank_evaluations,
)
from .searcher import (
    Metrics as Metrics,
    Searcher as Searcher,
    SpaceExhausted as SpaceExhausted,
    Suggestion as Suggestion,
)
from .trial import Evaluate as Evaluate
