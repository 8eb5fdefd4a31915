"""Search with several objectives: Pareto fronts, hypervolume, and searchers that go for both."""

from .archive import ParetoArchive as ParetoArchive
from .front_local_search import (
    FrontLocalConfig as FrontLocalConfig,
    FrontLocalSearcher as FrontLocalSearcher,
)
from .hypervolume import hypervolume as hypervolume, hypervolume_curve as hypervolume_curve
from .members import Member as Member
from .mo_asha import MoAshaConfig as MoAshaConfig, MoAshaSearcher as MoAshaSearcher
from .nsga2 import Nsga2Config as Nsga2Config, Nsga2Searcher as Nsga2Searcher
from .nsga3 import Nsga3Config as Nsga3Config, Nsga3Searcher as Nsga3Searcher
from .objectives import (
    Objectives as Objectives,
    check_objectives as check_objectives,
    objectives_in as objectives_in,
    parse_objective as parse_objective,
    scores_of as scores_of,
)
from .pareto import (
    crowding_distances as crowding_distances,
    dominates as dominates,
    front_ranks as front_ranks,
    non_dominated as non_dominated,
)
from .reference_points import das_dennis as das_dennis, reference_points as reference_points
from .results import (
    evaluations_hypervolume as evaluations_hypervolume,
    pareto_front as pareto_front,
    worst_scores as worst_scores,
)
