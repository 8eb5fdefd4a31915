"""Which programs a model is trained by: one of its whole step, or shared ones of segments."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, Literal, Protocol, TypeAlias

import jax

from jarch.ir import Architecture
from jarch.lowering.numbers import numbers_of
from jarch.lowering.segments import KNOWN, segments_of

from .config import TrainConfig
from .piecewise import Piecewise
from .preparation import Run
from .steps import (
    Epoch,
    Numbers,
    Program,
    TrainState,
    Variables,
    forward,
    make_step,
    start,
    variables_of,
)

Way: TypeAlias = Literal["whole", "segments"]

MOST_STEPS = 1000
"""Above so many steps in all epochs a program of the whole step is worth its compiling."""

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
_overruled: Way | None = None


class Steps(Protocol):
    """How one model is trained and gives its outputs."""

    def start(self, variables: Variables) -> TrainState:
        """Return the state before the first step."""
        ...

    def variables_of(self, state: TrainState) -> Variables:
        """Return the variables in a state, by the keys of the architecture's nodes."""
        ...

    def make_step(
        self, state: TrainState, x: Any, y: Any, epoch: Epoch, numbers: Numbers
    ) -> Callable[[TrainState], TrainState]:
        """Return what makes a state into that after one more step; it reuses the memory."""
        ...

    def outputs(self, state: TrainState, x: Any) -> Any:
        """Return the outputs of one batch, without dropout."""
        ...


class Whole:
    """The steps of a model by programs of its whole."""

    def __init__(self, program: Program) -> None:
        """Begin.

        Args:
            program: What the step is of.
        """
        self._program = program

    def start(self, variables: Variables) -> TrainState:
        """Return the state before the first step."""
        return start(self._program, variables)

    def variables_of(self, state: TrainState) -> Variables:
        """Return the variables in a state, by the keys of the architecture's nodes."""
        return variables_of(self._program.module, state)

    def make_step(
        self, state: TrainState, x: Any, y: Any, epoch: Epoch, numbers: Numbers
    ) -> Callable[[TrainState], TrainState]:
        """Return what makes a state into that after one more step; it reuses the memory."""
        return make_step(self._program, state, x, y, epoch, numbers)

    def outputs(self, state: TrainState, x: Any) -> Any:
        """Return the outputs of one batch, without dropout."""
        return forward(self._program.module, self.variables_of(state), x)


def steps_of(run: Run) -> Steps:
    """Return the steps of a run, by the programs that it is to be trained by."""
    if way_of(run) == "segments":
        return Piecewise(run.program, segments_of(run.model.architecture))
    return Whole(run.program)


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


def _can_be_cut(run: Run) -> bool:
    default = TrainConfig()
    others = [field.name for field in fields(TrainConfig) if field.name not in _UNDERSTOOD]
    plain = all(getattr(run.config, name) == getattr(default, name) for name in others)
    named = isinstance(run.config.optimizer, str) and run.config.optimizer in _BY_PARAMETER
    if not (plain and named and run.program.module.dtype is None):
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
