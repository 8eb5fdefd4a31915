"""Which programs a model is trained by: one of its whole step, or shared ones of segments."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import fields
from typing import Literal, TypeAlias

import jax

from jarch.ir import Architecture
from jarch.lowering.numbers import numbers_of
from jarch.lowering.segments import KNOWN, segments_of

from .config import TrainConfig
from .feeding import place_of
from .kinds import kind_of
from .levels import level_of
from .optimizers import are_plain
from .piecewise import Piecewise
from .preparation import Run, analysis_of
from .probes import remembered_choice
from .stepping import Looped, Steps, Whole, measured

Way: TypeAlias = Literal["whole", "segments"]

MOST_STEPS = 1000
"""Above so many steps in all epochs a program of the whole step is worth its compiling."""

LOOP = "loop"
"""The kind of choice that `probes.overrule_choice` may overrule: `"steps"` or `"loop"`."""

MOST_WORK = 1 << 23
"""FLOPs of a batch, forward, up to which convolutions may lie in a loop on CPUs.

Of five small nets, in batches of 8 and of 64, a step in a loop took 0.11 to 0.94 of the time; of
one with three convolutions of 32 channels, 1.7 and 2 times.
"""

LEAST_SEGMENTS = 4
"""An architecture that falls into fewer has little to share with others."""

# Each parameter is updated by itself, so that segments may be, too.
_BY_PARAMETER = frozenset({"adam", "adamax", "adamw", "lion", "nadam", "nadamw", "rmsprop", "sgd"})
_UNDERSTOOD = frozenset(
    {
        "batch_size",
        "early_stopping_patience",
        "epochs",
        "final_fraction",
        "label_smoothing",
        "learning_rate",
        "metrics",
        "optimizer",
        "optimizer_options",
        "schedule",
        "seed",
        "task",
        "warmup_fraction",
        "weight_decay",
    }
)
_CONVOLUTIONS = frozenset({"conv", "depthwise_conv", "separable_conv"})
_overruled: Way | None = None


def steps_of(run: Run) -> Steps:
    """Return the steps of a run, by the programs that it is to be trained by."""
    if way_of(run) == "segments":
        return Piecewise(run.program, segments_of(run.model.architecture))
    if _is_looped(run):
        return Looped(run.program)
    shape = run.signature.input_shape
    level = level_of(run.model.architecture, shape, run.batch_size, run.rates.size)
    return Whole(run.program, level)


def way_of(run: Run) -> Way:
    """Return by which programs a run is trained.

    It follows from the architecture, the configuration and the number of steps, never from a
    measurement or from what was compiled before, since the results of the two differ by rounding.
    """
    if not _can_be_cut(run):
        return "whole"
    if _overruled is not None:
        return _overruled
    few = run.rates.size <= MOST_STEPS
    return "segments" if few and jax.default_backend() == "cpu" else "whole"


def overrule_way(way: Way | None) -> None:
    """Train by these programs in this process, wherever that can be.

    Args:
        way: None goes by the number of steps again.
    """
    global _overruled
    _overruled = way


@contextmanager
def overruled_way(way: Way | None) -> Generator[None]:
    """Overrule meanwhile; see `overrule_way`."""
    before = _overruled
    overrule_way(way)
    try:
        yield
    finally:
        overrule_way(before)


def _is_looped(run: Run) -> bool:
    """Say whether steps are to lie in a loop within the program, by a measurement that is kept.

    For few steps a second program is not worth compiling. On a CPU convolutions in a loop are
    computed as products of matrices, which is faster for small ones and slower for others, and
    differs by rounding: where the work is more than `MOST_WORK` they stay out, unmeasured.
    """
    if run.rates.size <= MOST_STEPS or place_of(run.data) == "host":
        return False
    if jax.default_backend() == "cpu" and not _may_loop(run):
        return False
    kind = kind_of(run, steps=run.rates.shape[1])
    return remembered_choice(LOOP, kind, lambda: measured(run), names=("steps", "loop")) == "loop"


def _may_loop(run: Run) -> bool:
    nodes = run.model.architecture.nodes
    if any(node.op.name not in KNOWN or node.op.lowerings for _, node in nodes):
        return False
    if not any(node.op.name in _CONVOLUTIONS for _, node in nodes):
        return True
    return analysis_of(run).flops * run.batch_size <= MOST_WORK


def _can_be_cut(run: Run) -> bool:
    default = TrainConfig()
    others = [field.name for field in fields(TrainConfig) if field.name not in _UNDERSTOOD]
    plain = all(getattr(run.config, name) == getattr(default, name) for name in others)
    named = isinstance(run.config.optimizer, str) and run.config.optimizer in _BY_PARAMETER
    alike = named and are_plain(run.program.options)  # in each process
    if not (plain and alike and run.program.module.dtype is None):
        return False
    architecture = run.model.architecture
    return _ours(architecture) and len(segments_of(architecture)) >= LEAST_SEGMENTS


def _ours(architecture: Architecture) -> bool:
    """Say whether all operations are jarch's own, and only dropout draws random numbers."""
    return all(
        node.op.name in KNOWN
        and not node.op.lowerings
        and not (node.op.name == "attention" and numbers_of(node))
        for _, node in architecture.nodes
    )
