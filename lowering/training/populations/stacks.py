"""Members of one program that are trained side by side: their arrays lie one behind the other."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import jax
import numpy as np
from jax.sharding import Mesh

from jarch.lowering.normal_form import normal_form
from jarch.lowering.training.batches import epoch_order
from jarch.lowering.training.budgets import Budget
from jarch.lowering.training.errors import TrainingFailed
from jarch.lowering.training.feeding import begin_validation, fed, place_of
from jarch.lowering.training.judging import on_host
from jarch.lowering.training.metrics import Array
from jarch.lowering.training.piecewise import Piecewise
from jarch.lowering.training.resuming import Ending, to_device, to_host
from jarch.lowering.training.stepping import Steps, Take, Whole
from jarch.lowering.training.steps import (
    Epoch,
    TrainState,
    Variables,
    program_values,
    start_on_host,
    variables_of,
)
from jarch.lowering.training.ways import steps_of

from .members import Member, Report
from .meshes import ALL, MEMBERS, epoch_specs, placed_data, rows_of, sharding, state_specs
from .programs import gathered, population_forward, population_step
from .trees import copied_row, row_of, stacked

_DeviceError = cast(type[RuntimeError], jax.errors.JaxRuntimeError)


class Stack:
    """Members that are trained side by side, one epoch after the other.

    The state of a member that has ended stays as it is, by a mask in the program, and so does that
    of one whose loss is not finite. Once half of the rows are of that kind, or only fill a mesh,
    the others are gathered into a smaller stack. A stack of one member on one device has no axis
    for members, and its programs are those of one model; those of `fit` where it is the only one
    of its program.
    """

    def __init__(
        self,
        members: Sequence[Member],
        mesh: Mesh | None = None,
        only: bool = False,
        keeps: bool = False,
    ) -> None:
        """Take members of one program; their arrays are made when they first train.

        Args:
            members: At least one, all trained for as many steps before; the first is repeated until
                a mesh is full.
            mesh: Over which they are spread; None for one device.
            only: Whether to train it as `fit` would, which makes a program for it alone, perhaps.
            keeps: Whether to keep the state of members that have ended, from which they can go on.
        """
        self.steps = members[0].steps
        self.epoch = self.steps // members[0].run.rates.shape[1]
        self._only, self._keeps = only, keeps
        self._by: Steps | None = None
        self._mesh = mesh
        self._rows = _filled(members, mesh)
        self._state: TrainState | None = None
        self._taken: Variables | None = None  # of all rows as they are now, on the host

    @property
    def members(self) -> list[Member]:
        """Those that lie on the device, in order."""
        return [*dict.fromkeys(self._rows)]

    @property
    def active(self) -> list[Member]:
        """The members that are still training, in order."""
        return [member for member in self.members if member.active]

    def train_epoch(self, on_epoch: Report | None, budget: Budget) -> bool:
        """Train one more epoch, validate each member, and see which of them end.

        Returns:
            Whether the epoch was trained to its end; the budget may end before.
        """
        active = self.active
        began = time.perf_counter()
        try:
            compiled, number = self._take_steps(budget), self.epoch
            if self.steps < (number + 1) * self._rows[0].run.rates.shape[1]:
                return False
            self.epoch += 1
            outputs, losses = self._outputs(), self._losses()  # the device goes on meanwhile
        except _DeviceError as error:
            reason = f"the device could not go on with {len(active)} models at once: {error}"
            for member in active:
                member.failure = TrainingFailed(reason, self.epoch)
        else:
            seconds = (time.perf_counter() - began) / len(active), compiled / len(active)
            for member in active:
                row = self._rows.index(member)
                made = None if outputs is None else outputs[row]
                weights = partial(self.weights, member)
                member.report(seconds, losses[row], made, weights, on_epoch)
        self.tidy()
        return True

    def stop(self, why: Ending) -> None:
        """End the members that are still training as they are now."""
        active = self.active
        if not active:
            return
        self._state = self._start() if self._state is None else self._state
        within = self.steps % self._rows[0].run.rates.shape[1] != 0 or not active[0].history
        outputs = self._outputs() if within else None
        for member in active:
            made = None if outputs is None else outputs[self._rows.index(member)]
            member.stop(why, self.steps, made)
        self.tidy()

    def tidy(self) -> None:
        """Take members that have ended off the device, and gather the others once they are few."""
        for member in self.members:
            if member.ended is not None and member.best is None and member.variables is None:
                member.variables = self.weights(member)
            if self._keeps and member.ended is not None and member.leaves is None:
                member.leaves, member.steps = self._leaves(member), self.steps
                member.in_segments = isinstance(self._by, Piecewise)
        active = self.active
        if not active:
            self._state = self._taken = None
        elif self._state is not None:
            self._gather(_filled(active, self._mesh))

    def weights(self, member: Member) -> Variables:
        """Return the variables of a member as they are now, on the host."""
        if self._taken is None:
            self._taken = on_host(self._variables())
        own: Any = self._taken
        if not self._alone:
            own = copied_row(own, self._rows.index(member))
        return normal_form(member.run.program.module.architecture).from_normal(own)

    def _leaves(self, member: Member) -> tuple[Any, ...]:
        """Return the arrays of the state of a member as it is now, on the host."""
        state = self._now
        if not self._alone:
            row = copied_row(state._replace(step=()), self._rows.index(member))
            state = row._replace(step=state.step)
        return to_host(state)

    def begin(self) -> tuple[Callable[[], None], int]:
        """Make the arrays and the program of the next epoch.

        Returns:
            What takes a step, without waiting for it, and how many there are.
        """
        run, number = self._rows[0].run, self.epoch + 1
        state = self._start() if self._state is None else self._state
        self._state, self._taken = state, None
        if self._alone:
            return self._begin_alone(number), run.rates.shape[1]
        data = placed_data(run.data, run.batch_size, self._mesh)
        given = (data.x, data.y, *self._given(number))
        step = population_step(run.program, (state, *given), self._mesh)

        def take() -> None:
            self._state = step(self._now, *given)

        return take, run.rates.shape[1]

    def _begin_alone(self, number: int) -> Callable[[], None]:
        """Return what takes a step of the only member, wherever the data lie."""
        run, steps = self._rows[0].run, self._steps
        epoch, numbers, *_ = self._given_to(self._rows[0], number)
        numbers = jax.device_put(numbers)
        length = len(epoch.order)
        parts = fed(run.data, run.batch_size, epoch, self.steps % length, length, self.wait)
        step: Take | None = None  # of all parts but where data are sent batch by batch

        def take() -> None:
            nonlocal step
            if step is None or place_of(run.data) == "host":
                part = next(parts)
                step = steps.make_step(self._now, part.x, part.y, part.epoch, numbers)
            self._state = step(self._now)

        return take

    def wait(self) -> None:
        """Wait until the device has done what it was given."""
        if self._state is not None:
            np.asarray(self._state.step)

    @property
    def _alone(self) -> bool:
        return self._mesh is None and len(self._rows) == 1

    @property
    def _steps(self) -> Steps:
        """How a member that lies alone is trained."""
        if self._by is None:
            run = self._rows[0].run
            self._by = steps_of(run) if self._only else Whole(run.program)
        return self._by

    @property
    def _now(self) -> TrainState:
        assert self._state is not None
        return self._state

    def _take_steps(self, budget: Budget) -> float:
        """Train to the end of the epoch or of a budget; return what compiling took, in seconds."""
        began, fresh = time.perf_counter(), self._state is None
        take, steps = self.begin()
        last = min((self.epoch + 1) * steps, budget.steps)
        first, compiled = self.steps, 0.0
        while self.steps < last and not budget.is_late(self.steps, self.wait):
            take()
            if fresh and self.steps == first:
                compiled = time.perf_counter() - began
            self.steps += 1
        return compiled

    def _start(self) -> TrainState:
        if self._alone:
            member = self._rows[0]
            return _gone_on(member, self._steps.start(_initial(member)))
        states = {
            member: _gone_on(member, start_on_host(member.run.program, _initial(member)))
            for member in self.members
        }
        first = states[self._rows[0]]
        state = stacked([states[member] for member in self._rows])._replace(step=first.step)
        return cast(TrainState, self._put(state, state_specs()))

    def _given(self, number: int) -> tuple[Any, ...]:
        """Return epoch, numbers, values and who goes on, of all rows, on the device."""
        epoch, *others = stacked([self._given_to(member, number) for member in self._rows])
        specs: Any = MEMBERS
        if self._mesh is not None:
            specs = epoch_specs(self._rows[0].run.program.module, self._mesh)
        return (self._put(epoch, specs), *(self._put(each, MEMBERS) for each in others))

    def _given_to(self, member: Member, number: int) -> tuple[Any, ...]:
        run = member.run
        number = min(number, len(run.rates))  # what has ended takes no more steps
        order = epoch_order(len(run.data.x_train), run.batch_size, run.config.seed, number)
        epoch = Epoch(order, run.rates[number - 1])
        return epoch, run.numbers, program_values(run.program), np.array(member.active)

    def _losses(self) -> list[float]:
        steps = self._rows[0].run.rates.shape[1]
        return [float(loss) / steps for loss in np.atleast_1d(np.asarray(self._now.loss))]

    def _outputs(self) -> Array | None:
        """Return the outputs of the validation split: (P, N, …); None without such a split."""
        run = self._rows[0].run
        if not len(run.data.x_validation):
            return None
        if self._alone:
            outputs = partial(self._steps.outputs, self._now)
            return begin_validation(run.data, run.batch_size, outputs)()[None]
        variables, data = self._variables(), placed_data(run.data, run.batch_size, self._mesh)
        module, arguments = run.program.module, (variables, data.validation[0])
        forward = population_forward(module, arguments, self._mesh)
        waiting = [forward(variables, batch) for batch in data.validation]
        made: Array = np.concatenate([np.asarray(each) for each in waiting], axis=1)
        return made[:, : len(run.data.y_validation)]  # without what filled the last batch

    def _variables(self) -> Variables:
        """Return the variables of all rows, by the names of the normal form, on the device."""
        module = self._rows[0].run.program.module
        if self._alone:
            variables = self._steps.variables_of(self._now)
        else:
            variables = variables_of(module, self._now)
        return normal_form(module.architecture).to_normal(variables)

    def _gather(self, rows: list[Member]) -> None:
        """Go on with fewer rows, if they are at most half of those there are."""
        if len(rows) > len(self._rows) // 2:
            return
        places = np.array([self._rows.index(member) for member in rows], np.int32)
        state = gathered(self._now, self._put(places, ALL), self._mesh)
        self._rows, self._taken = rows, None
        if self._alone:
            state = row_of(state._replace(step=()), 0)._replace(step=state.step)
        self._state = state

    def _put(self, tree: Any, specs: Any) -> Any:
        if self._mesh is None:
            return jax.device_put(tree)
        mesh = self._mesh
        if isinstance(specs, (TrainState, Epoch)):
            specs = type(specs)(*(sharding(mesh, spec) for spec in specs))
        else:
            specs = sharding(mesh, specs)
        return jax.device_put(tree, specs)


def _filled(members: Sequence[Member], mesh: Mesh | None) -> list[Member]:
    """Return the members of the rows: so many that each device of a mesh has as many as another."""
    missing = -len(members) % rows_of(mesh)
    return [*members, *[members[0]] * missing]


def _initial(member: Member) -> Variables:
    return member.run.model.init(member.run.config.seed, member.run.data.x_train[:1])


def _gone_on(member: Member, state: TrainState) -> TrainState:
    """Return the state with which a member begins, or that from which it goes on."""
    return state if member.begins is None else to_device(member.begins, state)
