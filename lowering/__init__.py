"""From an architecture to a program that runs: Flax models, their training, their checkpoints.

The names below are loaded on first use, so that importing jarch does not import JAX. A name is
public here when it stands both in the block for type checkers and in the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from jarch.ir.lazy_names import lazy_names

if TYPE_CHECKING:
    from .costs import (
        COSTS as COSTS,
        COUNTS as COUNTS,
        Cost as Cost,
        check_costs as check_costs,
        over_limit as over_limit,
    )
    from .errors import LoweringError as LoweringError
    from .flax_module import ArchitectureModule as ArchitectureModule
    from .initialization import initial_variables as initial_variables
    from .model import Model as Model, lower as lower
    from .rules.choices import overrule as overrule, overruled as overruled
    from .timing import (
        Timing as Timing,
        measure_costs as measure_costs,
        require_told as require_told,
        time_forward as time_forward,
    )
    from .tracing import infer_by_tracing as infer_by_tracing
    from .training.batches import Data as Data
    from .training.checkpoint_files import (
        load_checkpoint as load_checkpoint,
        remove_checkpoint as remove_checkpoint,
        save_checkpoint as save_checkpoint,
    )
    from .training.checkpoints import load as load, save as save
    from .training.compilation_cache import enable_compilation_cache as enable_compilation_cache
    from .training.config import TrainConfig as TrainConfig
    from .training.dry_runs import (
        DryRun as DryRun,
        dry_run as dry_run,
        program_key as program_key,
    )
    from .training.errors import (
        CheckpointError as CheckpointError,
        ExportError as ExportError,
        InputError as InputError,
        TrainConfigError as TrainConfigError,
        TrainingFailed as TrainingFailed,
        TrainingInterrupted as TrainingInterrupted,
    )
    from .training.executables import (
        forget_programs as forget_programs,
        program_counts as program_counts,
    )
    from .training.fitting import fit as fit, fit_partly as fit_partly
    from .training.memory import (
        available_bytes as available_bytes,
        require_memory as require_memory,
        training_bytes as training_bytes,
    )
    from .training.metrics import METRICS as METRICS, Metric as Metric
    from .training.optimizers import optimizer_names as optimizer_names
    from .training.populations.grouping import group_by_program as group_by_program
    from .training.populations.members import Outcome as Outcome
    from .training.populations.meshes import population_mesh as population_mesh
    from .training.populations.parts import fit_population_partly as fit_population_partly
    from .training.populations.training import fit_population as fit_population
    from .training.preparation import check_config as check_config
    from .training.resuming import Checkpoint as Checkpoint, Partial as Partial
    from .training.trained import (
        EpochReport as EpochReport,
        Signature as Signature,
        Trained as Trained,
    )
    from .tuning import (
        Tuned as Tuned,
        measure_ways as measure_ways,
        probe_choices as probe_choices,
    )

_MODULES: Mapping[str, str] = {
    "ArchitectureModule": "flax_module",
    "COSTS": "costs",
    "COUNTS": "costs",
    "Checkpoint": "training.resuming",
    "CheckpointError": "training.errors",
    "Cost": "costs",
    "Data": "training.batches",
    "DryRun": "training.dry_runs",
    "EpochReport": "training.trained",
    "ExportError": "training.errors",
    "InputError": "training.errors",
    "LoweringError": "errors",
    "METRICS": "training.metrics",
    "Metric": "training.metrics",
    "Model": "model",
    "Outcome": "training.populations.members",
    "Partial": "training.resuming",
    "Signature": "training.trained",
    "Timing": "timing",
    "TrainConfig": "training.config",
    "TrainConfigError": "training.errors",
    "Trained": "training.trained",
    "TrainingFailed": "training.errors",
    "TrainingInterrupted": "training.errors",
    "Tuned": "tuning",
    "available_bytes": "training.memory",
    "check_config": "training.preparation",
    "check_costs": "costs",
    "dry_run": "training.dry_runs",
    "enable_compilation_cache": "training.compilation_cache",
    "fit": "training.fitting",
    "fit_partly": "training.fitting",
    "fit_population": "training.populations.training",
    "fit_population_partly": "training.populations.parts",
    "forget_programs": "training.executables",
    "group_by_program": "training.populations.grouping",
    "infer_by_tracing": "tracing",
    "initial_variables": "initialization",
    "load": "training.checkpoints",
    "load_checkpoint": "training.checkpoint_files",
    "lower": "model",
    "measure_costs": "timing",
    "measure_ways": "tuning",
    "optimizer_names": "training.optimizers",
    "over_limit": "costs",
    "population_mesh": "training.populations.meshes",
    "overrule": "rules.choices",
    "overruled": "rules.choices",
    "probe_choices": "tuning",
    "program_counts": "training.executables",
    "program_key": "training.dry_runs",
    "remove_checkpoint": "training.checkpoint_files",
    "require_memory": "training.memory",
    "require_told": "timing",
    "save": "training.checkpoints",
    "save_checkpoint": "training.checkpoint_files",
    "time_forward": "timing",
    "training_bytes": "training.memory",
}
"""Where each name is defined, relative to this package."""

if not TYPE_CHECKING:  # checkers see the names above, and so find misspelt ones
    __getattr__, __dir__ = lazy_names(__name__, globals(), _MODULES)


if __name__ != "jarch.lowering":  # then each class would exist twice
    raise ImportError("this folder is the package jarch.lowering; import it under that name")
