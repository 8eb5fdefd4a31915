"""Training by programs of the whole net: a step a call, or many of them.

Calling a program takes some 50 microseconds on a CPU, as long as a step of a small dense net. Where
the steps lie in a loop within the program nothing comes between one and the next. The program is
told how many to take, so that those before a limit, too, are steps of this program.
"""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol, cast

import jax
import numpy as np

from jarch.lowering.rules.choices import situated

from .batches import device_data, epoch_order
from .executables import executable
from .preparation import Run
from .steps import (
    Epoch,
    Numbers,
    Program,
    TrainState,
    Variables,
    compiled,
    forward,
    make_step,
    program_values,
    start,
    step_function,
    step_key,
    variables_of,
)

MOST_TOGETHER = 128
"""Steps of one call of a loop at most: an interrupt waits for its end."""

_ROUNDS = 3
_MEASURED = 32  # steps of a call that is timed
_fori = cast("Callable[..., TrainState]", jax.lax.fori_loop)  # JAX does not say its types


class Take(Protocol):
    """Takes steps."""

    def __call__(self, state: TrainState, count: int = 1) -> TrainState:
        """Return the state after `count` more steps; it reuses the memory."""
        ...


class Steps(Protocol):
    """How one model is trained and gives its outputs."""

    @property
    def together(self) -> int:
        """How many steps it is best to take in one call."""
        ...

    def start(self, variables: Variables) -> TrainState:
        """Return the state before the first step."""
        ...

    def variables_of(self, state: TrainState) -> Variables:
        """Return the variables in a state, by the keys of the architecture's nodes."""
        ...

    def make_step(self, state: TrainState, x: Any, y: Any, epoch: Epoch, numbers: Numbers) -> Take:
        """Return what takes steps within an epoch from a state of these shapes."""
        ...

    def outputs(self, state: TrainState, x: Any) -> Any:
        """Return the outputs of one batch, without dropout."""
        ...


class Whole:
    """One step a call."""

    together = 1

    def __init__(self, program: Program, level: int | None = None) -> None:
        """Begin.

        Args:
            program: What the step is of.
            level: Of the compiler, for the step; None for the one of this backend.
        """
        self._program, self._level = program, level

    def start(self, variables: Variables) -> TrainState:
        """Return the state before the first step."""
        return start(self._program, variables)

    def variables_of(self, state: TrainState) -> Variables:
        """Return the variables in a state, by the keys of the architecture's nodes."""
        return variables_of(self._program.module, state)

    def make_step(self, state: TrainState, x: Any, y: Any, epoch: Epoch, numbers: Numbers) -> Take:
        """Return what takes steps within an epoch from a state of these shapes."""
        step = make_step(self._program, state, x, y, epoch, numbers, self._level)

        def take(state: TrainState, count: int = 1) -> TrainState:
            for _ in range(count):
                state = step(state)
            return state

        return take

    def outputs(self, state: TrainState, x: Any) -> Any:
        """Return the outputs of one batch, without dropout."""
        return forward(self._program.module, self.variables_of(state), x)


class Looped(Whole):
    """Many steps a call."""

    together = MOST_TOGETHER

    def make_step(self, state: TrainState, x: Any, y: Any, epoch: Epoch, numbers: Numbers) -> Take:
        """Return what takes steps within an epoch from a state of these shapes."""
        given = (x, y, epoch, numbers, program_values(self._program))
        arguments = (state, np.int32(0), *given)
        key, own = step_key(self._program, arguments, "steps")
        loop = _loop_of(self._program)
        run = executable(key, own, lambda: compiled(loop, arguments, donate_argnums=0))
        return lambda state, count=1: run(state, np.int32(count), *given)


def _loop_of(program: Program) -> Callable[..., TrainState]:
    """Return the function of a state, a number of steps, and what is given to each."""
    step = step_function(program)

    def steps(state: TrainState, count: Any, *given: Any) -> TrainState:
        def body(_: Any, state: TrainState) -> TrainState:
            return step(state, *given)

        with situated("loop"):
            return _fori(0, count, body, state)

    return steps


def measured(run: Run) -> dict[str, float]:
    """Return how many seconds a step takes by each of the two, `"steps"` and `"loop"`.

    Nothing of the run is changed. Data are put on the device.
    """
    data = device_data(run.data, run.batch_size)
    order = epoch_order(len(run.data.x_train), run.batch_size, run.config.seed, 1)
    epoch, numbers = jax.device_put((Epoch(order, run.rates[0]), run.numbers))
    variables = run.model.init(run.config.seed, run.data.x_train[:1])
    count = min(_MEASURED, len(order))
    found: dict[str, list[float]] = {"steps": [], "loop": []}
    takes: dict[str, Callable[[], None]] = {}
    for name, by in (("steps", Whole(run.program)), ("loop", Looped(run.program))):
        state = by.start(variables)
        take = by.make_step(state, data.x, data.y, epoch, numbers)
        takes[name] = _taker(take, state, count)
    for _ in range(_ROUNDS + 1):  # the first warms up
        for name, take_them in takes.items():
            began = time.perf_counter()
            take_them()
            found[name].append((time.perf_counter() - began) / count)
    return {name: min(seconds[1:]) for name, seconds in found.items()}


def _taker(take: Take, state: TrainState, count: int) -> Callable[[], None]:
    """Return what takes steps and waits for them."""

    def take_them() -> None:
        nonlocal state
        state = take(state, count)
        np.asarray(state.step)

    return take_them
