"""Functional search spaces for neural architecture search in JAX.

Write a search space with the functions of `jarch` and `jarch.nn`, `trace` it, and decide:
`assign`, `sample` and `replay` lead from the space to an `Architecture`, which `lower` turns into
a Flax model. What needs JAX, or takes time to import, is loaded on first use.
"""

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from . import nn as nn, spaces as spaces
from .combinators import (
    choose as choose,
    dense_block as dense_block,
    hyperparameter_aggregator as hyperparameter_aggregator,
    identity as identity,
    nested_repeat as nested_repeat,
    optional as optional,
    permutation as permutation,
    repeat as repeat,
    residual as residual,
    sequential as sequential,
    share as share,
    split_combine as split_combine,
)
from .ir import (
    Analysis as Analysis,
    Architecture as Architecture,
    AssignmentError as AssignmentError,
    Bool as Bool,
    Dependent as Dependent,
    Discrete as Discrete,
    Domain as Domain,
    Float as Float,
    FloatDomain as FloatDomain,
    Fragment as Fragment,
    Integer as Integer,
    InvalidArchitecture as InvalidArchitecture,
    OneOfK as OneOfK,
    ParseError as ParseError,
    Permutation as Permutation,
    ShapeError as ShapeError,
    Space as Space,
    SpaceError as SpaceError,
    Wiring as Wiring,
    analyze as analyze,
    architecture as architecture,
    assign as assign,
    basic as basic,
    check as check,
    count as count,
    enumerate_architectures as enumerate_architectures,
    fingerprint as fingerprint,
    from_json as from_json,
    parse as parse,
    rank as rank,
    replay as replay,
    sample as sample,
    sample_uniform as sample_uniform,
    substitution as substitution,
    to_json as to_json,
    to_text as to_text,
    trace as trace,
    unrank as unrank,
    verify as verify,
)

if TYPE_CHECKING:
    from .data import (
        DataError as DataError,
        Dataset as Dataset,
        from_arrays as from_arrays,
        load_data as load_data,
    )
    from .evaluate import TrainingEvaluator as TrainingEvaluator
    from .lowering import (
        Checkpoint as Checkpoint,
        CheckpointError as CheckpointError,
        EpochReport as EpochReport,
        ExportError as ExportError,
        InputError as InputError,
        LoweringError as LoweringError,
        Metric as Metric,
        Model as Model,
        TrainConfig as TrainConfig,
        TrainConfigError as TrainConfigError,
        Trained as Trained,
        TrainingFailed as TrainingFailed,
        enable_compilation_cache as enable_compilation_cache,
        fit as fit,
        fit_partly as fit_partly,
        load as load,
        load_checkpoint as load_checkpoint,
        lower as lower,
        save as save,
        save_checkpoint as save_checkpoint,
    )
    from .runs import (
        Evaluation as Evaluation,
        Run as Run,
        RunError as RunError,
        read_run as read_run,
    )
    from .search import (
        AshaConfig as AshaConfig,
        AshaSearcher as AshaSearcher,
        EvolutionConfig as EvolutionConfig,
        EvolutionSearcher as EvolutionSearcher,
        ExhaustiveConfig as ExhaustiveConfig,
        ExhaustiveSearcher as ExhaustiveSearcher,
        FrontLocalConfig as FrontLocalConfig,
        FrontLocalSearcher as FrontLocalSearcher,
        HyperbandConfig as HyperbandConfig,
        HyperbandSearcher as HyperbandSearcher,
        LocalSearchConfig as LocalSearchConfig,
        LocalSearcher as LocalSearcher,
        MctsConfig as MctsConfig,
        MctsSearcher as MctsSearcher,
        Nsga2Config as Nsga2Config,
        Nsga2Searcher as Nsga2Searcher,
        Nsga3Config as Nsga3Config,
        Nsga3Searcher as Nsga3Searcher,
        Objective as Objective,
        ParetoArchive as ParetoArchive,
        QuasiRandomConfig as QuasiRandomConfig,
        QuasiRandomSearcher as QuasiRandomSearcher,
        RandomConfig as RandomConfig,
        RandomSearcher as RandomSearcher,
        Searcher as Searcher,
        SearchError as SearchError,
        SearchResult as SearchResult,
        SpaceExhausted as SpaceExhausted,
        Suggestion as Suggestion,
        hypervolume as hypervolume,
        make_searcher as make_searcher,
        pareto_front as pareto_front,
        random_search as random_search,
        run_search as run_search,
        within as within,
    )
    from .show import (
        Drawing as Drawing,
        DrawingWarning as DrawingWarning,
        draw as draw,
        draw_evolution as draw_evolution,
    )

_LAZY: Mapping[str, str] = {
    "AshaConfig": "search",
    "AshaSearcher": "search",
    "Checkpoint": "lowering",
    "CheckpointError": "lowering",
    "DataError": "data",
    "Dataset": "data",
    "Drawing": "show",
    "DrawingWarning": "show",
    "EpochReport": "lowering",
    "Evaluation": "runs",
    "EvolutionConfig": "search",
    "EvolutionSearcher": "search",
    "ExhaustiveConfig": "search",
    "ExhaustiveSearcher": "search",
    "ExportError": "lowering",
    "FrontLocalConfig": "search",
    "FrontLocalSearcher": "search",
    "HyperbandConfig": "search",
    "HyperbandSearcher": "search",
    "InputError": "lowering",
    "LocalSearchConfig": "search",
    "LocalSearcher": "search",
    "LoweringError": "lowering",
    "MctsConfig": "search",
    "MctsSearcher": "search",
    "Metric": "lowering",
    "Model": "lowering",
    "Nsga2Config": "search",
    "Nsga2Searcher": "search",
    "Nsga3Config": "search",
    "Nsga3Searcher": "search",
    "Objective": "search",
    "ParetoArchive": "search",
    "QuasiRandomConfig": "search",
    "QuasiRandomSearcher": "search",
    "RandomConfig": "search",
    "RandomSearcher": "search",
    "Run": "runs",
    "RunError": "runs",
    "SearchError": "search",
    "SearchResult": "search",
    "Searcher": "search",
    "SpaceExhausted": "search",
    "Suggestion": "search",
    "TrainConfig": "lowering",
    "TrainConfigError": "lowering",
    "Trained": "lowering",
    "TrainingEvaluator": "evaluate",
    "TrainingFailed": "lowering",
    "draw": "show",
    "draw_evolution": "show",
    "enable_compilation_cache": "lowering",
    "fit": "lowering",
    "fit_partly": "lowering",
    "from_arrays": "data",
    "hypervolume": "search",
    "load": "lowering",
    "load_checkpoint": "lowering",
    "load_data": "data",
    "lower": "lowering",
    "make_searcher": "search",
    "pareto_front": "search",
    "random_search": "search",
    "read_run": "runs",
    "run_search": "search",
    "save": "lowering",
    "save_checkpoint": "lowering",
    "within": "search",
}
"""Where names are found that are loaded on first use; each also stands in the block above."""

if not TYPE_CHECKING:  # checkers see the names above, and so find misspelt ones

    def __getattr__(name: str) -> object:
        """Import the package that has `name`, and keep what it gave."""
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """List what is loaded, and what can be."""
        return sorted({*globals(), *_LAZY})
